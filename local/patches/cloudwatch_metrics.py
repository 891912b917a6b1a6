"""CloudWatch metrics and alarms as the services behave: dimensions matter, and AWS services publish their own.

MiniStack's alarm evaluation ignores dimensions and missing-data settings, runs only on `PutMetricData`, and
nothing publishes `AWS/States` or `AWS/SQS`.
"""

from __future__ import annotations

import inspect
import logging
import operator
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region
from ministack.services import cloudwatch, lambda_svc, sns, sqs

from local.patches.registry import Original, patch
from local.permissions import service_may

CLOUDWATCH = "ministack.services.cloudwatch"
logger = logging.getLogger("switchyard.metrics")

_lock = threading.RLock()

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

REPEATED = 20.0
"""Seconds after which the depth of a queue is published again though it has not changed."""

_EXECUTION_METRICS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def dimensions_of(metric: dict[str, Any]) -> dict[str, str]:
    """Return the dimensions, by name, of an alarm or of one of the metrics in its expression."""
    return {d["Name"]: d["Value"] for d in metric.get("Dimensions") or []}


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that an alarm watches: its own one, or those of its expressions."""
    return [q["MetricStat"]["Metric"] for q in alarm.get("Metrics") or [] if "MetricStat" in q] or [alarm]


Watched = tuple[str, str, str | None, str | None, frozenset[tuple[str, str]]]
"""A metric that an alarm watches: account, Region, namespace, name, dimensions."""

_index: tuple[list[dict[str, Any]], dict[Watched, list[dict[str, Any]]]] = [], {}


def watched() -> dict[Watched, list[dict[str, Any]]]:
    """Return the alarms of all accounts by the metrics that they watch.

    Each recorded value asks. The answer is kept until an alarm is put or deleted, which makes or removes an object.
    """
    global _index  # noqa: PLW0603 - a cache of one value
    alarms = cloudwatch._alarms.all_values()
    if [*map(id, alarms)] != [*map(id, _index[0])]:
        found: dict[Watched, list[dict[str, Any]]] = {}
        for alarm in alarms:
            region, account = alarm["AlarmArn"].split(":")[3:5]
            for metric in metrics_of(alarm):
                name = metric.get("Namespace"), metric.get("MetricName"), frozenset(dimensions_of(metric).items())
                on = found.setdefault((account, region, *name), [])
                if not on or on[-1] is not alarm:
                    on.append(alarm)
        _index = alarms, found
    return _index[1]


def points_of(metric: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the recorded values of the metric of an alarm, or of one in its expression."""
    key = metric.get("Namespace"), metric.get("MetricName"), cloudwatch._dims_key(dimensions_of(metric))
    return list(cloudwatch._metrics.get(key, ()))


@patch(CLOUDWATCH, "_evaluate_alarm", because="MiniStack ignores an alarm's dimensions and missing-data settings.")
def evaluate_alarm(alarm: dict[str, Any]) -> None:
    """Put an alarm on one metric into the state that its last periods call for."""
    with _lock:
        cutoff = time.time() - float(alarm.get("Period") or 60) * int(alarm.get("EvaluationPeriods") or 1)
        points = [point for point in points_of(alarm) if point["Timestamp"] >= cutoff]
        compare = COMPARISONS.get(alarm.get("ComparisonOperator", ""))
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
        value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points) if points else None
        if value is None or compare is None:
            return
        threshold = alarm.get("Threshold", 0)
        reason = f"Threshold Crossed: {statistic} {value} {alarm['ComparisonOperator']} {threshold}"
        set_state(alarm, "ALARM" if compare(value, threshold) else "OK", reason)


def set_state(alarm: dict[str, Any], new: str, reason: str) -> None:
    """Give an alarm another state, with all that follows from the change."""
    old = alarm["StateValue"]
    if new == old:
        return
    alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


@patch(CLOUDWATCH, "record_metric", because="MiniStack evaluates alarms on PutMetricData only.")
def record_metric(
    original: Original,
    namespace: str,
    metric_name: str,
    value: float,
    unit: str = "None",
    dimensions: dict[str, str] | None = None,
) -> None:
    """Record a value, and evaluate the alarms on that metric with those dimensions."""
    original(namespace, metric_name, value, unit, dimensions)
    on = get_account_id(), get_region(), namespace, metric_name, frozenset((dimensions or {}).items())
    for alarm in watched().get(on, ()):
        cloudwatch._evaluate_alarm(alarm)


