"""Composite alarms whose actions another alarm suppresses, and anomaly detectors.

A composite with a suppressor waits before it acts, for the suppressor to go into ALARM; while that is in ALARM it does
not act; after it has left ALARM the composite waits again, and then acts if its state is another than the one that it
acted on last. `elapse` ends all waiting.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm_Suppression.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any
from urllib.parse import parse_qsl

from ministack.core.responses import AccountRegionScopedDict, get_account_id, request_scope
from ministack.services import cloudwatch

from local.patches.cloudwatch_alarms import BAND, nested
from local.patches.cloudwatch_metrics import CLOUDWATCH
from local.patches.registry import Original, patch
from local.permissions import request_body

logger = logging.getLogger("switchyard.composites")

FIELDS = ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
CHILDREN = 100
RULE_LENGTH = 10_240

_lock = threading.RLock()


def _own_name(suppressor: str) -> str:
    return suppressor.partition(":alarm:")[2] or suppressor


def _alarm(name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
    return found


@patch(CLOUDWATCH, "_put_composite_alarm", because="MiniStack drops the suppressor, and accepts rules of any size.")
def put_composite_alarm(
    original: Original, params: dict[str, Any], cbor_data: dict[str, Any], is_cbor: bool, is_json: bool = False
) -> Any:
    """Keep a composite alarm with its suppressor. Refuse a rule that is too long, and a suppressor that is missing."""
    flat = not (is_cbor or is_json)
    asked = {name: cloudwatch._p(params, name) for name in (*FIELDS, "AlarmName", "AlarmRule")} if flat else cbor_data
    rule = str(asked.get("AlarmRule", ""))
    given = {field: asked[field] for field in FIELDS if asked.get(field) not in (None, "")}
    given |= {field: int(value) for field, value in given.items() if field != "ActionsSuppressor"}
    reason = _problem(rule, given)
    if reason:
        return cloudwatch._error("ValidationError", reason, 400, use_json=is_json, use_cbor=is_cbor)
    name = str(asked.get("AlarmName", ""))
    with _lock:
        before = cloudwatch._composite_alarms.get(name)
        known = {"Suppressed": before.get("Suppressed")} if before else {}
        _given[get_account_id(), name] = given
        try:
            answer = original(params, cbor_data, is_cbor, is_json)
        finally:
            del _given[get_account_id(), name]
        if answer[0] == 200:
            cloudwatch._composite_alarms[name].update({**given, **{k: v for k, v in known.items() if v}})
        return answer


_given: dict[tuple[str, str], dict[str, Any]] = {}
"""Suppressors of alarms that are being written: their first evaluation acts already."""


def _problem(rule: str, given: dict[str, Any]) -> str:
    if len(rule) > RULE_LENGTH:
        return f"AlarmRule must have at most {RULE_LENGTH} characters"
    if len(cloudwatch._composite_children({"AlarmRule": rule})) > CHILDREN:
        return f"AlarmRule must refer to at most {CHILDREN} alarms"
    suppressor = given.get("ActionsSuppressor")
    if suppressor and not set(FIELDS) <= set(given):
        return "ActionsSuppressor needs ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod"
    if suppressor and _alarm(_own_name(suppressor)) is None:
        return f"The suppressor alarm {suppressor} does not exist"
    return ""


@patch(CLOUDWATCH, "_dispatch_alarm_actions", because="MiniStack ignores the suppressor of a composite alarm.")
def dispatch_alarm_actions(
    original: Original, alarm: dict[str, Any], old_state: str, new_state: str, reason: str
) -> None:
    """Run an alarm's actions, unless they are suppressed or wait."""
    given = _given.get((get_account_id(), alarm["AlarmName"]), {})
    if alarm.get("ActionsSuppressor") or given.get("ActionsSuppressor"):
        alarm.update(given)
        with _lock:
            if not alarm.get("Suppressed"):
                until = time.time() + float(alarm["ActionsSuppressorWaitPeriod"])
                alarm["Suppressed"] = {"from": old_state, "until": until}
                alarm["ActionsSuppressedBy"] = "WaitPeriod"
        return
    original(alarm, old_state, new_state, reason)


