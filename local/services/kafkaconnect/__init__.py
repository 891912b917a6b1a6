"""Amazon MSK Connect: connectors, custom plugins and worker configurations; moto has none.

What AWS needs minutes for takes a moment. `fail` lets a connector fail, and `refuse_update` lets its next update be
rolled back, as a connector does that does not accept its new configuration. Not here: workers, restarts, logs,
descriptions of single operations.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register
from local.settings import ACCOUNT_ID, REGION

from .models import KafkaConnectBackend, kafkaconnect_backends


def install() -> None:
    """Serve MSK Connect from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


def _backend(account: str, region: str) -> KafkaConnectBackend:
    return kafkaconnect_backends[account][region]


def fail(arn: str, code: str, message: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Let a connector fail for a reason."""
    _backend(account, region).fail(arn, code, message)


def refuse_update(arn: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Let the next update of a connector be rolled back."""
    _backend(account, region).refused_updates.add(arn)


COMMANDS: dict[str, Any] = {"fail": fail, "refuse_update": refuse_update}
