"""Application Auto Scaling for services of ECS: capacity within bounds, and target tracking.

Source: API reference and user guide of Application Auto Scaling. The command `measure` gives the value
of a metric in place of CloudWatch, so that no scenario waits for three minutes of it, nor for cooldowns. Alarms are not
created, and step, scheduled and predictive scaling are not here.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register
from local.settings import ACCOUNT_ID, REGION

from .models import applicationautoscaling_backends


def install() -> None:
    """Serve it from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


def measure(resource_id: str, metric: str, value: float, account: str = ACCOUNT_ID, region: str = REGION) -> int:
    """Let the policies of a resource see the value of a predefined metric. Return the capacity afterwards."""
    return applicationautoscaling_backends[account][region].measure(resource_id, metric, value)


COMMANDS: dict[str, Any] = {"measure": measure}
