"""Service Quotas on moto's backend: the request quotas of AWS KMS, requests to raise them and their history.

Beyond the API: `set_value` makes an account's quota differ from the default, `decide` is AWS Support's answer, and
`forget_requests` makes an account without earlier requests.
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
    """Set the applied value of a KMS quota, even below the default, which no API allows."""
    servicequotas_backends[account][region].set_value(quota_code, value)


def decide(request_id: str, status: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Close a request as AWS Support does. APPROVED applies the desired value."""
    servicequotas_backends[account][region].decide(request_id, status)


def forget_requests(quota_code: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Remove a quota's requests, open ones included, from the history."""
    requests = servicequotas_backends[account][region].requests
    requests[:] = [request for request in requests if request["QuotaCode"] != quota_code]


COMMANDS: dict[str, Any] = {"set_value": set_value, "decide": decide, "forget_requests": forget_requests}