def settle(alarm: dict[str, Any], now: float) -> None:
    """Let a composite alarm whose actions wait act, if its time has come."""
    with _lock:
        held = alarm.get("Suppressed")
        if not held:
            return
        suppressor = _alarm(_own_name(str(alarm.get("ActionsSuppressor") or "")))
        if suppressor and suppressor["StateValue"] == "ALARM":
            alarm["ActionsSuppressedBy"] = "Alarm"
            return
        if alarm.get("ActionsSuppressedBy") == "Alarm":
            held["until"] = now + float(alarm["ActionsSuppressorExtensionPeriod"])
            alarm["ActionsSuppressedBy"] = "ExtensionPeriod"
        if held["until"] > now:
            return
        alarm.pop("Suppressed")
        alarm.pop("ActionsSuppressedBy", None)
    if held["from"] != alarm["StateValue"]:
        plain = {key: value for key, value in alarm.items() if key not in FIELDS}
        cloudwatch._dispatch_alarm_actions(plain, held["from"], alarm["StateValue"], alarm["StateReason"])


@patch(CLOUDWATCH, "_describe_alarms", because="MiniStack returns every member that it keeps.")
def describe_alarms(
    original: Original, params: dict[str, Any], cbor_data: dict[str, Any], is_cbor: bool, is_json: bool = False
) -> Any:
    """Return alarms without what only these corrections know."""
    answer = original(params, cbor_data, is_cbor, is_json)
    if not is_json or answer[0] != 200:
        return answer
    found = json.loads(answer[2])
    for alarm in found.get("CompositeAlarms", ()):
        alarm.pop("Suppressed", None)
    return (*answer[:2], json.dumps(found).encode())


@patch(
    CLOUDWATCH,
    "_delete_alarms",
    because="MiniStack deletes an alarm that suppresses the actions of another.",
)
def delete_alarms(
    original: Original, params: dict[str, Any], cbor_data: dict[str, Any], is_cbor: bool, is_json: bool = False
) -> Any:
    """Delete alarms. Refuse one that suppresses others, as CloudWatch refuses one that a rule names.

    Whether CloudWatch refuses it is not documented: who deletes in this order is right either way. The model of a band
    stays, as CloudWatch's does.
    """
    detectors()
    listed = [value for key, value in params.items() if key.startswith("AlarmNames.member.")]
    named = set(cbor_data.get("AlarmNames") or ()) | {one[0] if isinstance(one, list) else one for one in listed}
    for alarm in list(cloudwatch._composite_alarms.values()):
        suppressor = _own_name(str(alarm.get("ActionsSuppressor") or ""))
        if suppressor in named and alarm["AlarmName"] not in named:
            reason = f"Cannot delete {suppressor} as there are composite alarm(s) depending on it."
            return cloudwatch._error("ValidationError", reason, 400, use_json=is_json, use_cbor=is_cbor)
    return original(params, cbor_data, is_cbor, is_json)


