"""API Gateway: stages that serve the snapshot of a deployment, and send a part of their requests to a canary's.

Stages of APIs that were not imported serve the API as it is now; their canary has its stage variables only. Not here:
CreateDeployment with a canary, the stage cache, logs and metrics.
https://docs.aws.amazon.com/apigateway/latest/developerguide/canary-release.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/update-canary-deployment.html
"""

from __future__ import annotations

import contextvars
import copy
import json
import random
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1 as api_gateway

from local.patches.apigateway_import import imported
from local.patches.registry import Original, patch

Data = dict[str, Any]
_CANARY = "canarySettings"
_SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "deploymentId": str,
    "percentTraffic": float,
    "useStageCache": lambda value: value.lower() == "true",
}
_served: contextvars.ContextVar[Data | None] = contextvars.ContextVar("served", default=None)
"""The stage as it answers this request: with its canary's deployment and variables, if that was chosen."""


class _Refused(Exception):
    """A change that API Gateway refuses."""


def _place(api_id: str, deployment_id: str) -> str:
    return f"{api_id}/{deployment_id}"


@patch(
    "ministack.services.apigateway_v1",
    "_create_deployment",
    because="In MiniStack, a stage serves the API as it is now and not as it was deployed.",
)
def create_deployment(original: Original, api_id: str, data: Data) -> Any:
    """Keep a snapshot of what was imported."""
    if data.get(_CANARY):
        return api_gateway._v1_error("NotImplemented", "The local cloud sets a canary on the stage only", 501)
    answer = original(api_id, data)
    if api_id in imported and answer[0] == 201:
        place = _place(api_id, json.loads(answer[2])["id"])
        api_gateway._resources[place] = copy.deepcopy(api_gateway._resources[api_id])
        api_gateway._models[place] = copy.deepcopy(api_gateway._models.get(api_id, {}))
    return answer


@patch(
    "ministack.services.apigateway_v1",
    "_delete_deployment",
    because="MiniStack deletes a deployment that a stage serves, and keeps no snapshots.",
)
def delete_deployment(original: Original, api_id: str, deployment_id: str) -> Any:
    """Refuse for a deployment in use; drop its snapshot."""
    for stage in api_gateway._stages_v1.get(api_id, {}).values():
        if deployment_id in (stage.get("deploymentId"), (stage.get(_CANARY) or {}).get("deploymentId")):
            return api_gateway._v1_error(
                "BadRequestException",
                "Active stages pointing to this deployment must be moved or deleted",
                400,
            )
    api_gateway._resources.pop(_place(api_id, deployment_id), None)
    api_gateway._models.pop(_place(api_id, deployment_id), None)
    return original(api_id, deployment_id)


@patch(
    "ministack.services.apigateway_v1",
    "_create_stage",
    because="MiniStack drops the canary of a new stage.",
)
def create_stage(original: Original, api_id: str, data: Data) -> Any:
    """Keep the canary's settings."""
    if not data.get(_CANARY):
        return original(api_id, data)
    try:
        canary = _canary(api_id, data["deploymentId"], data[_CANARY])
    except _Refused as refused:
        return api_gateway._v1_error("BadRequestException", str(refused), 400)
    answer = original(api_id, data)
    if answer[0] != 201:
        return answer
    stage = api_gateway._stages_v1[api_id][data["stageName"]]
    stage[_CANARY] = canary
    return api_gateway._v1_response(stage, 201)


@patch(
    "ministack.services.apigateway_v1",
    "_update_stage",
    because="MiniStack keeps a canary's numbers as text, and checks nothing.",
)
def update_stage(original: Original, api_id: str, stage_name: str, data: Data) -> Any:
    """Change the canary's settings, in order with the stage's others."""
    stage = api_gateway._stages_v1.get(api_id, {}).get(stage_name)
    if stage is None:
        return original(api_id, stage_name, data)
    operations = data.get("patchOperations") or []
    wanted = copy.deepcopy(stage)
    try:
        for one in operations:
            _change(api_id, wanted, one)
    except _Refused as refused:
        return api_gateway._v1_error("BadRequestException", str(refused), 400)
    stage.pop(_CANARY, None)
    stage |= {name: wanted[name] for name in (_CANARY, "deploymentId", "variables") if name in wanted}
    return original(api_id, stage_name, {**data, "patchOperations": [one for one in operations if not _ours(one)]})


def _ours(operation: Data) -> bool:
    path = str(operation["path"])
    return operation["op"] == "copy" or path.startswith(("/canarySettings", "/deploymentId"))


