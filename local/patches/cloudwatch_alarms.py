"""CloudWatch alarms on metric math, and the event of every change of an alarm's state.

MiniStack drops `Metrics` of an alarm and evaluates no expression. The evaluator here supports few things: numbers,
ids of the alarm's own metrics, + - * / and parentheses, comparisons (1 or 0), `IF(condition, then, else)`,
`FILL(id, number)`, and `SERVICE_QUOTA(id)`, which is the quota's *applied* value in the metric's period (a quota of
requests a second counts 60-fold in a minute). The other metric of an alarm may be `ANOMALY_DETECTION_BAND(id, width)`:
here a band of so many standard deviations around the mean of the values before the alarm's periods. An alarm with
anything else is refused. Periods are windows that end now, so that nothing waits for the full minute.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

import ast
import datetime
import functools
import json
import logging
import operator
import re
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch
from moto.core.serialize import QuerySerializer
from moto.core.utils import get_service_model

from local.patches.cloudwatch_metrics import CLOUDWATCH, COMPARISONS, dimensions_of, points_of, set_state
from local.patches.eventbridge import emit
from local.patches.registry import Original, patch
from local.services.servicequotas.models import servicequotas_backends

logger = logging.getLogger("switchyard.alarms")

_lock = threading.RLock()
_still: dict[str, str] = {}
"""ARN and state of the alarms whose metrics have no value in their periods: time alone does not change these."""

Values = Mapping[str, float | None]

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


_COMPARED: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
BAND = re.compile(r"ANOMALY_DETECTION_BAND\(\s*([a-z][a-zA-Z0-9_]*)\s*(?:,\s*([0-9.]+)\s*)?\)")
BANDS: dict[str, Callable[[float, float, float], bool]] = {
    "GreaterThanUpperThreshold": lambda value, low, high: value > high,
    "LessThanLowerThreshold": lambda value, low, high: value < low,
    "LessThanLowerOrGreaterThanUpperThreshold": lambda value, low, high: not low <= value <= high,
}
TRAINED = 5
"""Values before the alarm's periods without which there is no band yet."""


class ExpressionError(Exception):
    """An expression that is malformed, or not supported by this evaluator."""


@functools.cache
def parse(expression: str, ids: frozenset[str]) -> ast.expr:
    """Return the tree of an expression over `ids`. Raise ExpressionError."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ExpressionError(f"Error in expression {expression!r}: it cannot be parsed") from None
    _check(tree, ids, expression)
    return tree


def _check(node: ast.expr, ids: frozenset[str], expression: str) -> None:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return
        case ast.Name(id=name) if name in ids:
            return
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, ids, expression)
            return
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            _check(left, ids, expression)
            _check(right, ids, expression)
            return
        case ast.Call(func=ast.Name(id="SERVICE_QUOTA"), args=[ast.Name(id=name)], keywords=[]) if name in ids:
            return
        case ast.Call(func=ast.Name(id="FILL"), args=[ast.Name(id=name), ast.Constant() as value], keywords=[]) if (
            name in ids
        ):
            _check(value, ids, expression)
            return
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            _check(left, ids, expression)
            _check(right, ids, expression)
            return
        case ast.Call(func=ast.Name(id="IF"), args=[condition, *branches], keywords=[]) if len(branches) in (1, 2):
            for part in (condition, *branches):
                _check(part, ids, expression)
            return
    raise ExpressionError(f"Error in expression {expression!r}: {ast.unparse(node)!r} is not supported here")


def evaluate(tree: ast.expr, values: Values, quota: Callable[[str], float | None]) -> float | None:
    """Return the value of an expression; None where a metric has no data, a quota is unknown, or it divides by zero."""
    match tree:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return values.get(name)
        case ast.Call(func=ast.Name(id="SERVICE_QUOTA"), args=[ast.Name(id=name)]):
            return quota(name)
        case ast.Call(func=ast.Name(id="FILL"), args=[ast.Name(id=name), default]):
            found = values.get(name)
            return evaluate(default, values, quota) if found is None else found
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, *otherwise]):
            chosen = evaluate(condition, values, quota)
            if chosen is None or not (chosen or otherwise):
                return None
            return evaluate(then if chosen else otherwise[0], values, quota)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            first, second = evaluate(left, values, quota), evaluate(right, values, quota)
            return None if first is None or second is None else float(_COMPARED[type(op)](first, second))
        case ast.UnaryOp(operand=operand):
            positive = evaluate(operand, values, quota)
            return None if positive is None else -positive
        case ast.BinOp(left=left, op=op, right=right):
            first, second = evaluate(left, values, quota), evaluate(right, values, quota)
            if first is None or second is None or (isinstance(op, ast.Div) and second == 0):
                return None
            return _ARITHMETIC[type(op)](first, second)
    raise ExpressionError(ast.dump(tree))


def state_of(breaching: list[bool | None], needed: int, missing: str, current: str) -> str:
    """Return an alarm's state from its periods (None: no data), DatapointsToAlarm and TreatMissingData."""
    if missing in ("breaching", "notBreaching"):
        breaching = [missing == "breaching" if b is None else b for b in breaching]
    known = [b for b in breaching if b is not None]
    if not known:
        return current if missing == "ignore" else "INSUFFICIENT_DATA"
    return "ALARM" if sum(known) >= needed else "OK"


