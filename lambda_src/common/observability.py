"""Logs and metrics. Powertools is imported when first used, so that importing a handler stays cheap.

Never log findings, tokens, payloads or personal data: messages are constants, data goes in fields.
"""

import functools
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@functools.cache
def logger() -> "Logger":
    """The JSON logger; service name and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL."""
    from aws_lambda_powertools import Logger

    return Logger()


def begin(context: Any, **fields: Any) -> "Logger":
    """The logger, with this invocation's request id and `fields` on every line."""
    log = logger()
    log.structure_logs(append=False, request_id=context.aws_request_id, **fields)
    return log


def count(name: str, value: int) -> None:
    """Writes one CloudWatch metric (unit Count, dimension service) in the embedded metric format."""
    from aws_lambda_powertools import single_metric
    from aws_lambda_powertools.metrics import MetricUnit

    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Switchyard")
    with single_metric(name=name, unit=MetricUnit.Count, value=value, namespace=namespace) as metric:
        metric.add_dimension("service", os.environ.get("POWERTOOLS_SERVICE_NAME", "service_undefined"))
