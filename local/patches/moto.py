"""moto as one more engine: it answers the services, and single operations, that MiniStack lacks.

Authentication, IAM evaluation, CloudTrail's records and routing stay MiniStack's for every request, whichever engine
answers it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id

from local.patches.registry import Original, patch
from local.permissions import request_body
from local.services import bridge

Handler = Callable[..., Awaitable[Any]]
_SCOPE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")


def operation_of(
    service: str, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> str:
    """Return the IAM action without its prefix, such as `GetFindings`; empty if the request matches none."""
    action = iam_actions.extract_iam_action(service, method, path, headers, body, query_params)
    return action.partition(":")[2] if action else ""


@patch(
    "ministack.core.iam_actions",
    "SERVICE_TO_IAM_NAMESPACE",
    because="MiniStack has no action prefixes for services that it lacks.",
)
def service_to_iam_namespace(prefixes: dict[str, str]) -> dict[str, str]:
    """Add moto's services."""
    prefixes.update({service: service for service in bridge.MOTO_SERVICES})
    return prefixes


@patch(
    "ministack.core.iam_actions",
    "_BOTOCORE_SERVICE_MAP",
    because="MiniStack has no API models for services that it lacks.",
)
def botocore_service_map(models: dict[str, list[str]]) -> dict[str, list[str]]:
    """Add moto's services."""
    models.update(bridge.MOTO_SERVICES)
    return models


@patch("ministack.app", "SERVICE_HANDLERS", because="moto answers its services and single operations.")
def service_handlers(handlers: dict[str, Handler]) -> dict[str, Handler]:
    """Add a handler for each of moto's services. Put one before MiniStack's where moto has some operations."""
    for service in bridge.MOTO_SERVICES:
        handlers[service] = _handler(service)
    for service, operations in bridge.MOTO_OPERATIONS.items():
        handlers[service] = _handler(service, operations, handlers[service])
    return handlers


def _handler(service: str, operations: set[str] | None = None, otherwise: Handler | None = None) -> Handler:
    """Return a handler that passes `operations` (all of a service by default) to moto, and others to `otherwise`."""

    async def handler(method: str, path: str, headers: Any, body: bytes, query_params: dict[str, Any]) -> Any:
        operation = operation_of(service, method, path, headers, body, query_params)
        if otherwise and operation not in (operations or ()):
            return await otherwise(method, path, headers, body, query_params)
        return await bridge.handle(service, operation, get_account_id(), method, path, headers, body, query_params)

    return handler


@patch("ministack.app", "detect_service", because="Requests to services that MiniStack lacks must reach moto.")
def detect_service(
    original: Original, method: str, path: str, headers: dict[str, str], query_params: dict[str, Any]
) -> str:
    """Return the service of the credential's scope if it is one of moto's."""
    signed = _SCOPE.search(headers.get("authorization", ""))
    if signed and signed.group(1) in bridge.MOTO_SERVICES:
        return signed.group(1)
    return str(original(method, path, headers, query_params))


@patch(
    "ministack.core.iam_actions",
    "extract_resource_arn",
    because="MiniStack does not know the resources of moto's operations.",
)
def extract_resource_arn(
    original: Original,
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
    region: str,
    account_id: str,
) -> str:
    """Return the ARN that IAM checks."""
    if service in bridge.RESOURCE_ARNS:
        operation = operation_of(service, method, path, headers, body, query_params)
        if operation in bridge.MOTO_OPERATIONS.get(service, {operation}):
            return bridge.RESOURCE_ARNS[service](operation, method, path, body, region, account_id)
    return str(original(service, method, path, headers, body, query_params, region, account_id))


@patch(
    "ministack.core.iam_evaluator",
    "enforce",
    because="AWS asks about each resource of a request that names several; MiniStack about one.",
)
def enforce(
    original: Original,
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Return None, or the denial of the action on one of the request's resources."""
    denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
    if denied is not None or service not in bridge.RESOURCE_ARNS:
        return denied
    operation = iam_action.partition(":")[2]
    for arn in bridge.further_arns(service, operation, request_body.get(), region, get_account_id()):
        denied = denied or original(access_key_id, iam_action, service, region, arn, service_context)
    return denied
