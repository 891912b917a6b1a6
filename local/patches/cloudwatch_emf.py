"""Metrics that functions write into their logs. CloudWatch reads them there; MiniStack does not.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs

from local.patches.registry import Original, patch


def metrics(log_text: str) -> Iterator[tuple[str, str, float, str, dict[str, str]]]:
    """Yield (namespace, name, value, unit, dimensions) of each metric in a function's output. Skip other lines."""
    for line in log_text.splitlines():
        if '"_aws"' not in line:
            continue
        try:
            document = json.loads(line[line.index("{") :])
            for directive in document["_aws"]["CloudWatchMetrics"]:
                for names in directive.get("Dimensions") or [[]]:
                    dimensions = {name: str(document[name]) for name in names}
                    for metric in directive["Metrics"]:
                        values = document[metric["Name"]]
                        for value in values if isinstance(values, list) else [values]:
                            unit = metric.get("Unit", "None")
                            yield directive["Namespace"], metric["Name"], float(value), unit, dimensions
        except (KeyError, TypeError, ValueError):  # not a document of this format: CloudWatch keeps it as a log line
            continue


@patch(
    "ministack.services.lambda_svc",
    "_emit_lambda_logs",
    because="MiniStack reads no metrics in logs, and makes the log group even if the function may not.",
)
def emit_lambda_logs(
    original: Original, func: dict[str, Any], request_id: str, log_text: str, *rest: Any, **more: Any
) -> None:
    """Write a call's output to its log group, if there is one, and publish the metrics in it."""
    config = func.get("config") or func
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    if group in cloudwatch_logs._log_groups:  # a function may neither create it nor bring it back after its deletion
        original(func, request_id, log_text, *rest, **more)
    for metric in metrics(log_text or ""):
        cloudwatch.record_metric(*metric)
