"""What is checked of each kind of resource: metric, statistic, threshold, how often, and what a missing value means.

A symptom is what users notice: it notifies the service's own severity. A cause explains it, or is a warning alone.

`missing`, by class of metric: nothing is counted where nothing happens, so errors, throttles and dead letters that are
missing are good (`notBreaching`), and a call that was expected and is missing is bad (`breaching`). Rates divide by at
least `minimum` calls, so that 1 error of 2 calls at night is not 50 %. Latencies need several slow periods.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import resources
from .resources import Resource

SYMPTOM, CAUSE = "symptom", "cause"
ROLES = (SYMPTOM, CAUSE)
BAND = "GreaterThanUpperThreshold"
AT_LEAST, BELOW = "GreaterThanOrEqualToThreshold", "LessThanThreshold"
BAND_ID = "band"

Queries = list[dict[str, Any]]


@dataclass(frozen=True)
class Check:
    """One check of one kind of resource.

    `metrics` has (metric, statistic) by ID; `expression` uses the IDs and {minimum}. Without a `threshold` the first
    metric alone is compared with its anomaly detection band, of `width` standard deviations.
    """

    name: str
    kind: str
    role: str
    meaning: str
    """What happened, for the alarm's description, with {threshold}, {minimum} and {minutes}."""
    metrics: Mapping[str, tuple[str, str]]
    expression: str = ""
    threshold: float | None = 1
    minimum: int = 0
    period: int = 60
    datapoints: int = 1
    periods: int = 1
    missing: str = "notBreaching"
    comparison: str = AT_LEAST
    enabled: bool = True
    width: float = 3

    def changed(self, **values: Any) -> "Check":
        """Return the check with the settings of a user; None for a setting that stays."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})

    @property
    def description(self) -> str:
        """Return what happened when the alarm is raised."""
        limit = "" if self.threshold is None else f"{self.threshold:g}"
        minutes = f"{self.period * self.periods / 60:g}"
        return self.meaning.format(threshold=limit, minimum=self.minimum, minutes=minutes)

    def queries(self, namespace: str, dimensions: Mapping[str, str]) -> Queries:
        """Return `Metrics` of PutMetricAlarm: exactly what is compared returns data."""
        made = [
            {
                "Id": key,
                "MetricStat": {
                    "Metric": {
                        "Namespace": namespace,
                        "MetricName": metric,
                        "Dimensions": [{"Name": n, "Value": v} for n, v in sorted(dimensions.items())],
                    },
                    "Period": self.period,
                    "Stat": statistic,
                },
                "ReturnData": not self.expression,
            }
            for key, (metric, statistic) in self.metrics.items()
        ]
        if self.threshold is None:
            first = made[0]
            band = f"ANOMALY_DETECTION_BAND({first['Id']}, {self.width:g})"
            return [{"Id": BAND_ID, "Expression": band, "ReturnData": True}, {**first, "ReturnData": True}]
        if self.expression:
            text = self.expression.format(minimum=self.minimum)
            return [{"Id": "value", "Expression": text, "ReturnData": True}, *made]
        return made

    def limit(self) -> dict[str, Any]:
        """Return the arguments about the threshold: a band has no `Threshold`, anything else has only that."""
        if self.threshold is None:
            return {"ComparisonOperator": BAND, "ThresholdMetricId": BAND_ID}
        return {"ComparisonOperator": self.comparison, "Threshold": float(self.threshold)}


def _rate(failures: str) -> str:
    """Return a percentage of the calls. A load balancer without targets counts errors, and no requests."""
    return f"100 * ({failures}) / IF(FILL(calls, 0) > {{minimum}}, FILL(calls, 0), {{minimum}})"


_MOSTLY: dict[str, Any] = {"datapoints": 3, "periods": 5}
_LATENCY: dict[str, Any] = {
    "role": CAUSE,
    "expression": "IF(FILL(calls, 0) >= {minimum}, latency)",
    "threshold": None,
    "minimum": 20,
    "period": 300,
    "datapoints": 3,
    "periods": 5,
}
_RATE: dict[str, Any] = {"role": SYMPTOM, "threshold": 5, "minimum": 40, "periods": 3}
_FAILED = "{threshold} % or more of the {0} failed in a minute (of at least {minimum})"
_SLOW = "The slowest 1 % of the {0} takes longer than usual for 3 of 5 periods of 5 minutes"

CHECKS: tuple[Check, ...] = (
    Check(
        "function-errors",
        resources.FUNCTION,
        meaning=_FAILED.replace("{0}", "calls"),
        metrics={"errors": ("Errors", "Sum"), "calls": ("Invocations", "Sum")},
        expression=_rate("FILL(errors, 0)"),
        **_RATE,
    ),
    Check(
        "function-throttles",
        resources.FUNCTION,
        CAUSE,
        "Calls were throttled in 3 of 5 minutes: the concurrency is used up",
        {"throttles": ("Throttles", "Sum")},
        **_MOSTLY,
    ),
    Check(
        "function-duration",
        resources.FUNCTION,
        meaning=_SLOW.replace("{0}", "calls"),
        metrics={"latency": ("Duration", "p99"), "calls": ("Invocations", "Sum")},
        enabled=False,
        **_LATENCY,
    ),
    Check(
        "function-iterator-age",
        resources.FUNCTION,
        CAUSE,
        "Records of the stream wait for {threshold} ms or more",
        {"age": ("IteratorAge", "Maximum")},
        threshold=300_000,
        **_MOSTLY,
    ),
    Check(
        "function-heartbeat",
        resources.FUNCTION,
        SYMPTOM,
        "The function was not called for {minutes} minutes",
        {"calls": ("Invocations", "Sum")},
        missing="breaching",
        comparison=BELOW,
    ),
    Check(
        "api-errors",
        resources.REST_API,
        meaning=_FAILED.replace("{0}", "requests"),
        metrics={"errors": ("5XXError", "Sum"), "calls": ("Count", "Sum")},
        expression=_rate("FILL(errors, 0)"),
        **_RATE,
    ),
    Check(
        "api-errors",
        resources.HTTP_API,
        meaning=_FAILED.replace("{0}", "requests"),
        metrics={"errors": ("5xx", "Sum"), "calls": ("Count", "Sum")},
        expression=_rate("FILL(errors, 0)"),
        **_RATE,
    ),
    Check(
        "api-latency",
        resources.REST_API,
        meaning=_SLOW.replace("{0}", "requests"),
        metrics={"latency": ("Latency", "p99"), "calls": ("Count", "Sum")},
        **_LATENCY,
    ),
    Check(
        "api-latency",
        resources.HTTP_API,
        meaning=_SLOW.replace("{0}", "requests"),
        metrics={"latency": ("Latency", "p99"), "calls": ("Count", "Sum")},
        **_LATENCY,
    ),
    Check(
        "table-throttles",
        resources.TABLE,
        CAUSE,
        "Reads or writes were throttled in 3 of 5 minutes",
        {"reads": ("ReadThrottleEvents", "Sum"), "writes": ("WriteThrottleEvents", "Sum")},
        "FILL(reads, 0) + FILL(writes, 0)",
        **_MOSTLY,
    ),
    Check(
        "queue-age",
        resources.QUEUE,
        CAUSE,
        "The oldest message waits for {threshold} seconds or more",
        {"age": ("ApproximateAgeOfOldestMessage", "Maximum")},
        threshold=900,
        **_MOSTLY,
    ),
    Check(
        "dead-letters",
        resources.DEAD_LETTERS,
        CAUSE,
        "{threshold} or more messages wait in the dead-letter queue",
        {"messages": ("ApproximateNumberOfMessagesVisible", "Maximum")},
    ),
    Check(
        "workflow-failures",
        resources.WORKFLOW,
        meaning=_FAILED.replace("{0}", "executions"),
        metrics={
            "failed": ("ExecutionsFailed", "Sum"),
            "late": ("ExecutionsTimedOut", "Sum"),
            "calls": ("ExecutionsStarted", "Sum"),
        },
        expression=_rate("FILL(failed, 0) + FILL(late, 0)"),
        **{**_RATE, "minimum": 20},
    ),
    Check(
        "workflow-throttles",
        resources.WORKFLOW,
        CAUSE,
        "Executions were throttled in 3 of 5 minutes",
        {"throttles": ("ExecutionThrottled", "Sum")},
        **_MOSTLY,
    ),
    Check(
        "topic-failures",
        resources.TOPIC,
        SYMPTOM,
        "{threshold} or more notifications could not be delivered",
        {"failures": ("NumberOfNotificationsFailed", "Sum")},
        periods=3,
    ),
    Check(
        "load-balancer-errors",
        resources.LOAD_BALANCER,
        meaning=_FAILED.replace("{0}", "requests"),
        metrics={
            "own": ("HTTPCode_ELB_5XX_Count", "Sum"),
            "targets": ("HTTPCode_Target_5XX_Count", "Sum"),
            "calls": ("RequestCount", "Sum"),
        },
        expression=_rate("FILL(own, 0) + FILL(targets, 0)"),
        **_RATE,
    ),
    Check(
        "load-balancer-latency",
        resources.LOAD_BALANCER,
        meaning=_SLOW.replace("{0}", "requests"),
        metrics={"latency": ("TargetResponseTime", "p99"), "calls": ("RequestCount", "Sum")},
        **_LATENCY,
    ),
)
NAMES = tuple(sorted({check.name for check in CHECKS}))
HEARTBEAT, ITERATOR_AGE = "function-heartbeat", "function-iterator-age"


def of(resource: Resource, *settings: Mapping[str, Mapping[str, Any]], heartbeat: int | None = None) -> list[Check]:
    """Return the checks of a resource, with the settings of a user by the check's name: later ones take precedence.

    `heartbeat` is the number of minutes in which the function must be called; None for a function without one.
    """
    made: list[Check] = []
    for check in CHECKS:
        if check.kind != resource.kind or (check.name == ITERATOR_AGE and not resource.reads_stream):
            continue
        if check.name == HEARTBEAT and heartbeat is None:
            continue
        own = check.changed(**_spread(heartbeat)) if check.name == HEARTBEAT and heartbeat else check
        for some in settings:
            own = own.changed(**some.get(check.name, {}))
        if own.enabled:
            made.append(own)
    return made


def _spread(minutes: int) -> dict[str, int]:
    """Return the period and the number of periods of so many minutes.

    Periods of a minute count up to a day, periods of an hour or more up to seven days.
    """
    if minutes <= 60 or minutes % 60:
        return {"period": 60, "periods": minutes, "datapoints": minutes}
    return {"period": 3600, "periods": minutes // 60, "datapoints": minutes // 60}
