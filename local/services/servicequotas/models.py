"""ServiceQuotasBackend: KMS's quotas with applied values, and requests to raise them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from moto.core.base_backend import BackendDict
from moto.servicequotas.models import ServiceQuotasBackend as MotoServiceQuotasBackend

from local.services.base import Pager, TokenError, operation

from .exceptions import (
    IllegalArgumentException,
    InvalidPaginationTokenException,
    NoSuchResourceException,
    ResourceAlreadyExistsException,
)
from .quotas import Quota, kms_quotas

OPEN = frozenset({"PENDING", "CASE_OPENED"})
CLOSED = frozenset({"APPROVED", "DENIED", "CASE_CLOSED", "NOT_APPROVED", "INVALID_REQUEST"})


class ServiceQuotasBackend(MotoServiceQuotasBackend):
    """Quotas of one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.kms = kms_quotas(region_name)
        self.applied: dict[str, float] = {}
        self.requests: list[dict[str, Any]] = []  # newest last
        self.pager = Pager(lambda: 3600.0)

    def _quota(self, service_code: str, quota_code: str) -> Quota:
        if service_code != "kms" or quota_code not in self.kms:
            raise NoSuchResourceException(f"No quota {quota_code} of the service {service_code} is known here.")
        return self.kms[quota_code]

    def _described(self, quota: Quota, value: float) -> dict[str, Any]:
        return {
            **self._identified(quota),
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
            "UsageMetric": {
                "MetricNamespace": "AWS/Usage",
                "MetricName": "CallCount",
                "MetricDimensions": {"Class": "None", "Resource": quota.resource, "Service": "KMS", "Type": "API"},
                "MetricStatisticRecommendation": "Sum",
            },
            "Period": {"PeriodValue": 1, "PeriodUnit": "SECOND"},
            "QuotaAppliedAtLevel": "ACCOUNT",
        }

    def _identified(self, quota: Quota) -> dict[str, Any]:
        return {
            "ServiceCode": "kms",
            "ServiceName": "AWS Key Management Service (AWS KMS)",
            "QuotaArn": f"arn:aws:servicequotas:{self.region_name}:{self.account_id}:kms/{quota.code}",
            "QuotaCode": quota.code,
            "QuotaName": quota.name,
        }

    def value(self, quota: Quota) -> float:
        """Return the applied value."""
        return self.applied.get(quota.code, quota.default)

    def quota_of_metric(self, namespace: str, name: str, dimensions: Mapping[str, str]) -> float | None:
        """Return the applied value, in requests per second, of the quota for a usage metric, or None."""
        expected = {"Class": "None", "Service": "KMS", "Type": "API"}
        if (namespace, name) != ("AWS/Usage", "CallCount") or not expected.items() <= dict(dimensions).items():
            return None
        found = (quota for quota in self.kms.values() if quota.resource == dimensions.get("Resource"))
        return next((self.value(quota) for quota in found), None)

    def set_value(self, quota_code: str, value: float) -> None:
        """Apply another value."""
        self.applied[self._quota("kms", quota_code).code] = float(value)

    def decide(self, request_id: str, status: str) -> None:
        """Close an open request."""
        if status not in CLOSED:
            raise ValueError(f"status must be one of {', '.join(sorted(CLOSED))}")
        request = next((r for r in self.requests if r["Id"] == request_id and r["Status"] in OPEN), None)
        if request is None:
            raise ValueError(f"no open request {request_id}")
        request.update(Status=status, LastUpdated=time.time())
        if status == "APPROVED":
            self.applied[request["QuotaCode"]] = request["DesiredValue"]

    @operation()
    def get_service_quota(self, service_code: str, quota_code: str, context_id: str | None = None) -> dict[str, Any]:
        """Return the applied quota."""
        if service_code == "vpc":
            return {"Quota": super().get_service_quota(service_code, quota_code)}
        quota = self._quota(service_code, quota_code)
        return {"Quota": self._described(quota, self.value(quota))}

    @operation()
    def get_aws_default_service_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        """Return the quota that a new account has."""
        quota = self._quota(service_code, quota_code)
        return {"Quota": self._described(quota, quota.default)}

    @operation()
    def list_service_quotas(
        self,
        service_code: str,
        next_token: str | None = None,
        max_results: int = 100,
        quota_code: str | None = None,
        quota_applied_at_level: str = "ACCOUNT",
    ) -> dict[str, Any]:
        """Return all applied quotas of KMS."""
        if service_code != "kms":
            raise NoSuchResourceException(f"The quotas of the service {service_code} are not known here.")
        quotas = [q for q in self.kms.values() if quota_code in (None, q.code) and quota_applied_at_level != "RESOURCE"]
        found = [self._described(quota, self.value(quota)) for quota in quotas]
        return self._page("Quotas", ("ListServiceQuotas", quota_code), found, max_results, next_token)

    @operation()
    def request_service_quota_increase(
        self,
        service_code: str,
        quota_code: str,
        desired_value: float,
        context_id: str | None = None,
        support_case_allowed: bool = True,
    ) -> dict[str, Any]:
        """Request an increase. A quota can have one open request."""
        quota = self._quota(service_code, quota_code)
        if desired_value <= self.value(quota):
            raise IllegalArgumentException("You must provide a quota value greater than the current quota value.")
        if any(r["QuotaCode"] == quota_code and r["Status"] in OPEN for r in self.requests):
            raise ResourceAlreadyExistsException("Only one open service quota increase request is allowed per quota.")
        now = time.time()
        request = {
            "Id": uuid.uuid4().hex,
            **self._identified(quota),
            "DesiredValue": float(desired_value),
            "Status": "PENDING",
            "Created": now,
            "LastUpdated": now,
            "Requester": f'{{"accountId":"{self.account_id}"}}',
            "GlobalQuota": False,
            "Unit": "None",
            "QuotaRequestedAtLevel": "ACCOUNT",
        }
        self.requests.append(request)
        return {"RequestedQuota": dict(request)}

    @operation()
    def list_requested_service_quota_change_history_by_quota(
        self,
        service_code: str,
        quota_code: str,
        status: str | None = None,
        next_token: str | None = None,
        max_results: int = 100,
        quota_requested_at_level: str = "ACCOUNT",
    ) -> dict[str, Any]:
        """Return the requests for one quota, newest first."""
        quota = self._quota(service_code, quota_code)
        found = [
            dict(request)
            for request in reversed(self.requests)
            if request["QuotaCode"] == quota.code and status in (None, request["Status"])
        ]
        return self._page("RequestedQuotas", ("History", quota_code, status), found, max_results, next_token)

    def _page(self, member: str, bound: Any, found: list[Any], limit: int, token: str | None) -> dict[str, Any]:
        # The model allows only Base64 characters in tokens, without the pager's separator: hence hexadecimal.
        try:
            items, following = self.pager.page(bound, lambda: found, limit, _plain(token))
        except (TokenError, ValueError) as error:
            raise InvalidPaginationTokenException(str(error)) from None
        return {member: items, **({"NextToken": following.encode().hex()} if following else {})}


def _plain(token: str | None) -> str | None:
    return None if token is None else bytes.fromhex(token).decode()


servicequotas_backends = BackendDict(ServiceQuotasBackend, "service-quotas")
