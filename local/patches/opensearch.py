"""OpenSearch Service: a domain's endpoint answers, each call evaluated by IAM, the domain's policy and its own roles.

And Amazon Titan Text Embeddings on Bedrock, by a small model of the local cloud.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id, get_region
from ministack.services import bedrock_runtime, opensearch

from local.patches.registry import Original, patch
from local.permissions import caller, client, principal_arn, role_session
from local.services import embedding
from local.services.opensearch import neighbours
from local.services.opensearch.cluster import Cluster

PRINCIPAL = "opensearchservice.amazonaws.com"
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonopensearchservice.html
_ACTIONS = {method: f"es:ESHttp{method.title()}" for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")}
_clusters: dict[str, Cluster] = {}


def _domain(headers: Any) -> dict[str, Any] | None:
    """Return the domain whose endpoint a request's host is."""
    host = str(headers.get("host", "")).partition(":")[0]
    if not host.endswith(".es.amazonaws.com"):
        return None
    return next((rec for _, rec in opensearch._domains.all_items() if rec.get("_Endpoint") == host), None)


@patch(
    "ministack.services.opensearch",
    "_new_domain_record",
    because="A domain's endpoint is a name in es.amazonaws.com, without a port; MiniStack forgets what it logs.",
)
def new_domain_record(original: Original, name: str, payload: dict[str, Any]) -> Any:
    """Return the record of a new domain with AWS's endpoint, and its logs."""
    record = original(name, payload)
    record["LogPublishingOptions"] = payload.get("LogPublishingOptions") or {}
    digest = hashlib.sha256(f"{get_account_id()}/{name}".encode()).digest()
    suffix = base64.b32encode(digest).decode().lower()[:26]
    record["_Endpoint"] = f"search-{name}-{suffix}.{get_region()}.es.amazonaws.com"
    record.pop("Endpoint", None)
    record.pop("Endpoints", None)
    opensearch._set_vpc_options(record, payload.get("VPCOptions"))
    return record


@patch(
    "ministack.services.opensearch",
    "_update_domain_config",
    because="MiniStack does not change what a domain logs.",
)
def update_domain_config(original: Original, name: str, payload: dict[str, Any]) -> Any:
    """Change a domain, also what it logs."""
    record = opensearch._domains.get(name)
    if record is not None and "LogPublishingOptions" in payload:
        record["LogPublishingOptions"] = payload["LogPublishingOptions"]
    return original(name, payload)


@patch(
    "ministack.services.opensearch",
    "delete_domain_record",
    because="What a domain holds ends with it.",
)
def delete_domain_record(original: Original, name: str, missing_ok: bool = False) -> Any:
    """Delete a domain with its indexes, models and roles."""
    _clusters.pop(opensearch._arn(name), None)
    return original(name, missing_ok)


@patch("ministack.app", "detect_service", because="A request without a signature reaches a domain's endpoint, too.")
def detect_service(
    original: Original, method: str, path: str, headers: dict[str, str], query_params: dict[str, Any]
) -> str:
    """Return OpenSearch Service for a domain's host."""
    return "opensearch" if _domain(headers) else str(original(method, path, headers, query_params))


@patch(
    "ministack.core.iam_actions",
    "extract_iam_action",
    because="A request to a domain's endpoint is authorized by its HTTP method.",
)
def extract_iam_action(
    original: Original, service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any
) -> Any:
    """Return es:ESHttpPost and the like for a domain's endpoint."""
    if service == "opensearch" and _domain(headers):
        return _ACTIONS.get(method, f"es:ESHttp{method.title()}")
    return original(service, method, path, headers, body, query_params)


@patch(
    "ministack.core.iam_actions",
    "extract_resource_arn",
    because="IAM is asked about the path below a domain, and about the domain that a path or the body names.",
)
def extract_resource_arn(
    original: Original,
    service: str,
    method: str,
    path: str,
    headers: Any,
    body: bytes,
    query_params: Any,
    region: str,
    account_id: str,
) -> str:
    """Return the ARN that IAM checks."""
    if service == "opensearch":
        if domain := _domain(headers):
            return f"{domain['ARN']}{path}"
        if found := re.match(r"/2021-01-01/opensearch/domain/([^/]+)", path):
            return f"arn:aws:es:{region}:{account_id}:domain/{found[1]}"
        named = query_params.get("arn", "")
        if named := named[0] if isinstance(named, list) else named:
            return str(named)
        arn = re.search(rb'"ARN"\s*:\s*"([^"]+)"', body or b"")
        if arn:
            return arn[1].decode()
    return str(original(service, method, path, headers, body, query_params, region, account_id))


