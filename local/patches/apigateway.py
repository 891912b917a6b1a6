"""API Gateway: answers that differ from AWS's."""

from __future__ import annotations

from typing import Any

from ministack.services import apigateway_v1

from local.patches.registry import Original, patch


@patch(
    "ministack.services.apigateway_v1",
    "_put_integration",
    because="MiniStack gives a MOCK integration the method POST, so that Terraform would replace it in each plan.",
)
def put_integration(original: Original, api_id: str, resource_id: str, http_method: str, data: dict[str, Any]) -> Any:
    """Store an integration; one without a back end has no method for it."""
    answer = original(api_id, resource_id, http_method, data)
    if data.get("type") == "MOCK" and "httpMethod" not in data:
        method = apigateway_v1._resources.get(api_id, {}).get(resource_id, {}).get("resourceMethods", {})
        if integration := method.get(http_method, {}).get("methodIntegration"):
            integration["httpMethod"] = None
    return answer