def nested(params: Mapping[str, Any], member: str) -> list[dict[str, Any]]:
    """Return the structures in the Query protocol's flat names, such as `Metrics.member.1.MetricStat.Period`."""
    tree: dict[str, Any] = {}
    for name, value in params.items():
        first, *path = name.split(".")
        if first != member:
            continue
        place = tree
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value[0] if isinstance(value, list) else value
    return _lists(tree)  # type: ignore[no-any-return]


def _lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if set(tree) == {"member"}:
        return [_lists(value) for _, value in sorted(tree["member"].items(), key=lambda item: int(item[0]))]
    return {key: _lists(value) for key, value in tree.items()}


def typed(query: dict[str, Any]) -> dict[str, Any]:
    """Return a MetricDataQuery with its numbers and booleans as such."""
    made = {**query, "ReturnData": str(query.get("ReturnData", True)).lower() == "true"}
    if "Period" in made:
        made["Period"] = int(made["Period"])
    if "MetricStat" in made:
        made["MetricStat"] = {**made["MetricStat"], "Period": int(made["MetricStat"]["Period"])}
        made["MetricStat"]["Metric"].setdefault("Dimensions", [])
    return made


def problem(queries: list[dict[str, Any]], band_id: str = "", comparison: str = "", threshold: Any = None) -> str:
    """Return why CloudWatch (or this evaluator) refuses an alarm's metrics; empty if it does not."""
    if (comparison in BANDS) != bool(band_id):
        return "A comparison with a band needs ThresholdMetricId, and only such a comparison has one"
    if band_id and threshold is not None:
        return "Threshold must not be specified together with ThresholdMetricId"
    ids = [query.get("Id", "") for query in queries]
    if any(not re.fullmatch(r"[a-z][a-zA-Z0-9_]*", name) for name in ids) or len(set(ids)) != len(ids):
        return "Each metric needs an Id of its own that begins with a lower-case letter"
    if band_id and band_id not in ids:
        return f"ThresholdMetricId {band_id} is none of the metrics"
    if sum(query["ReturnData"] for query in queries) != (2 if band_id else 1):
        return f"Exactly {'two elements' if band_id else 'one element'} of the metrics list should return data"
    sources = frozenset(query["Id"] for query in queries if "MetricStat" in query)
    for query in queries:
        if ("MetricStat" in query) == ("Expression" in query):
            return f"{query['Id']} needs either MetricStat or Expression"
        if query["Id"] == band_id:
            band = BAND.fullmatch(query.get("Expression", ""))
            if not band or band[1] not in ids:
                return f"{band_id} is no ANOMALY_DETECTION_BAND of one of the metrics"
        elif "Expression" in query:
            try:
                parse(query["Expression"], sources)
            except ExpressionError as error:
                return str(error)
    return ""


def _service_quota(query: dict[str, Any]) -> float | None:
    metric = query["MetricStat"]["Metric"]
    dimensions = dimensions_of(metric)
    backend = servicequotas_backends[get_account_id()][get_region()]
    each_second = backend.quota_of_metric(metric["Namespace"], metric["MetricName"], dimensions)
    return None if each_second is None else each_second * float(query["MetricStat"]["Period"])


