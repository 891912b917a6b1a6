"""Logs and metrics. Powertools is imported on first use, so that importing a handler stays fast.

Never log findings, tokens, payloads or personal data: messages are constants, data goes in fields.
"""

import functools
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@functools.cache
def logger() -> "Logger":
    """Return the JSON logger. POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL set its service name and level."""
    from aws_lambda_powertools import Logger

    return Logger()


def begin(context: Any, **fields: Any) -> "Logger":
    """Return the logger, which adds this invocation's request ID and `fields` to every line."""
    log = logger()
    log.structure_logs(append=False, request_id=context.aws_request_id, **fields)
    return log


def count(name: str, value: int) -> None:
    """Write one CloudWatch metric (unit Count, dimension service) in the embedded metric format."""
    from aws_lambda_powertools import single_metric
    from aws_lambda_powertools.metrics import MetricUnit

    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Switchyard")
    with single_metric(name=name, unit=MetricUnit.Count, value=value, namespace=namespace) as metric:
        metric.add_dimension("service", os.environ.get("POWERTOOLS_SERVICE_NAME", "service_undefined"))
