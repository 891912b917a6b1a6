"""CloudWatch's alarms for IAM, and ListMetrics with its pages and its recent metrics."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import cloudwatch

from local.patches.cloudwatch_alarms import members, query_answer
from local.patches.cloudwatch_metrics import CLOUDWATCH
from local.patches.iam_resources import Fields, fields_of
from local.patches.registry import Original, patch
from local.permissions import request_body

PAGE = 500
RECENT_SECONDS = 3 * 3600
LISTED_SECONDS = 14 * 86_400


def further_checks(action: str, fields: Fields) -> list[tuple[str, str]]:
    """Return (action, alarm) of what a request needs besides permission for the first alarm that it names."""
    if action == "cloudwatch:DeleteAlarms":
        numbered = {name: value for name, value in fields.items() if name.startswith("AlarmNames.member.")}
        return [(action, str(name)) for name in [*fields.get("AlarmNames", numbered.values())][1:]]
    if action == "cloudwatch:PutMetricAlarm" and ("Tags" in fields or "Tags.member.1.Key" in fields):
        return [("cloudwatch:TagResource", str(fields.get("AlarmName")))]
    return []


@patch(
    "ministack.core.iam_evaluator",
    "enforce",
    because="DeleteAlarms needs permission for each alarm, and PutMetricAlarm with tags cloudwatch:TagResource.",
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
    """Return None, or the denial of the action on one of the alarms."""
    denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
    if denied is not None or not iam_action.startswith("cloudwatch:"):
        return denied
    for action, alarm in further_checks(iam_action, fields_of(request_body.get())):
        arn = f"arn:aws:cloudwatch:{region}:{get_account_id()}:alarm:{alarm}"
        denied = denied or original(access_key_id, action, service, region, arn, service_context)
    return denied


@patch(CLOUDWATCH, "_list_metrics", because="MiniStack has no pages and ignores RecentlyActive.")
def list_metrics(
    original: Original, params: dict[str, Any], cbor_data: dict[str, Any], is_cbor: bool, is_json: bool = False
) -> Any:
    """Return a page of at most 500 metrics: those of the last two weeks, or of the last three hours."""
    query = not (is_cbor or is_json)
    asked = members(params) if query else cbor_data
    _, _, body = original({}, asked, False, True)
    since = time.time() - (RECENT_SECONDS if asked.get("RecentlyActive") == "PT3H" else LISTED_SECONDS)
    found = [one for one in json.loads(body)["Metrics"] if _newest(one) >= since]
    try:
        start = int(base64.b64decode(asked.get("NextToken") or b"MA==", validate=True))
    except (binascii.Error, ValueError):
        return cloudwatch._error("InvalidParameterValue", "Invalid nextToken", 400, use_json=is_json, use_cbor=is_cbor)
    answer: dict[str, Any] = {"Metrics": found[start : start + PAGE]}
    if len(found) > start + PAGE:
        answer["NextToken"] = base64.b64encode(str(start + PAGE).encode()).decode()
    if query:
        return query_answer("ListMetrics", answer)
    return cloudwatch._cbor_ok(answer) if is_cbor else cloudwatch._json_ok(answer)


def _newest(metric: dict[str, Any]) -> float:
    dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
    points = cloudwatch._metrics.get((metric["Namespace"], metric["MetricName"], cloudwatch._dims_key(dimensions)))
    return max((float(point["Timestamp"]) for point in points or ()), default=0.0)


def forget(dimensions: dict[str, str]) -> None:
    """Forget the values of the metrics with these dimensions, as if their drive had been gone for long."""
    key = cloudwatch._dims_key(dimensions)
    for one in list(cloudwatch._metrics.keys()):
        if one[2] == key:
            cloudwatch._metrics.pop(one, None)


COMMANDS = {"forget": forget}