def _values(alarm: dict[str, Any], periods: int, at: float) -> tuple[list[dict[str, float | None]], bool]:
    """Return each metric's statistic in each of the last periods, counted back from `at`, by the query's id.

    And whether there are values in these periods, or later ones.
    """
    found: list[dict[str, float | None]] = [{} for _ in range(periods)]
    any_value = False
    for query in alarm["Metrics"]:
        if "MetricStat" not in query:
            continue
        stat = query["MetricStat"]
        windows: list[list[dict[str, Any]]] = [[] for _ in range(periods)]
        begin = at - periods * stat["Period"]
        for point in [point for point in points_of(stat["Metric"]) if point["Timestamp"] > begin]:
            any_value = True
            if (window := (at - point["Timestamp"]) // stat["Period"]) >= 0:
                windows[int(window)].append(point)
        for values, points in zip(found, windows, strict=True):
            values[query["Id"]] = (
                cloudwatch._stat_value(cloudwatch._calc_stats(points), stat["Stat"], points) if points else None
            )
    return found, any_value


def band_of(values: list[float], width: float) -> tuple[float, float] | None:
    """Return the lower and the upper limit of the band around past values; None before it is trained."""
    if len(values) < TRAINED:
        return None
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    return mean - width * deviation, mean + width * deviation


def _test(alarm: dict[str, Any], at: float) -> Callable[[float], bool] | None:
    """Return whether a value breaches the alarm's threshold or band; None while the band is not trained."""
    queries = {query["Id"]: query for query in alarm["Metrics"]}
    if not alarm.get("ThresholdMetricId"):
        compare, threshold = COMPARISONS[alarm["ComparisonOperator"]], float(alarm.get("Threshold", 0))
        return lambda value: compare(value, threshold)
    found = BAND.fullmatch(queries[alarm["ThresholdMetricId"]]["Expression"])
    assert found
    stat = queries[found[1]]["MetricStat"]
    before = at - stat["Period"] * int(alarm.get("EvaluationPeriods") or 1)
    past = [float(point["Value"]) for point in points_of(stat["Metric"]) if point["Timestamp"] <= before]
    band = band_of(past, float(found[2] or 2))
    return (lambda value: BANDS[alarm["ComparisonOperator"]](value, *band)) if band else None


def _evaluate_math(alarm: dict[str, Any]) -> None:
    queries = {query["Id"]: query for query in alarm["Metrics"]}
    band = alarm.get("ThresholdMetricId")
    returned = next(query for query in queries.values() if query["ReturnData"] and query["Id"] != band)
    periods = int(alarm.get("EvaluationPeriods") or 1)
    at = time.time()
    test = _test(alarm, at)
    results: list[float | None] = []
    windows, any_value = _values(alarm, periods, at)
    for values in windows:
        if "Expression" in returned:
            tree = parse(returned["Expression"], frozenset(values))
            results.append(evaluate(tree, values, lambda name: _service_quota(queries[name])))
        else:
            results.append(values[returned["Id"]])
    breaching = [None if value is None or test is None else test(value) for value in results]
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    new = state_of(breaching, needed, alarm.get("TreatMissingData") or "missing", alarm["StateValue"])
    shown = ", ".join("no data" if value is None else f"{value:.4g}" for value in results)
    limit = band or f"{float(alarm.get('Threshold', 0)):g}"
    reason = f"Threshold Crossed: [{shown}] against {alarm['ComparisonOperator']} {limit}"
    set_state(alarm, new, reason)
    if any_value:
        _still.pop(alarm["AlarmArn"], None)
    else:
        _still[alarm["AlarmArn"]] = new


@patch(CLOUDWATCH, "_put_metric_alarm", because="MiniStack drops the Metrics of an alarm.")
def put_metric_alarm(
    original: Original, params: dict[str, Any], cbor_data: dict[str, Any], is_cbor: bool, is_json: bool = False
) -> Any:
    """Keep an alarm on metric math, or refuse one that cannot be evaluated here."""
    flat = not (is_cbor or is_json)
    queries = [typed(query) for query in (nested(params, "Metrics") if flat else cbor_data.get("Metrics") or [])]
    band, comparison, threshold = (
        cloudwatch._p(params, name) or None if flat else cbor_data.get(name)
        for name in ("ThresholdMetricId", "ComparisonOperator", "Threshold")
    )
    if (queries or band) and (reason := problem(queries, band or "", comparison or "", threshold)):
        return cloudwatch._error("ValidationError", reason, 400, use_json=is_json, use_cbor=is_cbor)
    answer = original(params, cbor_data, is_cbor, is_json)
    name = cloudwatch._p(params, "AlarmName") if flat else cbor_data.get("AlarmName")
    if queries and answer[0] == 200:
        alarm = {**cloudwatch._alarms[name], "Metrics": queries}
        if band:
            alarm["ThresholdMetricId"] = band
            alarm.pop("Threshold", None)
        for field in ("Dimensions", "ExtendedStatistic", "MetricName", "Namespace", "Period", "Statistic", "Unit"):
            alarm.pop(field, None)
        cloudwatch._alarms[name] = alarm  # another object: `watched` notices
        cloudwatch._evaluate_alarm(alarm)
    return answer


@patch(CLOUDWATCH, "_evaluate_alarm", because="MiniStack evaluates no expressions.")
def evaluate_alarm(original: Original, alarm: dict[str, Any]) -> None:
    """Evaluate an alarm on metric math. Other alarms are evaluated by `cloudwatch_metrics`."""
    if not alarm.get("Metrics"):
        original(alarm)
        return
    with _lock:
        _evaluate_math(alarm)


@patch(
    CLOUDWATCH,
    "_record_history",
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    because="MiniStack sends no `CloudWatch Alarm State Change` events.",
)
def record_history(
    original: Original, alarm_name: str, old_state: str, new_state: str, reason: str, *rest: Any, **more: Any
) -> None:
    """Record a change of state, and send its event."""
    original(alarm_name, old_state, new_state, reason, *rest, **more)
    alarm = cloudwatch._alarms.get(alarm_name)
    if alarm is None or old_state == new_state:
        return
    at = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
    queries = [
        {(key[:1].lower() + key[1:]): value for key, value in query.items()} for query in alarm.get("Metrics") or []
    ]
    detail = {
        "alarmName": alarm_name,
        "state": {"value": new_state, "reason": reason, "timestamp": at},
        "previousState": {"value": old_state},
        "configuration": {"description": alarm.get("AlarmDescription") or "", "metrics": queries},
    }
    account, region = get_account_id(), get_region()
    emit("aws.cloudwatch", "CloudWatch Alarm State Change", detail, [alarm["AlarmArn"]], account, region)


@patch(
    CLOUDWATCH,
    "_describe_alarms",
    because="MiniStack's answer in the Query protocol, which Terraform reads, lacks most members.",
)
def describe_alarms(
    original: Original, params: dict[str, Any], cbor_data: dict[str, Any], is_cbor: bool, is_json: bool = False
) -> Any:
    """Return alarms with every member."""
    if is_cbor or is_json:
        return original(params, cbor_data, is_cbor, is_json)
    status, _, body = original({}, members(params), False, True)
    if status != 200:
        return original(params, cbor_data, False, False)
    answer = json.loads(body)
    for alarm in answer["MetricAlarms"] + answer["CompositeAlarms"]:
        for field in [field for field in alarm if field.endswith("Timestamp")]:
            alarm[field] = datetime.datetime.fromtimestamp(cloudwatch._parse_ts(alarm[field]), datetime.UTC)
    return query_answer("DescribeAlarms", answer)


def members(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a request in the Query protocol, as those of JSON: plain values, lists and structures."""
    return {
        name: nested(params, name) if f"{name}." in first else value[0] if isinstance(value, list) else value
        for first, value in params.items()
        for name in [first.partition(".")[0]]
    }


def query_answer(operation: str, answer: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Return an answer in the Query protocol, by botocore's model of the operation."""
    model = get_service_model("cloudwatch").operation_model(operation)
    text = str(QuerySerializer(model).serialize(answer)["body"])
    return 200, {"Content-Type": "text/xml"}, text.encode()


def start() -> None:
    """Evaluate alarms on metric math every second from now on."""
    threading.Thread(target=_tick, daemon=True, name="switchyard-alarms").start()


def _tick(interval: float = 1.0) -> None:
    """Evaluate alarms as time passes: the breaching values leave the window."""
    while True:
        time.sleep(interval)
        for alarm in list(cloudwatch._alarms.to_dict().values()):
            if alarm.get("Metrics") and _still.get(alarm["AlarmArn"]) != alarm["StateValue"]:
                region, account = alarm["AlarmArn"].split(":")[3:5]
                with request_scope(account, region):
                    try:
                        cloudwatch._evaluate_alarm(alarm)
                    except Exception:
                        logger.exception("evaluation of %s", alarm["AlarmName"])
