"""A domain's data plane: its REST API on its indexes, models, pipelines and roles."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from .errors import Refused, invalid, unparsable
from .index import Index
from .models import Models, search
from .queries import Search, best, highlighted, marked, normalization, words
from .security import Security

Json = dict[str, Any]
PREDICT = "cluster:admin/opensearch/ml/predict"
MAX_RESULT_WINDOW = 10_000


class _Request:
    """A request: its caller, the names in its path, its query parameters and its body."""

    def __init__(self, caller: str, names: dict[str, str], query: dict[str, str], body: bytes) -> None:
        self.caller, self.names, self.query, self.body = caller, names, query, body

    def json(self) -> Json:
        """Return the body, {} without one. Raise Refused if it is no JSON object."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            raise unparsable("Failed to parse the body: it is not JSON") from None
        if not isinstance(found, dict):
            raise unparsable("Failed to parse the body: expected an object")
        return found


class Cluster:
    """One domain. `master` is its master user; an empty one stands for a domain without fine-grained access control."""

    def __init__(self, arn: str, master: str) -> None:
        self.master = master
        self.models, self.security = Models(arn), Security()
        self.indexes: dict[str, Index] = {}
        self.ingest: dict[str, Json] = {}
        self.search_pipelines: dict[str, Json] = {}
        self._lock = threading.RLock()

    def answer(self, caller: str, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Answer a request of a principal: HTTP status and JSON body."""
        try:
            with self._lock:
                return self._answer(caller, method, path, query, body)
        except Refused as refused:
            return refused.status, refused.body()
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            return 400, unparsable(f"The body cannot be read: {type(error).__name__} {error}").body()

    def _answer(self, caller: str, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        for verb, pattern, action, handler in _ROUTES:
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                names = found.groupdict()
                self._permit(caller, action, names.get("index", ""))
                request = _Request(caller, names, query, body)
                return handler(self, request)
        raise Refused(400, "illegal_argument_exception", f"no handler found for uri [{path}] and method [{method}]")

    def _permit(self, caller: str, action: str, index: str = "") -> None:
        if self.master and caller != self.master:
            self.security.check(caller, action, index)

    # Models

    def _create_connector(self, request: _Request) -> tuple[int, Any]:
        return 200, self.models.create_connector(request.json())

    def _find_connectors(self, request: _Request) -> tuple[int, Any]:
        return 200, search(_kept(self.models.connectors, ".plugins-ml-connector"), request.json())

    def _register(self, request: _Request) -> tuple[int, Any]:
        return 200, self.models.register(request.json())

    def _find_models(self, request: _Request) -> tuple[int, Any]:
        return 200, search(_kept(self.models.models, ".plugins-ml-model"), request.json())

    def _get_model(self, request: _Request) -> tuple[int, Any]:
        return 200, self.models.model(request.names["id"])

    def _deploy(self, request: _Request) -> tuple[int, Any]:
        return 200, self.models.deploy(request.names["id"])

    def _predict(self, request: _Request) -> tuple[int, Any]:
        return 200, self.models.predict(request.names["id"], request.json().get("parameters") or {})

    # Pipelines and roles

    def _put_ingest(self, request: _Request) -> tuple[int, Any]:
        body = request.json()
        for processor in body["processors"]:
            if set(processor) != {"text_embedding"}:
                raise Refused(400, "parse_exception", f"No processor type exists with name {sorted(processor)}")
            self.models.model(processor["text_embedding"]["model_id"])
        self.ingest[request.names["name"]] = body
        return 200, {"acknowledged": True}

    def _put_search_pipeline(self, request: _Request) -> tuple[int, Any]:
        normalization(request.json())
        self.search_pipelines[request.names["name"]] = request.json()
        return 200, {"acknowledged": True}

    def _put_role(self, request: _Request) -> tuple[int, Any]:
        return _put(self.security.roles, request)

    def _put_mapping(self, request: _Request) -> tuple[int, Any]:
        if request.names["name"] not in self.security.roles:
            raise Refused(404, "not_found", f"role '{request.names['name']}' not found.")
        return _put(self.security.mapping, request)

    # Indexes

    def _index(self, name: str) -> Index:
        if name not in self.indexes:
            raise Refused(404, "index_not_found_exception", f"no such index [{name}]")
        return self.indexes[name]

    def _create_index(self, request: _Request) -> tuple[int, Any]:
        name, body = request.names["index"], request.json()
        if name in self.indexes:
            raise Refused(400, "resource_already_exists_exception", f"index [{name}/local] already exists")
        settings = body.get("settings") or {}
        self.indexes[name] = Index(name, settings.get("index") or {}, body.get("mappings") or {})
        return 200, {"acknowledged": True, "shards_acknowledged": True, "index": name}

    def _get_index(self, request: _Request) -> tuple[int, Any]:
        index = self._index(request.names["index"])
        return 200, {index.name: {"mappings": index.mappings, "settings": {"index": index.settings}}}

    def _put_fields(self, request: _Request) -> tuple[int, Any]:
        """Add fields to the mapping. Raise Refused for one that would change."""
        have = self._index(request.names["index"]).mappings.setdefault("properties", {})
        for name, mapped in request.json()["properties"].items():
            if have.setdefault(name, mapped) != mapped:
                raise invalid(
                    f"mapper [{name}] cannot be changed from type [{have[name]['type']}] to [{mapped['type']}]"
                )
        return 200, {"acknowledged": True}

    def _put_settings(self, request: _Request) -> tuple[int, Any]:
        changed = request.json().get("index") or {}
        self._index(request.names["index"]).settings.update(changed)
        return 200, {"acknowledged": True}

    def _bulk(self, request: _Request) -> tuple[int, Any]:
        """Index and delete documents, each for itself: one that is refused is an item of the answer."""
        self._permit(request.caller, "indices:data/write/bulk")  # for the cluster, as before for the index
        if not request.body.endswith(b"\n"):
            raise invalid("The bulk request must be terminated by a newline [\\n]")
        index, lines, items = self._index(request.names["index"]), iter(request.body.splitlines()), []
        for line in lines:
            ((operation, meta),) = json.loads(line).items()
            if operation not in ("index", "delete"):
                raise unparsable(f"The local cloud does not implement [{operation}] in a bulk.")
            document = json.loads(next(lines)) if operation == "index" else None
            items.append({operation: self._item(request.caller, index, meta.get("_id"), document)})
        return 200, {
            "took": 1,
            "errors": any(item.get("error") for one in items for item in one.values()),
            "items": items,
        }

    def _item(self, caller: str, index: Index, key: str | None, document: Json | None) -> Json:
        key = key or uuid.uuid4().hex[:20]
        named = {"_index": index.name, "_id": key}
        if document is None:
            found = index.remove(key)
            return {**named, "result": "deleted" if found else "not_found", "status": 200 if found else 404}
        try:
            new = index.put(key, self._processed(caller, index, document))
        except Refused as refused:
            return {**named, "status": refused.status, "error": refused.cause()}
        return {**named, "result": "created" if new else "updated", "status": 201 if new else 200}

    def _processed(self, caller: str, index: Index, document: Json) -> Json:
        """Return a document as the index's ingest pipeline makes it."""
        name = index.settings.get("default_pipeline")
        if not name:
            return document
        if name not in self.ingest:
            raise invalid(f"pipeline with id [{name}] does not exist")
        made = dict(document)
        for processor in self.ingest[name]["processors"]:
            settings = processor["text_embedding"]
            for source, target in settings["field_map"].items():
                if source not in made:
                    continue
                if not isinstance(made[source], str):
                    raise invalid(f"map type field [{source}] is neither string nor nested type, cannot process it")
                if not made[source].strip():
                    raise invalid(f"field [{source}] has empty string value, cannot process it")
                self._permit(caller, PREDICT)
                made[target] = self.models.embed(settings["model_id"], made[source])
        return made

    def _search(self, request: _Request) -> tuple[int, Any]:
        started, index, body = time.monotonic(), self._index(request.names["index"]), request.json()
        if unknown := set(body) - {
            "_source",
            "query",
            "size",
            "from",
            "highlight",
            "search_pipeline",
            "track_total_hits",
        }:
            raise unparsable(f"Unknown key for {sorted(unknown)}")
        size, start = body.get("size", 10), body.get("from", 0)
        if size < 0 or start < 0 or size + start > MAX_RESULT_WINDOW:
            raise invalid(
                f"Result window is too large, from + size must be less than or equal to: [{MAX_RESULT_WINDOW}]"
            )
        ranked = self._ranked(request, index, body, size, start)
        wanted = words(body["query"])
        hits = [self._hit(index, key, score, body, wanted) for key, score in ranked[start : start + size]]
        total = {"value": len({key for key, _ in ranked}), "relation": "eq"}
        top = max((score for _, score in ranked), default=None)
        took = round((time.monotonic() - started) * 1000)
        return 200, {"took": took, "timed_out": False, "hits": {"total": total, "max_score": top, "hits": hits}}

    def _ranked(self, request: _Request, index: Index, body: Json, size: int, start: int) -> list[tuple[str, float]]:
        def embed(model: str, text: str) -> list[float]:
            self._permit(request.caller, PREDICT)
            return self.models.embed(model, text)

        finder, query = Search(index, embed), body["query"]
        processor = normalization(self._pipeline(request, index, body))
        if "hybrid" not in query:
            return best(finder.scores(query))
        found = finder.raw(query["hybrid"], size, start)
        return best(processor.combine(found)) if processor else marked(found)

    def _pipeline(self, request: _Request, index: Index, body: Json) -> Json | None:
        """Return the search pipeline: the one in the body, the one that the request names, or the index's default."""
        given = body.get("search_pipeline", request.query.get("search_pipeline"))
        given = given if given is not None else index.settings.get("search.default_pipeline", "_none")
        if isinstance(given, dict):
            return given
        if given == "_none":
            return None
        if given not in self.search_pipelines:
            raise invalid(f"Pipeline {given} is not defined")
        return self.search_pipelines[given]

    def _hit(self, index: Index, key: str, score: float, body: Json, wanted: dict[str, str]) -> Json:
        excluded = (body.get("_source") or {}).get("excludes") or []
        source = {name: value for name, value in index.documents[key].items() if name not in excluded}
        hit: Json = {"_index": index.name, "_id": key, "_score": score, "_source": source}
        if found := highlighted(index, key, body.get("highlight") or {}, wanted):
            hit["highlight"] = found
        return hit


def _put(items: dict[str, Json], request: _Request) -> tuple[int, Any]:
    name = request.names["name"]
    known = name in items
    items[name] = request.json()
    what = "updated" if known else "created"
    return (200 if known else 201), {"status": "OK" if known else "CREATED", "message": f"'{name}' {what}."}


def _kept(items: dict[str, Json], index: str) -> dict[str, Json]:
    """Return the items. The index that has them does not exist before the first one."""
    if not items:
        raise Refused(404, "index_not_found_exception", f"no such index [{index}]")
    return items


_ML, _ROLES, _INDEX = "/_plugins/_ml", "/_plugins/_security/api", "/(?P<index>[a-z0-9][a-z0-9_.-]*)"
_ADMIN, _SECURITY = "cluster:admin/opensearch/ml", "cluster:admin/opendistro/security"
Handler = Callable[[Cluster, _Request], tuple[int, Any]]
_ROUTES: list[tuple[str, str, str, Handler]] = [
    ("POST", f"{_ML}/connectors/_create", f"{_ADMIN}/connectors/create", Cluster._create_connector),
    ("POST", f"{_ML}/connectors/_search", f"{_ADMIN}/connectors/search", Cluster._find_connectors),
    ("POST", f"{_ML}/models/_register", f"{_ADMIN}/register_model", Cluster._register),
    ("POST", f"{_ML}/models/_search", f"{_ADMIN}/models/search", Cluster._find_models),
    ("GET", f"{_ML}/models/(?P<id>[^/]+)", f"{_ADMIN}/models/get", Cluster._get_model),
    ("POST", f"{_ML}/models/(?P<id>[^/]+)/_deploy", f"{_ADMIN}/deploy_model", Cluster._deploy),
    ("POST", f"{_ML}/models/(?P<id>[^/]+)/_predict", PREDICT, Cluster._predict),
    ("PUT", "/_ingest/pipeline/(?P<name>[^/]+)", "cluster:admin/ingest/pipeline/put", Cluster._put_ingest),
    ("PUT", "/_search/pipeline/(?P<name>[^/]+)", "cluster:admin/search/pipeline/put", Cluster._put_search_pipeline),
    ("PUT", f"{_ROLES}/roles/(?P<name>[^/]+)", f"{_SECURITY}/roles/write", Cluster._put_role),
    ("PUT", f"{_ROLES}/rolesmapping/(?P<name>[^/]+)", f"{_SECURITY}/rolesmapping/write", Cluster._put_mapping),
    ("POST", f"{_INDEX}/_bulk", "indices:data/write/bulk", Cluster._bulk),
    ("POST", f"{_INDEX}/_search", "indices:data/read/search", Cluster._search),
    ("PUT", f"{_INDEX}/_settings", "indices:admin/settings/update", Cluster._put_settings),
    ("PUT", f"{_INDEX}/_mapping", "indices:admin/mapping/put", Cluster._put_fields),
    ("GET", _INDEX, "indices:admin/get", Cluster._get_index),
    ("PUT", _INDEX, "indices:admin/create", Cluster._create_index),
]
