"""Saved queries of CloudWatch Logs Insights.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, error_response_json, json_response

from local.patches.registry import Original, patch

PAGE = 1000
_queries = AccountRegionScopedDict()


def _put(data: dict[str, Any]) -> Any:
    given = data.get("queryDefinitionId")
    if given and given not in _queries:
        return error_response_json("ResourceNotFoundException", "The query definition does not exist.", 400)
    if not data.get("name") or not data.get("queryString"):
        return error_response_json("InvalidParameterException", "name and queryString are required.", 400)
    identity = given or str(uuid.uuid4())
    _queries[identity] = {
        "queryDefinitionId": identity,
        "name": data["name"],
        "queryString": data["queryString"],
        "lastModified": int(time.time() * 1000),
        "logGroupNames": data.get("logGroupNames") or [],
    }
    return json_response({"queryDefinitionId": identity})


def _describe(data: dict[str, Any]) -> Any:
    prefix = data.get("queryDefinitionNamePrefix") or ""
    found = [one for one in _queries.values() if one["name"].startswith(prefix)]
    start, size = int(data.get("nextToken") or 0), int(data.get("maxResults") or PAGE)
    more = {"nextToken": str(start + size)} if len(found) > start + size else {}
    return json_response({"queryDefinitions": found[start : start + size], **more})


def _delete(data: dict[str, Any]) -> Any:
    if _queries.pop(data.get("queryDefinitionId"), None) is None:
        return error_response_json("ResourceNotFoundException", "The query definition does not exist.", 400)
    return json_response({"success": True})


_OPERATIONS = {
    "PutQueryDefinition": _put,
    "DescribeQueryDefinitions": _describe,
    "DeleteQueryDefinition": _delete,
}


@patch("ministack.services.cloudwatch_logs", "handle_request", because="MiniStack keeps no saved queries.")
async def handle_request(
    original: Original, method: str, path: str, headers: Any, body: bytes, query_params: Any
) -> Any:
    """Answer the operations on saved queries; all else as before."""
    answer = _OPERATIONS.get(headers.get("x-amz-target", "").rpartition(".")[2])
    if answer is None:
        return await original(method, path, headers, body, query_params)
    return answer(json.loads(body or b"{}"))