@patch(
    "ministack.core.iam_evaluator",
    "_resource_policy",
    because="A domain's access policy governs the requests to its endpoint.",
)
def resource_policy(original: Original, service: str, resource_arn: str) -> Any:
    """Return the domain's access policy and its account, for what is below a domain."""
    if service == "opensearch" and (found := re.fullmatch(r"arn:aws:es:([^:]+):(\d+):domain/([^/]+)/.*", resource_arn)):
        region, account, name = found.groups()
        record = opensearch._domains.get_scoped(account, region, name) or {}
        return record.get("AccessPolicies") or None, account
    return original(service, resource_arn)


@patch(
    "ministack.services.opensearch",
    "handle_request",
    because="MiniStack has no data plane without Docker.",
)
async def handle_request(
    original: Original, method: str, path: str, headers: Any, body_bytes: bytes, query_params: Any
) -> Any:
    """Let the domain answer what its endpoint receives."""
    domain = _domain(headers)
    if domain is None:
        return await original(method, path, headers, body_bytes, query_params)
    security = domain["AdvancedSecurityOptions"]
    master = (security.get("MasterUserOptions") or {}).get("MasterUserARN", "") if security.get("Enabled") else ""
    cluster = _clusters.setdefault(domain["ARN"], Cluster(domain["ARN"], master))
    cluster.master = master
    principal = principal_arn(caller()[0])
    query = {name: value[0] if isinstance(value, list) else value for name, value in query_params.items()}
    status, answer = await asyncio.to_thread(cluster.answer, principal, method, unquote(path), query, body_bytes)
    return status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(answer).encode()


class Engine(neighbours.Neighbours):
    """Bedrock of this cloud, under the connector's role."""

    def invoke(self, domain_arn: str, role_arn: str, url: str, body: str) -> Any:
        """Return the answer to a connector's request. Raise ModelRefused."""
        host, path = urlsplit(url).hostname or "", urlsplit(url).path
        service, region = host.split(".")[:2]
        found = re.fullmatch(r"/model/([^/]+)/invoke", path)
        if service != "bedrock-runtime" or not found:
            raise neighbours.ModelRefused(f"The local cloud has no models at {host}.")
        try:
            session = role_session(role_arn, "opensearch", PRINCIPAL, domain_arn)
            answer = client("bedrock-runtime", region, session).invoke_model(modelId=unquote(found[1]), body=body)
        except (ClientError, PermissionError) as error:
            raise neighbours.ModelRefused(str(error)) from None
        return json.loads(answer["body"].read())


TITAN = "amazon.titan-embed-text-v2:0"
_DIMENSIONS = (256, 512, 1024)


@patch(
    "ministack.services.bedrock_runtime",
    "_invoke_model",
    because="MiniStack answers an embedding model with a sentence.",
)
def invoke_model(original: Original, model_id: str, headers: Any, body: Any) -> Any:
    """Answer Amazon Titan Text Embeddings V2 with an embedding by the local cloud's own model.

    It has 256 dimensions. Zeros fill the longer ones that Titan offers, which changes no distance.
    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
    """
    if not unquote(model_id).endswith(TITAN):
        return original(model_id, headers, body)
    try:
        given = json.loads(body or b"")
        text, size = given["inputText"], given.get("dimensions", 1024)
        usable = isinstance(text, str) and text.strip() != "" and size in _DIMENSIONS
    except (ValueError, KeyError, TypeError):
        usable = False
    if not usable:
        reason = f"Malformed input request: inputText must not be empty, dimensions must be one of {_DIMENSIONS}."
        return bedrock_runtime._error("ValidationException", reason, 400)
    vector = embedding.embed(text, bool(given.get("normalize", True))) + [0.0] * (size - embedding.DIMENSIONS)
    answer = {"embedding": vector, "embeddingsByType": {"float": vector}, "inputTextTokenCount": len(text.split())}
    return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()


def start() -> None:
    """Let domains reach the models behind their connectors."""
    neighbours.current = Engine()
