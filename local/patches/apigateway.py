"""API Gateway: answers that differ from AWS's."""

from __future__ import annotations

import json
from collections.abc import Callable
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


@patch(
    "ministack.services.apigateway_v1",
    "_create_api_key",
    because="MiniStack's IDs of API keys have 8 characters, AWS's have 10.",
)
def create_api_key(original: Original, data: dict[str, Any]) -> Any:
    """Make a key, under an ID as AWS's are."""
    status, _, body = answer = original(data)
    if status != 201:
        return answer
    key = apigateway_v1._api_keys.pop(json.loads(body)["id"])
    key["id"] = apigateway_v1._new_id()
    apigateway_v1._api_keys[key["id"]] = key
    return apigateway_v1._v1_response(key, 201)


@patch(
    "ministack.services.apigateway_v1",
    "_update_api_key",
    because='MiniStack stores enabled as text, and takes "false" for true.',
)
def update_api_key(original: Original, key_id: str, data: dict[str, Any]) -> Any:
    """Change a key."""
    changes = [
        {**change, "value": change.get("value") == "true"} if change.get("path") == "/enabled" else change
        for change in data.get("patchOperations", [])
    ]
    return original(key_id, {**data, "patchOperations": changes})


@patch(
    "ministack.services.apigateway_v1",
    "_create_usage_plan",
    because="MiniStack gives a plan without a quota an empty one, which Terraform would remove in each plan.",
)
def create_usage_plan(original: Original, data: dict[str, Any]) -> Any:
    """Make a plan that has the limits that were asked for, and no others."""
    status, _, body = answer = original(data)
    if status != 201:
        return answer
    plan = apigateway_v1._usage_plans[json.loads(body)["id"]]
    for name in ("quota", "throttle"):
        if not plan[name]:
            del plan[name]
    return apigateway_v1._v1_response(plan, 201)


@patch(
    "ministack.services.apigateway_v1",
    "_update_usage_plan",
    because="MiniStack stores limits as text, and the stage that is added to a plan as its only one.",
)
def update_usage_plan(original: Original, plan_id: str, data: dict[str, Any]) -> Any:
    """Change a usage plan: limits are numbers, and stages `<api>:<stage>` are added and removed one at a time.

    https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateUsagePlan-Patch
    """
    plan, left = apigateway_v1._usage_plans.get(plan_id), []
    for change in data.get("patchOperations", []):
        name = change.get("path", "").rpartition("/")[2]
        if plan and name == "apiStages":
            api, _, stage = str(change.get("value")).partition(":")
            others = [one for one in plan["apiStages"] if (one["apiId"], one["stage"]) != (api, stage)]
            added = [{"apiId": api, "stage": stage}] if change["op"] == "add" else []
            plan["apiStages"] = others + added
        else:
            number = _LIMITS.get(name)
            left.append({**change, "value": number(change["value"])} if number and "value" in change else change)
    return original(plan_id, {**data, "patchOperations": left})


_LIMITS: dict[str, Callable[[str], float]] = {"rateLimit": float, "burstLimit": int, "limit": int, "offset": int}
