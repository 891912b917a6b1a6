"""A domain in this process: the local cloud's data plane behind the functions' own code, with the real small model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.hybrid_search import bootstrap, domain, load, objects, query
from data.hybrid_search.errors import DomainError
from local.services.embedding import DIMENSIONS, embed
from local.services.opensearch import neighbours
from local.services.opensearch.cluster import Cluster

CATALOGUE = Path(__file__).parents[4] / "scenarios" / "data" / "hybrid_search.jsonl"
FILTERS = {
    "brand": "keyword",
    "category": "keyword",
    "price": "float",
    "new": "boolean",
    "stock": "integer",
    "since": "date",
}
MASTER, LOADER, SEARCHER = "arn:role/bootstrap", "arn:role/load", "arn:role/query"

CONF = objects.Settings(
    domain_name="test-hybrid",
    index="products",
    text_field="caption",
    filter_fields=FILTERS,
    service="bedrock",
    model="amazon.titan-embed-text-v2:0",
    dimensions=DIMENSIONS,
    connector_role_arn="arn:aws:iam::123456789012:role/connector",
    region="eu-west-1",
    shards=1,
    replicas=0,
    refresh_seconds=1,
    query_role_arn=SEARCHER,
    load_role_arn=LOADER,
    weights=[0.3, 0.7],
)
LOAD = load.Settings("host", "products", "caption", "bucket", "123456789012", "documents/", "reports/")


def settings(model_id: str = "model", **more: Any) -> query.Settings:
    """Return the settings of the search function."""
    return query.Settings("host", model_id, "products", "caption", FILTERS, **{"depth": 100, "weight": 0.7, **more})


class Models(neighbours.Neighbours):
    """Titan, with a dimension of its own if `returns` says so."""

    def __init__(self, returns: int = 0) -> None:
        self.returns, self.calls = returns, 0

    def invoke(self, domain_arn: str, role_arn: str, url: str, body: str) -> Any:
        self.calls += 1
        given = json.loads(body)
        if "/endpoints/" in url:
            return [embed(text) for text in given]
        size = self.returns or given["dimensions"]
        return {"embedding": (embed(given["inputText"]) + [0.0] * size)[:size]}


class Connection(domain.Domain):
    """The domain as a role sees it. `calls` has what was asked; `fail` may answer first."""

    def __init__(self, cluster: Cluster, caller: str) -> None:
        super().__init__("host", sleep=lambda _: None)
        self.cluster, self.caller = cluster, caller
        self.calls: list[tuple[str, str, Any]] = []
        self.fail: Callable[[str, str], DomainError | None] = lambda method, path: None

    def _once(self, method: str, path: str, data: bytes, kind: str) -> dict[str, Any]:
        self.calls.append((method, path, data))
        if failed := self.fail(method, path):
            raise failed
        status, answer = self.cluster.answer(self.caller, method, path, {}, data)
        if status >= 400:
            raise domain._refusal(status, answer)
        found: dict[str, Any] = json.loads(json.dumps(answer))
        return found


class World:
    """A domain that is prepared and, with `load`, has the catalogue."""

    def __init__(self, conf: objects.Settings = CONF) -> None:
        self.conf, self.cluster = conf, Cluster("arn:aws:es:eu-west-1:123456789012:domain/test-hybrid", MASTER)
        self.master = Connection(self.cluster, MASTER)
        self.model_id = bootstrap.make(self.master, conf)["model_id"]
        self.searcher, self.loader = Connection(self.cluster, SEARCHER), Connection(self.cluster, LOADER)

    def load(self, content: Any = None, key: str = "documents/a.jsonl") -> load.Report:
        """Load documents, the catalogue by default."""
        import io

        report = load.Report(key)
        body = io.BytesIO(CATALOGUE.read_bytes() if content is None else content)
        load.load(body, self.loader, LOAD, report, lambda: 900.0)
        return report

    def search(self, text: str, conf: query.Settings | None = None, **more: Any) -> dict[str, Any]:
        """Return what a client sees of a search."""
        conf = conf or settings(self.model_id)
        wanted = query.parse({"query": text, **more}, conf)
        return query.results(self.searcher.call("POST", "/products/_search", query.body(wanted, conf)), wanted, conf)