def _change(api_id: str, stage: Data, operation: Data) -> None:
    """Change a canary, the deployment or, with a copy, the variables of a stage. Raise _Refused, as AWS answers."""
    op, path, value = operation["op"], operation["path"], operation.get("value")
    canary, deployment = stage.get(_CANARY), stage["deploymentId"]
    if op == "copy":
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/promote-canary-deployment.html
        if not canary:
            raise _Refused("Promotion not available. Canary does not exist.")
        if path == "/deploymentId":
            stage["deploymentId"] = canary["deploymentId"]
        elif path == "/variables":
            stage["variables"] = {**(stage.get("variables") or {}), **(canary.get("stageVariableOverrides") or {})}
    elif path == "/deploymentId":
        stage["deploymentId"] = _deployment(api_id, value)
    elif (op, path) == ("remove", "/canarySettings"):
        stage.pop(_CANARY, None)
    elif found := re.fullmatch("/canarySettings/(?:stageVariableOverrides/(.+)|(.+))", path):
        variable, setting = found.groups()
        if variable and op == "remove":
            ((canary or {}).get("stageVariableOverrides") or {}).pop(variable, None)
        elif op != "replace":
            raise _Refused(f"Invalid {op} operation with path: {path}")
        elif variable:
            overrides = (canary or {}).get("stageVariableOverrides") or {}
            given = {**(canary or {}), "stageVariableOverrides": {**overrides, variable: value}}
            stage[_CANARY] = _canary(api_id, deployment, given)
        elif setting in _SETTINGS:
            given = {**(canary or {}), setting: _SETTINGS[setting](str(value))}
            stage[_CANARY] = _canary(api_id, deployment, given)
        else:
            raise _Refused(f"Invalid method setting path: {path}")


def _canary(api_id: str, deployment_id: str, given: Data) -> Data:
    """Return a canary's settings with AWS's defaults: the stage's own deployment, and none of its requests."""
    canary = {"deploymentId": deployment_id, "percentTraffic": 0.0, "useStageCache": False, **given}
    _deployment(api_id, canary["deploymentId"])
    if not 0 <= canary["percentTraffic"] <= 100:
        raise _Refused("Percent traffic must be between 0.0 and 100.0")
    return canary


def _deployment(api_id: str, deployment_id: Any) -> str:
    if deployment_id not in api_gateway._deployments_v1.get(api_id, {}):
        raise _Refused("Deployment id does not exist")
    return str(deployment_id)


# Requests


def _chosen(api_id: str, stage_name: str) -> Data:
    """Return the stage as it answers a request: AWS chooses its canary's requests at random, each by itself."""
    stage: Data = api_gateway._stages_v1.get(api_id, {}).get(stage_name) or {}
    canary = stage.get(_CANARY)
    if not canary or random.random() * 100 >= canary["percentTraffic"]:
        return stage
    variables = {**(stage.get("variables") or {}), **(canary.get("stageVariableOverrides") or {})}
    return {**stage, "deploymentId": canary["deploymentId"], "variables": variables}


@patch(
    "ministack.services.apigateway_v1",
    "_execute_in_scope",
    because="A request is answered by the deployment of its stage, or of its canary.",
)
async def execute_in_scope(
    original: Original,
    request: Data,
    api_id: str,
    stage_name: str,
    method: str,
    path: str,
    headers: Any,
    body: Any,
    query_params: Any,
    owner_account_id: str,
    owner_region: str,
) -> Any:
    """Answer from a snapshot."""
    served = _chosen(api_id, stage_name)
    token = _served.set(served)
    try:
        return await original(
            request, api_id, stage_name, method, path, headers, body, query_params, owner_account_id, owner_region
        )
    finally:
        _served.reset(token)
        if request["stage"]:
            request["stage"] = served  # its gateway responses


@patch(
    "ministack.services.apigateway_v1",
    "_authorize_request_v1",
    because="The variables of a canary's requests are the canary's.",
)
async def authorize_request(
    original: Original,
    api_id: str,
    stage_name: str,
    method_obj: Data,
    method: str,
    request_path: str,
    resource: Data,
    headers: Any,
    body: Any,
    query_params: Any,
    path_params: Any,
    stage: Data,
    *rest: Any,
) -> Any:
    """Let an authorizer see the variables of what answers."""
    given = (api_id, stage_name, method_obj, method, request_path, resource, headers, body, query_params, path_params)
    return await original(*given, _served.get() or stage, *rest)


@patch(
    "ministack.services.apigateway_v1",
    "_build_lambda_event_v1",
    because="The variables of a canary's requests are the canary's.",
)
def build_lambda_event(original: Original, api_id: str, stage_name: str, stage: Data, *rest: Any, **more: Any) -> Any:
    """Let a function see the variables of what answers."""
    return original(api_id, stage_name, _served.get() or stage, *rest, **more)


@patch(
    "ministack.services.apigateway_v1",
    "_match_resource_tree",
    because="A request is answered by the deployment of its stage.",
)
def match_resource_tree(original: Original, api_id: str, segments: list[str]) -> Any:
    """Look in the snapshot."""
    return original(_snapshot(api_id), segments)


@patch(
    "ministack.services.apigateway_v1",
    "_match_greedy_fallback",
    because="A request is answered by the deployment of its stage.",
)
def match_greedy_fallback(original: Original, api_id: str, segments: list[str], http_method: str) -> Any:
    """Look in the snapshot."""
    return original(_snapshot(api_id), segments, http_method)


@patch(
    "ministack.services.apigateway_v1",
    "_model_schema",
    because="A request is answered by the deployment of its stage.",
)
def model_schema(original: Original, api_id: str, model_name: str) -> Any:
    """Look in the snapshot."""
    return original(_snapshot(api_id), model_name)


def _snapshot(api_id: str) -> str:
    """Return where the tables of resources and models have what answers this request."""
    place = _place(api_id, str((_served.get() or {}).get("deploymentId")))
    return place if place in api_gateway._resources else api_id
