"""Security Hub on moto's backend: finding filters and paging, custom actions, standards, automation rules, events.

Beyond the API: `send_custom_action` is the analyst's click in the console, `check_control` makes Security Hub's own
finding after the evaluation of a control, `set_token_lifetime` ages tokens.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register
from local.settings import ACCOUNT_ID, REGION

from . import checks
from .models import SecurityHubBackend, backend_of, securityhub_backends


def install() -> None:
    """Serve Security Hub from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


def send_custom_action(action_target_arn: str, findings: list[str | dict[str, str]]) -> int:
    """Choose a custom action for up to 20 findings, as the console does. Return the number of events sent.

    Each finding, given by its Id or as `{"Id": ..., "ProductArn": ...}`, is sent in an event of its own:
    https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-integration-types.html
    Raise ResourceNotFoundException for an unknown action or finding, InvalidInputException for more than 20.
    """
    return backend_of(action_target_arn).send_custom_action(action_target_arn, findings)


def check_control(
    control: str,
    resource_type: str,
    resource_id: str,
    status: str,
    tags: dict[str, str] | None = None,
    account: str = ACCOUNT_ID,
    region: str = REGION,
) -> str | None:
    """Report that a control was evaluated for a resource: PASSED, FAILED, WARNING or NOT_AVAILABLE.

    Return the Id of the finding that Security Hub creates or updates, or None if no standard has the control enabled.
    """
    return checks.check(securityhub_backends[account][region], control, resource_type, resource_id, status, tags or {})


def set_token_lifetime(seconds: float) -> None:
    """Set for how many seconds a NextToken of any account and Region can be used, issued ones included."""
    SecurityHubBackend.token_ttl_seconds = seconds


COMMANDS: dict[str, Any] = {
    "check_control": check_control,
    "send_custom_action": send_custom_action,
    "set_token_lifetime": set_token_lifetime,
}