@patch(
    CLOUDWATCH,
    "_dispatch_alarm_actions",
    because="The topic's policy and key must let CloudWatch publish; MiniStack publishes anyway.",
)
def dispatch_alarm_actions(
    original: Original, alarm: dict[str, Any], old_state: str, new_state: str, reason: str
) -> None:
    """Run the actions of an alarm that are permitted."""
    fields = ("AlarmActions", "OKActions", "InsufficientDataActions")
    allowed = {field: [a for a in alarm.get(field) or [] if _permitted(alarm, a)] for field in fields}
    original({**alarm, **allowed}, old_state, new_state, reason)


def _permitted(alarm: dict[str, Any], action: str) -> bool:
    if ":sns:" not in action:
        return True
    policy = (sns.topic_policy_for_arn(action) or ("", ""))[0]
    arn, account, region = alarm.get("AlarmArn", ""), get_account_id(), get_region()
    refused = service_may("cloudwatch.amazonaws.com", "sns:Publish", action, policy, arn, account, region)
    if refused:
        logger.warning("Alarm %s could not notify: %s", alarm["AlarmName"], refused)
    return not refused


@patch(
    "ministack.services.stepfunctions",
    "_emit_execution_status_event",
    because="MiniStack publishes no AWS/States metrics.",
)
def emit_execution_status_event(original: Original, execution: dict[str, Any]) -> None:
    """Publish the metric of an execution's new status, then its event."""
    name = _EXECUTION_METRICS.get(execution["status"])
    if name and not execution.get("sync"):
        dimensions = {"StateMachineArn": execution["stateMachineArn"]}
        cloudwatch.record_metric("AWS/States", name, 1, "Count", dimensions)
    original(execution)


@patch(
    "ministack.services.lambda_svc",
    "_execute_function",
    because="MiniStack publishes AWS/Lambda metrics for Invoke only, not for event sources and asynchronous calls.",
)
def execute_function(original: Original, func: dict[str, Any], event: Any) -> Any:
    """Publish the metrics of every call."""
    started = time.time()
    result = original(func, event)
    name = (func.get("config") or func).get("FunctionName", "")
    failed = bool(isinstance(result, dict) and result.get("error"))
    publish = inspect.unwrap(lambda_svc._emit_lambda_metrics)  # MiniStack's own
    publish(name, (time.time() - started) * 1000, error=failed, throttle=False)
    return result


@patch(
    "ministack.services.lambda_svc",
    "_emit_lambda_metrics",
    because="`execute_function` publishes the metrics of calls, which a throttled call does not reach.",
)
def emit_lambda_metrics(
    original: Original, function_name: str, duration_ms: float, error: bool, throttle: bool
) -> None:
    """Publish the metrics of a throttled call."""
    if throttle:
        original(function_name, duration_ms, error, throttle)


def start() -> None:
    """Publish AWS/SQS metrics from now on."""
    threading.Thread(target=_publish_queue_depths, daemon=True, name="switchyard-queue-metrics").start()


def _publish_queue_depths(interval: float = 2.0) -> None:
    published: dict[tuple[str, ...], tuple[float, float]] = {}
    while True:
        time.sleep(interval)
        publish_queue_depths(published)


def publish_queue_depths(published: dict[tuple[str, ...], tuple[float, float]]) -> None:
    """Publish the depth of queues that an alarm watches (AWS/SQS), and the age of their oldest message.

    A value that is the same as before is published again after REPEATED seconds: AWS publishes once a minute, and
    each value costs an evaluation of the alarms. `published` keeps what was published last, and when.
    """
    now, alarms = time.time(), watched()
    for queue in list(sqs._queues.to_dict().values() if hasattr(sqs._queues, "to_dict") else []):
        arn = queue.get("attributes", {}).get("QueueArn", "")
        if not arn:
            continue
        region, account, name = arn.split(":")[3:6]
        set_request_account_id(account)
        set_request_region(region)
        visible = [m for m in list(queue["messages"]) if m.get("visible_at", 0) <= now]
        age = max((now - m.get("sent_at", now) for m in visible), default=0.0)
        depth, oldest = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
        for metric, value, unit in ((depth, float(len(visible)), "Count"), (oldest, age, "Seconds")):
            key = (account, region, metric, name)
            before, at = published.get(key, (0.0, 0.0))
            on = account, region, "AWS/SQS", metric, frozenset({("QueueName", name)})
            if on in alarms and (value != before or now >= at + REPEATED):
                published[key] = value, now
                cloudwatch.record_metric("AWS/SQS", metric, value, unit, {"QueueName": name})


_evicted = 0.0


@patch(CLOUDWATCH, "_evict_old_metrics", because="MiniStack copies every value of every metric at each request.")
def evict_old_metrics(original: Original) -> None:
    """Drop what is older than two weeks, once a minute."""
    global _evicted  # noqa: PLW0603 - one store of metrics
    if time.monotonic() - _evicted > 60:
        _evicted = time.monotonic()
        original()
