"""The Resource Groups Tagging API: more kinds of resources, pages, and the event of changed tags.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-monitor.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import alb, apigateway, apigateway_v1, stepfunctions, tagging

from local.patches.eventbridge import emit
from local.patches.registry import Original, patch

PAGE = 100
Tagged = Iterator[tuple[str, list[dict[str, str]]]]


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _states() -> Tagged:
    for arn, tags in stepfunctions._tags.items():
        yield arn, [{"Key": tag["key"], "Value": tag["value"]} for tag in tags]


def _apigateway() -> Tagged:
    for store in (apigateway_v1._v1_tags, apigateway._api_tags):
        for arn, tags in store.items():
            if f":{get_region()}:" in arn and tags:
                yield arn, _listed(tags)


def _elasticloadbalancing() -> Tagged:
    for arn, tags in alb._tags.items():
        if f":{get_region()}:" in arn and tags:
            yield arn, tags


@patch(
    "ministack.services.tagging",
    "_COLLECTORS",
    because="GetResources finds no state machines, APIs and load balancers in MiniStack.",
)
def collectors(known: dict[str, Callable[[], Tagged]]) -> dict[str, Callable[[], Tagged]]:
    """Add three services."""
    return {**known, "apigateway": _apigateway, "elasticloadbalancing": _elasticloadbalancing, "states": _states}


def _all_resources(original: Original, data: dict[str, Any]) -> Any:
    """Return all resources, of the tables as they are now: MiniStack's function reads its own module's."""
    return original({key: value for key, value in data.items() if key not in ("PaginationToken", "ResourcesPerPage")})


@patch(
    "ministack.services.tagging", "_HANDLERS[GetResources]", because="MiniStack answers with everything in one page."
)
def get_resources(original: Original, data: dict[str, Any]) -> Any:
    """Return a page of at most 100 tagged resources. A resource without a tag is not known to this API."""
    if data.get("ResourceARNList"):
        return original(data)
    status, headers, body = _all_resources(original, data)
    if status != 200:
        return status, headers, body
    found = [one for one in json.loads(body)["ResourceTagMappingList"] if one["Tags"]]
    token = data.get("PaginationToken") or ""
    start = int(base64.b64decode(token)) if token else 0
    end = start + int(data.get("ResourcesPerPage") or PAGE)
    more = base64.b64encode(str(end).encode()).decode() if len(found) > end else ""
    return tagging._json({"ResourceTagMappingList": found[start:end], "PaginationToken": more})


@patch("ministack.services.tagging", "_HANDLERS[TagResources]", because="MiniStack sends no events of changed tags.")
def tag_resources(original: Original, data: dict[str, Any]) -> Any:
    """Tag resources, and send the event of each one that has changed."""
    answer = original(data)
    if answer[0] != 200:
        return answer
    failed = json.loads(answer[2]).get("FailedResourcesMap", {})
    for arn in data.get("ResourceARNList", ()):
        if arn not in failed:
            _changed(arn, data.get("Tags") or {})
    return answer


def _changed(arn: str, changed: dict[str, str]) -> None:
    service, resource = arn.split(":")[2], arn.split(":", 5)[5]
    detail = {
        "changed-tag-keys": sorted(changed),
        "service": service,
        "resource-type": resource.replace("/", ":").partition(":")[0],
        "tags": tagging.resource_tags(arn) or changed,
        "version": 1,
    }
    emit("aws.tag", "Tag Change on Resource", detail, [arn], get_account_id(), get_region())
