"""Make what the domain needs for hybrid search: connector, model, pipelines, index and roles. Safe to repeat.

Terraform calls it after each change, since its provider has no resources for these. Event: {"terraform": true} from
there, {} from others. Answer: {"model_id", "dimensions", "created": [what was not there before]}.
"""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

from common import clients, observability, propagation, settings

from . import objects
from .domain import Domain
from .errors import DimensionMismatch, DomainError, DomainNotReady, IndexDiffers

ML, SECURITY = "/_plugins/_ml", "/_plugins/_security/api"
DEPLOY_SECONDS = 120.0


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Make what is missing. Raise DomainNotReady, DimensionMismatch, IndexDiffers, DomainError."""
    log = observability.begin(context)
    conf = settings.load(objects.Settings)
    find = functools.partial(endpoint, clients.client("opensearch"), conf.domain_name)
    by_terraform = event.get("terraform") is True
    domain = Domain(propagation.permitted(find, by_terraform=by_terraform))
    answer = settled(functools.partial(make, domain, conf), by_terraform=by_terraform)
    log.info("domain prepared", extra={"model_id": answer["model_id"], "made": answer["created"]})
    return answer


def endpoint(opensearch: Any, name: str) -> str:
    """Return the host name of a domain. Raise DomainNotReady."""
    status = opensearch.describe_domain(DomainName=name)["DomainStatus"]
    if not status.get("Endpoint"):
        raise DomainNotReady(f"The domain {name} has no endpoint yet: apply again when it is active.")
    return str(status["Endpoint"])


def settled(
    work: Callable[[], dict[str, Any]],
    *,
    by_terraform: bool,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Return what `work` returns. For Terraform, repeat it for a minute while it is denied.

    New policies take some seconds to apply, in front of the domain and behind its connector (`common.propagation`).
    """
    ends = clock() + propagation.SECONDS
    while True:
        try:
            return work()
        except DomainError as error:
            if not by_terraform or not _denied(error) or clock() + propagation.PAUSE > ends:
                raise
            observability.logger().warning(propagation.WAITING, extra={"kind": error.kind})
        sleep(propagation.PAUSE)


def _denied(error: DomainError) -> bool:
    behind = error.status == 400 and ("AccessDenied" in error.reason or "not authorized" in error.reason)
    return error.status == 403 or behind


def make(domain: Domain, conf: objects.Settings) -> dict[str, Any]:
    """Make what is missing, in the order in which each needs the one before."""
    created: list[str] = []
    model_id = _model(domain, conf, created)
    _check_dimensions(domain, conf, model_id)
    domain.call("PUT", f"/_ingest/pipeline/{conf.index}", objects.ingest_pipeline(conf, model_id))
    domain.call("PUT", f"/_search/pipeline/{conf.index}", objects.search_pipeline(conf.weights))
    _index(domain, conf, created)
    for name, (role, arn) in objects.roles(conf).items():
        domain.call("PUT", f"{SECURITY}/roles/{name}", role)
        domain.call("PUT", f"{SECURITY}/rolesmapping/{name}", {"backend_roles": [arn]})
    return {"model_id": model_id, "dimensions": conf.dimensions, "created": created}


def _model(domain: Domain, conf: objects.Settings, created: list[str]) -> str:
    """Return the ID of the deployed model behind the connector; make both if they are missing."""
    connector = objects.connector(conf)
    name = connector["name"]
    connector_id = _find(domain, "connectors", name)
    if connector_id is None:
        # Once only: if an answer is lost, the next run finds what this one has made.
        connector_id = domain.call("POST", f"{ML}/connectors/_create", connector, attempts=1)["connector_id"]
        created.append("connector")
    model_id = _find(domain, "models", name)
    if model_id is None:
        model = {"name": name, "function_name": "remote", "connector_id": connector_id}
        model_id = str(domain.call("POST", f"{ML}/models/_register", model, attempts=1)["model_id"])
        created.append("model")
    _deploy(domain, model_id)
    return model_id


def _find(domain: Domain, kind: str, name: str) -> str | None:
    """Return the ID of the connector or model of this name, the smallest if there are several."""
    query = {"query": {"term": {"name.keyword": name}}, "size": 10, "_source": {"includes": ["name"]}}
    try:
        hits = domain.call("POST", f"{ML}/{kind}/_search", query)["hits"]["hits"]
    except DomainError as error:
        if error.status == 404:  # before the first one, the index that has them does not exist
            return None
        raise
    return min((str(hit["_id"]) for hit in hits), default=None)


def _deploy(domain: Domain, model_id: str, clock: Callable[[], float] = time.monotonic) -> None:
    ends = clock() + DEPLOY_SECONDS
    if domain.call("GET", f"{ML}/models/{model_id}").get("model_state") == "DEPLOYED":
        return
    domain.call("POST", f"{ML}/models/{model_id}/_deploy")
    while domain.call("GET", f"{ML}/models/{model_id}").get("model_state") != "DEPLOYED":
        if clock() > ends:
            raise DomainNotReady(f"The model {model_id} is not deployed after {DEPLOY_SECONDS:g} seconds.")
        time.sleep(1)


def _check_dimensions(domain: Domain, conf: objects.Settings, model_id: str) -> None:
    """Embed a text. Raise DimensionMismatch if the index would refuse such vectors."""
    answer = domain.call("POST", f"{ML}/models/{model_id}/_predict", {"parameters": objects.probe(conf)})
    found = len(answer["inference_results"][0]["output"][0]["data"])
    if found != conf.dimensions:
        raise DimensionMismatch(
            f"{conf.model} returns {found} dimensions, and embedding.dimensions is {conf.dimensions}. "
            f"Set embedding.dimensions to {found}, or choose another model."
        )


def _index(domain: Domain, conf: objects.Settings, created: list[str]) -> None:
    """Create the index, or bring its settings up to date. Raise IndexDiffers if only a new index would do."""
    path = f"/{conf.index}"
    try:
        domain.call("PUT", path, objects.index(conf))
    except DomainError as error:
        if error.kind != "resource_already_exists_exception":
            raise
    else:
        created.append("index")
        return
    found = domain.call("GET", path)[conf.index]["mappings"]
    wanted = objects.mappings(conf)
    if different := objects.differences(wanted, found):
        raise IndexDiffers(
            f"The index {conf.index} has another mapping of {', '.join(different)}, which OpenSearch cannot change. "
            "Set `index` to a new name and load the documents again."
        )
    domain.call("PUT", f"{path}/_mapping", {"properties": wanted["properties"]})
    domain.call("PUT", f"{path}/_settings", {"index": objects.index_settings(conf)})
