"""Service Quotas of the local cloud: KMS's quotas, increase requests, and how a case ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import install_all, servicequotas
from local.services.servicequotas.models import servicequotas_backends

SYMMETRIC, RSA = "L-6E3AF000", "L-2AC98190"


@pytest.fixture
def quotas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        servicequotas_backends.clear()
        yield client("eu-west-1")
        servicequotas_backends.clear()


def client(region: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name=region)
    return session.client("service-quotas")


def test_defaults_differ_by_region(quotas: Any) -> None:
    found = {
        region: client(region).get_service_quota(ServiceCode="kms", QuotaCode=SYMMETRIC)["Quota"]["Value"]
        for region in ("eu-west-1", "eu-central-1", "eu-north-1")
    }
    assert found == {"eu-west-1": 100_000, "eu-central-1": 20_000, "eu-north-1": 10_000}
    quota = quotas.get_service_quota(ServiceCode="kms", QuotaCode=RSA)["Quota"]
    assert quota["Period"] == {"PeriodValue": 1, "PeriodUnit": "SECOND"}
    assert quota["UsageMetric"]["MetricDimensions"]["Resource"] == "CryptographicOperationsRsa"
    assert quota["QuotaArn"] == f"arn:aws:servicequotas:eu-west-1:123456789012:kms/{RSA}"
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        quotas.get_service_quota(ServiceCode="kms", QuotaCode="L-00000000")
    assert quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]["ServiceCode"] == "vpc"


def test_a_request_is_open_once_and_approval_applies_it(quotas: Any) -> None:
    asked = {"ServiceCode": "kms", "QuotaCode": RSA}
    with pytest.raises(ClientError, match="IllegalArgumentException"):
        quotas.request_service_quota_increase(**asked, DesiredValue=1000)
    request = quotas.request_service_quota_increase(**asked, DesiredValue=1500)["RequestedQuota"]
    assert (request["Status"], request["DesiredValue"]) == ("PENDING", 1500)
    with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
        quotas.request_service_quota_increase(**asked, DesiredValue=1600)
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 1000
    servicequotas.decide(request["Id"], "APPROVED")
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 1500
    assert quotas.get_aws_default_service_quota(**asked)["Quota"]["Value"] == 1000
    denied = quotas.request_service_quota_increase(**asked, DesiredValue=9000)["RequestedQuota"]
    servicequotas.decide(denied["Id"], "DENIED")
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 1500
    history = quotas.list_requested_service_quota_change_history_by_quota(**asked)["RequestedQuotas"]
    assert [r["Status"] for r in history] == ["DENIED", "APPROVED"]
    pages = list(
        quotas.get_paginator("list_requested_service_quota_change_history_by_quota").paginate(
            **asked, PaginationConfig={"PageSize": 1}
        )
    )
    assert [len(page["RequestedQuotas"]) for page in pages] == [1, 1]
    with pytest.raises(ClientError, match="InvalidPaginationTokenException"):
        quotas.list_requested_service_quota_change_history_by_quota(**asked, NextToken="abcd")
    for wrong in ({"request_id": denied["Id"], "status": "DENIED"}, {"request_id": "x", "status": "OPEN"}):
        with pytest.raises(ValueError, match=r"request|status"):
            servicequotas.decide(**wrong)


def test_requests_of_one_quota_are_forgotten(quotas: Any) -> None:
    for code, desired in ((RSA, 1500), (SYMMETRIC, 150_000)):
        quotas.request_service_quota_increase(ServiceCode="kms", QuotaCode=code, DesiredValue=desired)
    servicequotas.forget_requests(RSA)

    def history(code: str) -> list[Any]:
        named = {"ServiceCode": "kms", "QuotaCode": code}
        return list(quotas.list_requested_service_quota_change_history_by_quota(**named)["RequestedQuotas"])

    assert (history(RSA), len(history(SYMMETRIC))) == ([], 1)
    quotas.request_service_quota_increase(ServiceCode="kms", QuotaCode=RSA, DesiredValue=1500)


def test_lists(quotas: Any) -> None:
    pages = list(
        quotas.get_paginator("list_service_quotas").paginate(ServiceCode="kms", PaginationConfig={"PageSize": 4})
    )
    assert len(pages) > 1
    names = [quota["QuotaName"] for page in pages for quota in page["Quotas"]]
    assert "Cryptographic operations (symmetric) request rate" in names
    assert len(set(names)) == len(names)
    with pytest.raises(ClientError, match="NotImplemented"):
        quotas.list_services()


def test_through_the_gateways_server(quotas: Any) -> None:
    """moto's server finds the service in another way than `mock_aws`."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.test import Client

    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/servicequotas/aws4_request, x",
        "X-Amz-Target": "ServiceQuotasV20190624.GetServiceQuota",
        "Content-Type": "application/x-amz-json-1.1",
    }
    server = Client(DomainDispatcherApplication(create_backend_app))
    answer: Any = server.post("/", headers=headers, json={"ServiceCode": "kms", "QuotaCode": RSA})
    assert (answer.status_code, answer.json["Quota"]["Value"]) == (200, 1000)
    refused: Any = server.post("/", headers=headers, json={"ServiceCode": "kms", "QuotaCode": RSA, "No": 1})
    assert (refused.status_code, refused.headers["x-amzn-errortype"]) == (400, "IllegalArgumentException")
