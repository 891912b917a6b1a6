"""The dashboard: the state of each service, what is not covered, and the metrics of its resources.

A dashboard has up to 500 widgets, and a widget up to 500 metrics and 100 alarms
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html); what does not fit is counted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from . import resources
from .checks import CAUSE, SYMPTOM
from .plan import Plan, business
from .settings import Settings

WIDGETS, METRICS, ALARMS = 500, 100, 100
"""Most widgets, and most metrics and alarms in one widget: here fewer metrics than AWS allows, which could be read."""
SHOWN: Mapping[str, tuple[tuple[str, str], ...]] = {
    resources.FUNCTION: (("Invocations", "Sum"), ("Errors", "Sum"), ("Throttles", "Sum"), ("Duration", "p99")),
    resources.REST_API: (("Count", "Sum"), ("5XXError", "Sum"), ("Latency", "p99")),
    resources.HTTP_API: (("Count", "Sum"), ("5xx", "Sum"), ("Latency", "p99")),
    resources.TABLE: (("ReadThrottleEvents", "Sum"), ("WriteThrottleEvents", "Sum")),
    resources.QUEUE: (("ApproximateAgeOfOldestMessage", "Maximum"),),
    resources.DEAD_LETTERS: (("ApproximateNumberOfMessagesVisible", "Maximum"),),
    resources.WORKFLOW: (("ExecutionsStarted", "Sum"), ("ExecutionsFailed", "Sum"), ("ExecutionsTimedOut", "Sum")),
    resources.TOPIC: (("NumberOfMessagesPublished", "Sum"), ("NumberOfNotificationsFailed", "Sum")),
    resources.LOAD_BALANCER: (
        ("RequestCount", "Sum"),
        ("HTTPCode_Target_5XX_Count", "Sum"),
        ("TargetResponseTime", "p99"),
    ),
}
TITLES = {
    resources.FUNCTION: "Functions",
    resources.REST_API: "REST APIs",
    resources.HTTP_API: "HTTP APIs",
    resources.TABLE: "Tables",
    resources.QUEUE: "Queues",
    resources.DEAD_LETTERS: "Dead-letter queues",
    resources.WORKFLOW: "State machines",
    resources.TOPIC: "Topics",
    resources.LOAD_BALANCER: "Load balancers",
}
LATENCIES = ("Duration", "Latency", "TargetResponseTime")

Widget = dict[str, Any]


def body(
    plans: Sequence[Plan], composites: Sequence[str], settings: Settings, region: str, alarm_arn: str, price: float
) -> dict[str, Any]:
    """Return the dashboard. `alarm_arn` is the ARN of an alarm up to its name."""
    widgets = [_text(_overview(plans, price), 3)]
    for some in _batches(composites, ALARMS):
        arns = [alarm_arn + name for name in some]
        widgets.append(_widget("alarm", 6, 24, {"title": "Services", "alarms": arns}))
    left = 0
    for made in plans:
        own = _service(made, settings, region)
        if len(widgets) + len(own) > WIDGETS:
            left += 1
            continue
        widgets += own
    if left:
        widgets[0] = _text(f"{_overview(plans, price)}\n\n{left} services do not fit on this dashboard.", 3)
    return {"widgets": widgets}


def _overview(plans: Sequence[Plan], price: float) -> str:
    counted = sum(len(made.resources) for made in plans)
    skipped = sum(len(made.skipped) for made in plans)
    empty = [made.service for made in plans if not made.resources and not any(made.members.values())]
    counts = f"{len(plans)} services, {counted} resources, {skipped} resources without alarms."
    text = f"# Service health\n{counts} The alarms cost about {price:.2f} US dollars a month."
    return f"{text}\n\nServices without resources: {', '.join(empty)}" if empty else text


def _service(made: Plan, settings: Settings, region: str) -> list[Widget]:
    counts = ", ".join(f"{count} {TITLES[kind].lower()}" for kind, count in sorted(made.kinds.items()))
    missed = "\n".join(f"- `{arn}`: {why}" for arn, why in sorted(made.skipped.items())[:10])
    more = f"\n- and {len(made.skipped) - 10} more" if len(made.skipped) > 10 else ""
    members = len(made.members[SYMPTOM]), len(made.members[CAUSE])
    about = f"## {made.service}\n{counts or 'no resources'}; {members[0]} symptoms, {members[1]} causes\n{missed}{more}"
    widgets = [_text(about, 2)]
    for kind in resources.KINDS:
        found = [one for one in made.resources if one.kind == kind]
        if found:
            widgets.append(_metrics(kind, found, region))
    shown = [
        [namespace, check.metrics["m1"][0], *_flat(dimensions), {"stat": check.metrics["m1"][1]}]
        for check, namespace, dimensions in (
            business(name, metric) for name, metric in sorted(settings.service(made.service).metrics.items())
        )
    ]
    if shown:
        widgets.append(_graph("Business", shown[:METRICS], region))
    return widgets


def _metrics(kind: str, found: Sequence[resources.Resource], region: str) -> Widget:
    rows: list[list[Any]] = []
    for metric, statistic in SHOWN[kind]:
        axis = {"yAxis": "right"} if metric in LATENCIES else {}
        for one in found:
            row = [resources.NAMESPACES[kind], metric, *_flat(one.dimensions)]
            rows.append([*row, {"stat": statistic, "label": f"{one.label} {metric}", **axis}])
    more = f" (the first of {len(found)})" if len(rows) > METRICS else ""
    return _graph(TITLES[kind] + more, rows[:METRICS], region)


def _flat(dimensions: Mapping[str, str]) -> list[str]:
    return [text for pair in sorted(dimensions.items()) for text in pair]


def _graph(title: str, rows: list[list[Any]], region: str) -> Widget:
    shown = {"title": title, "metrics": rows, "region": region, "period": 60, "view": "timeSeries"}
    return _widget("metric", 6, 12, shown)


def _text(markdown: str, height: int) -> Widget:
    return _widget("text", height, 24, {"markdown": markdown})


def _widget(kind: str, height: int, width: int, properties: Mapping[str, Any]) -> Widget:
    """Return a widget without a place: CloudWatch puts it next to the one before, or below."""
    return {"type": kind, "height": height, "width": width, "properties": dict(properties)}


def _batches(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[first : first + size] for first in range(0, len(items), size)]
