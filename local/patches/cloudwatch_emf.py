"""Metrics that functions write into their logs: CloudWatch reads them there, MiniStack does not.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def metrics(log_text: str) -> Iterator[tuple[str, str, float, str, dict[str, str]]]:
    """(namespace, name, value, unit, dimensions) of each metric in a function's output; other lines are passed by."""
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
        except (KeyError, TypeError, ValueError):  # no document of this format: CloudWatch keeps it as a log line
            continue


def install() -> None:
    """Publish the metrics of each call's output."""
    from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc

    emit_logs = lambda_svc._emit_lambda_logs

    def emit_lambda_logs(function: Any, request_id: str, log_text: str, *rest: Any, **options: Any) -> None:
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        if group in cloudwatch_logs._log_groups:  # which a function may not make, nor bring back after its end
            emit_logs(function, request_id, log_text, *rest, **options)
        for metric in metrics(log_text or ""):
            cloudwatch.record_metric(*metric)

    lambda_svc._emit_lambda_logs = emit_lambda_logs
