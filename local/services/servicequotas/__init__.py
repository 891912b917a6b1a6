"""Service Quotas on moto's backend: the request quotas of AWS KMS, requests to raise them and their history.

Beyond the API: `set_value` is an account whose quota differs from the default, `decide` is AWS Support's answer, and
`forget_requests` is an account that has asked for nothing yet.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register
from local.settings import ACCOUNT_ID, REGION

from .models import servicequotas_backends


def install() -> None:
    """Serve Service Quotas from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


def set_value(quota_code: str, value: float, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Give a KMS quota another applied value; below the default too, which no API can ask for."""
    servicequotas_backends[account][region].set_value(quota_code, value)


def decide(request_id: str, status: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Close a request as AWS Support does; APPROVED makes the desired value the applied one."""
    servicequotas_backends[account][region].decide(request_id, status)


def forget_requests(quota_code: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Remove a quota's requests from the history, open ones too."""
    requests = servicequotas_backends[account][region].requests
    requests[:] = [request for request in requests if request["QuotaCode"] != quota_code]


COMMANDS: dict[str, Any] = {"set_value": set_value, "decide": decide, "forget_requests": forget_requests}
