"""CloudWatch metrics and alarms as the services behave: dimensions matter, and AWS services publish their own.

MiniStack's alarm evaluation ignores dimensions and missing-data settings, runs only on `PutMetricData`, and
nothing publishes `AWS/States` or `AWS/SQS`.
"""

from __future__ import annotations

import logging
import operator
import threading
import time
from collections.abc import Callable
from typing import Any

from local.permissions import service_may

logger = logging.getLogger("switchyard.metrics")

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

_EXECUTION_METRICS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def dimensions_of(metric: dict[str, Any]) -> dict[str, str]:
    """By name, the dimensions of an alarm, or of one of the metrics in its expression."""
    return {d["Name"]: d["Value"] for d in metric.get("Dimensions") or []}


def points_of(metric: dict[str, Any]) -> list[dict[str, Any]]:
    """What was recorded of the metric of an alarm, or of one in its expression."""
    from ministack.services import cloudwatch

    key = metric.get("Namespace"), metric.get("MetricName"), cloudwatch._dims_key(dimensions_of(metric))
    return list(cloudwatch._metrics.get(key, ()))


def install() -> None:
    """Correct alarm evaluation; publish AWS/States, AWS/Lambda and AWS/SQS metrics as things happen."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import cloudwatch, lambda_svc, sns, stepfunctions

    record = cloudwatch.record_metric
    lock = threading.RLock()

    def evaluate_alarm(alarm: dict[str, Any]) -> None:
        cutoff = time.time() - float(alarm.get("Period") or 60) * int(alarm.get("EvaluationPeriods") or 1)
        points = [point for point in points_of(alarm) if point["Timestamp"] >= cutoff]
        compare = COMPARISONS.get(alarm.get("ComparisonOperator", ""))
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
        value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points) if points else None
        if value is None or compare is None:
            return
        old, new = alarm["StateValue"], "ALARM" if compare(value, alarm.get("Threshold", 0)) else "OK"
        if old == new:
            return
        reason = f"Threshold Crossed: {statistic} {value} {alarm['ComparisonOperator']} {alarm.get('Threshold', 0)}"
        alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    def evaluate(alarm: dict[str, Any]) -> None:
        with lock:
            evaluate_alarm(alarm)

    def record_metric(
        namespace: str, name: str, value: float, unit: str = "None", dimensions: dict[str, str] | None = None
    ) -> None:
        record(namespace, name, value, unit, dimensions)
        wanted = dimensions or {}
        for alarm in list(cloudwatch._alarms.values()):
            if (alarm.get("Namespace"), alarm.get("MetricName"), dimensions_of(alarm)) == (namespace, name, wanted):
                evaluate(alarm)

    dispatch = cloudwatch._dispatch_alarm_actions

    def dispatch_alarm_actions(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        def permitted(action: str) -> bool:
            if ":sns:" not in action:
                return True
            policy = (sns.topic_policy_for_arn(action) or ("", ""))[0]
            arn, account, region = alarm.get("AlarmArn", ""), get_account_id(), get_region()
            refused = service_may("cloudwatch.amazonaws.com", "sns:Publish", action, policy, arn, account, region)
            if refused:
                logger.warning("Alarm %s could not notify: %s", alarm["AlarmName"], refused)
            return not refused

        fields = ("AlarmActions", "OKActions", "InsufficientDataActions")
        allowed = {field: [a for a in alarm.get(field) or [] if permitted(a)] for field in fields}
        dispatch({**alarm, **allowed}, old_state, new_state, reason)

    cloudwatch._evaluate_alarm = evaluate
    cloudwatch.record_metric = record_metric
    cloudwatch._dispatch_alarm_actions = dispatch_alarm_actions

    emit_status = stepfunctions._emit_execution_status_event

    def emit_execution_status_event(execution: dict[str, Any]) -> None:
        name = _EXECUTION_METRICS.get(execution["status"])
        if name and not execution.get("sync"):
            dimensions = {"StateMachineArn": execution["stateMachineArn"]}
            cloudwatch.record_metric("AWS/States", name, 1, "Count", dimensions)
        emit_status(execution)

    stepfunctions._emit_execution_status_event = emit_execution_status_event

    # Only Invoke publishes AWS/Lambda metrics in MiniStack; event sources and async calls must too.
    emit_lambda, execute = lambda_svc._emit_lambda_metrics, lambda_svc._execute_function

    def execute_function(function: dict[str, Any], event: Any) -> Any:
        started = time.time()
        result = execute(function, event)
        name = (function.get("config") or function).get("FunctionName", "")
        failed = bool(isinstance(result, dict) and result.get("error"))
        emit_lambda(name, (time.time() - started) * 1000, error=failed, throttle=False)
        return result

    def emit_throttles_only(name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            emit_lambda(name, duration_ms, error, throttle)

    lambda_svc._execute_function = execute_function
    lambda_svc._emit_lambda_metrics = emit_throttles_only

    threading.Thread(target=_publish_queue_depths, daemon=True, name="switchyard-queue-metrics").start()


def _publish_queue_depths(interval: float = 2.0) -> None:
    """AWS/SQS ApproximateNumberOfMessagesVisible and age of the oldest message, for queues that an alarm watches."""
    from ministack.core.responses import set_request_account_id, set_request_region
    from ministack.services import cloudwatch, sqs

    while True:
        time.sleep(interval)
        now = time.time()
        for queue in list(sqs._queues.to_dict().values() if hasattr(sqs._queues, "to_dict") else []):
            arn = queue.get("attributes", {}).get("QueueArn", "")
            if not arn:
                continue
            region, account, name = arn.split(":")[3:6]
            set_request_account_id(account)
            set_request_region(region)
            visible = [m for m in list(queue["messages"]) if m.get("visible_at", 0) <= now]
            age = max((now - m.get("sent_at", now) for m in visible), default=0.0)
            dimensions = {"QueueName": name}
            cloudwatch.record_metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", len(visible), "Count", dimensions)
            cloudwatch.record_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", age, "Seconds", dimensions)