@patch(
    "ministack.core.iam_evaluator",
    "enforce",
    because="PutCompositeAlarm with tags needs cloudwatch:TagResource too; MiniStack has no cloudwatch:namespace.",
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
    """Return None, or the denial of the action or of the tags."""
    if iam_action == "cloudwatch:PutMetricData" and (namespace := _namespace(request_body.get() or b"")):
        service_context = {**(service_context or {}), "cloudwatch:namespace": namespace}
    denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
    if (
        denied is not None
        or iam_action != "cloudwatch:PutCompositeAlarm"
        or b'"Tags"' not in (request_body.get() or b"")
    ):
        return denied
    return original(access_key_id, "cloudwatch:TagResource", service, region, resource_arn, service_context)


def _namespace(body: bytes) -> str:
    """Return the namespace of PutMetricData, which policies can limit (`cloudwatch:namespace`)."""
    if body.startswith(b"{"):
        return str(json.loads(body).get("Namespace", ""))
    return dict(parse_qsl(body.decode(errors="replace"))).get("Namespace", "")


def detectors() -> list[dict[str, Any]]:
    """Return the metrics of this account and Region that have a detector: CloudWatch makes one for each band."""
    for alarm in list(cloudwatch._alarms.values()):
        queries = {query["Id"]: query for query in alarm.get("Metrics") or ()}
        band = BAND.fullmatch(queries.get(alarm.get("ThresholdMetricId"), {}).get("Expression", ""))
        if band:
            stat = queries[band[1]]["MetricStat"]
            _detectors[_key({**stat["Metric"], "Stat": stat["Stat"]})] = stat
    return [
        {"SingleMetricAnomalyDetector": {**stat["Metric"], "Stat": stat["Stat"]}, "StateValue": "TRAINED"}
        for stat in _detectors.values()
    ]


_detectors = AccountRegionScopedDict()


def _key(metric: dict[str, Any]) -> tuple[Any, ...]:
    dimensions = sorted((one["Name"], one["Value"]) for one in metric.get("Dimensions") or ())
    return metric.get("Namespace"), metric.get("MetricName"), metric.get("Stat"), tuple(dimensions)


@patch(CLOUDWATCH, "handle_request", because="MiniStack has no anomaly detectors.")
async def handle_request(
    original: Original, method: str, path: str, headers: Any, body: bytes, query_params: Any
) -> Any:
    """Answer DescribeAnomalyDetectors (in JSON) and DeleteAnomalyDetector; all else as before."""
    form = {} if headers.get("x-amz-target") else dict(parse_qsl(body.decode(errors="replace")))
    operation = headers.get("x-amz-target", "").rpartition(".")[2] or form.get("Action", "")
    if operation not in ("DescribeAnomalyDetectors", "DeleteAnomalyDetector"):
        return await original(method, path, headers, body, query_params)
    found = detectors()
    if operation == "DescribeAnomalyDetectors":
        return cloudwatch._json_ok({"AnomalyDetectors": found})
    metric = _detector(form) if form else json.loads(body or b"{}").get("SingleMetricAnomalyDetector") or {}
    if _detectors.pop(_key(metric), None) is None:
        message = "No anomaly detector for this metric"
        return cloudwatch._error("ResourceNotFoundException", message, 404, use_json=not form)
    if form:
        return cloudwatch._xml(200, "DeleteAnomalyDetectorResponse", "<DeleteAnomalyDetectorResult/>")
    return cloudwatch._json_ok({})


def _detector(form: dict[str, str]) -> dict[str, Any]:
    """Return SingleMetricAnomalyDetector of a request in the Query protocol."""
    prefix = "SingleMetricAnomalyDetector."
    given = {key.removeprefix(prefix): value for key, value in form.items() if key.startswith(prefix)}
    return {**given, "Dimensions": nested(given, "Dimensions") or []}


def elapse() -> None:
    """End the waiting of all composite alarms: the next second they act, or stay suppressed."""
    for alarm in list(cloudwatch._composite_alarms.to_dict().values()):
        if held := alarm.get("Suppressed"):
            held["until"] = 0.0


COMMANDS = {"elapse": elapse}


def start() -> None:
    """Let composite alarms that wait act from now on."""
    threading.Thread(target=_tick, daemon=True, name="switchyard-composites").start()


def _tick(interval: float = 0.5) -> None:
    while True:
        time.sleep(interval)
        for alarm in list(cloudwatch._composite_alarms.to_dict().values()):
            region, account = alarm["AlarmArn"].split(":")[3:5]
            with request_scope(account, region):
                try:
                    settle(alarm, time.time())
                except Exception:
                    logger.exception("actions of %s", alarm["AlarmName"])
