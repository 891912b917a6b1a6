"""Quota requests within limits, against the local cloud's Service Quotas in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from common import clients, settings
from local.services import install_all, servicequotas
from local.services.servicequotas.models import servicequotas_backends
from protection.kms_quota_alarms import guard, request_increase

CODE = "L-2AC98190"  # RSA: 1,000 per second
ALARM = "switchyard-kms-quota-rsa-critical"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUOTA = {"QuotaName": "RSA", "QuotaCode": CODE, "Value": 1000.0, "Adjustable": True}


def limits(maximum: float = 5000, multiplier: float = 1.5) -> guard.Limits:
    return guard.Limits(multiplier, maximum, timedelta(hours=24))


def request(status: str = "APPROVED", hours_ago: float = 48) -> dict[str, Any]:
    at = NOW - timedelta(hours=hours_ago)
    return {"Id": "r", "Status": status, "DesiredValue": 1200.0, "Created": at, "LastUpdated": at}


def test_the_sources_example_is_fifty_percent() -> None:
    """Use 100,000 each of Decrypt, GenerateDataKey and Encrypt in a minute, with a quota of 10,000 per second."""
    assert guard.utilisation(3 * 100_000, 60, 10_000) == 50


@pytest.mark.parametrize(
    ("quota", "history", "maximum", "outcome", "desired"),
    [
        ({}, [], 5000, "request", 1500),
        ({"Value": 10.1}, [], 5000, "request", 16),
        ({}, [], 1200, "request", 1200),
        ({}, [], 1000, "at_maximum", None),
        ({}, [], 900, "at_maximum", None),
        ({"Adjustable": False}, [], 5000, "not_adjustable", None),
        ({}, [request("PENDING", 9999)], 5000, "already_requested", None),
        ({}, [request("CASE_OPENED", 9999), request()], 5000, "already_requested", None),
        ({}, [request("APPROVED", 23)], 5000, "cooling_down", None),
        ({}, [request("DENIED", 23)], 5000, "cooling_down", None),
        ({}, [request("DENIED", 25)], 5000, "request", 1500),
        ({}, [request("DENIED", 24)], 5000, "request", 1500),  # the cool-down is over
        ({}, [request("INVALID_REQUEST", 1)], 5000, "request", 1500),  # AWS decided nothing
        ({}, [request("INVALID_REQUEST", 1), request("DENIED", 23)], 5000, "cooling_down", None),
        ({}, [request("INVALID_REQUEST", 23)], 1200, "refused", None),  # the same value again
        ({}, [request("INVALID_REQUEST", 24)], 1200, "request", 1200),
    ],
)
def test_decisions(quota: Any, history: Any, maximum: float, outcome: str, desired: float | None) -> None:
    decision = guard.decide({**QUOTA, **quota}, history, limits(maximum), NOW)
    assert (decision.outcome, decision.desired) == (outcome, desired)
    assert decision.message


@given(
    st.floats(0.1, 1e6),
    st.floats(1.01, 10),
    st.floats(1, 1e6),
    st.lists(
        st.tuples(
            st.sampled_from(sorted(guard.OPEN | {"APPROVED", "DENIED", "CASE_CLOSED", "INVALID_REQUEST"})),
            st.floats(0, 200),
        ),
        max_size=5,
    ),
)
def test_a_request_is_always_larger_within_the_maximum_and_the_only_one(
    value: float, multiplier: float, maximum: float, past: list[tuple[str, float]]
) -> None:
    history = [request(status, hours) for status, hours in past]
    decision = guard.decide({**QUOTA, "Value": value}, history, limits(maximum, multiplier), NOW)
    if decision.outcome == "request":
        assert decision.desired is not None
        assert value < decision.desired <= maximum
        assert decision.desired <= value * multiplier + 1
        assert not any(status in guard.OPEN for status, _ in past)
        assert all(hours >= 24 for status, hours in past if status != guard.INVALID)
    else:
        assert decision.desired is None


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Provide Service Quotas and a topic with a queue."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    clients.client.cache_clear()
    with mock_aws():
        servicequotas_backends.clear()
        sns, sqs = boto3.client("sns"), boto3.client("sqs")
        topic = sns.create_topic(Name="alarms")["TopicArn"]
        queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:mail")

        def reported() -> list[str]:
            received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            return [json.loads(json.loads(m["Body"])["Message"])["outcome"] for m in received]

        yield SimpleNamespace(topic=topic, reported=reported, quotas=boto3.client("service-quotas"))
        servicequotas_backends.clear()
    clients.client.cache_clear()


def event(state: str = "ALARM", alarm: str = ALARM) -> dict[str, Any]:
    return {"source": "aws.cloudwatch", "detail": {"alarmName": alarm, "state": {"value": state}}}


def config(topic: str, **more: Any) -> request_increase.Settings:
    made = {"quotas": {ALARM: {"code": CODE, "maximum": 2000}}, "topic_arn": topic, "dry_run": False, **more}
    return request_increase.Settings(**made)


def open_requests(aws: Any) -> list[float]:
    answer = aws.quotas.list_requested_service_quota_change_history_by_quota(ServiceCode="kms", QuotaCode=CODE)
    return [r["DesiredValue"] for r in answer["RequestedQuotas"] if r["Status"] == "PENDING"]


def run(aws: Any, now: datetime | None = None, **more: Any) -> str:
    now = now or datetime.now(UTC)
    return str(request_increase.run(event(), config(aws.topic, **more), clients.client, now)["outcome"])


def test_an_alarm_makes_one_request(aws: Any) -> None:
    assert [run(aws), run(aws)] == ["requested", "already_requested"]
    assert open_requests(aws) == [1500]
    assert aws.reported() == ["requested", "already_requested"]


def test_a_dry_run_only_reports(aws: Any) -> None:
    assert run(aws, dry_run=True) == "would_request"
    assert open_requests(aws) == []
    assert aws.reported() == ["would_request"]


def test_after_approval_the_quota_cools_down_and_then_stays_at_the_maximum(aws: Any) -> None:
    run(aws)
    identifier = aws.quotas.list_requested_service_quota_change_history_by_quota(ServiceCode="kms", QuotaCode=CODE)
    servicequotas.decide(identifier["RequestedQuotas"][0]["Id"], "APPROVED")
    assert run(aws) == "cooling_down"
    later = datetime.now(UTC) + timedelta(hours=25)
    assert run(aws, later) == "requested"
    assert open_requests(aws) == [2000]


@pytest.mark.parametrize(
    ("incoming", "outcome"),
    [(event("OK"), "not_an_alarm"), (event(alarm="other"), "unknown_alarm"), ({}, "not_an_alarm")],
)
def test_other_events_do_nothing(aws: Any, incoming: Any, outcome: str) -> None:
    answer = request_increase.run(incoming, config(aws.topic), clients.client, NOW)
    assert answer["outcome"] == outcome
    assert (open_requests(aws), aws.reported()) == ([], [])


def test_concurrent_calls_make_one_request(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither call sees an open request."""
    monkeypatch.setattr(request_increase, "_history", lambda quotas, code: [])
    assert [run(aws), run(aws)] == ["requested", "already_requested"]
    assert open_requests(aws) == [1500]


def test_a_long_history_is_read_to_its_end(aws: Any) -> None:
    for _ in range(120):
        made = aws.quotas.request_service_quota_increase(ServiceCode="kms", QuotaCode=CODE, DesiredValue=1100)
        servicequotas.decide(made["RequestedQuota"]["Id"], "DENIED")
    assert len(request_increase._history(aws.quotas, CODE)) == 120
    assert run(aws) == "cooling_down"


class Refusing:
    """Service Quotas that answers one operation with an error, and all others as it is."""

    def __init__(self, quotas: Any, operation: str, code: str) -> None:
        self.quotas, self.operation = quotas, operation
        made: Any = {"Error": {"Code": code, "Message": "no"}}
        self.error = quotas.exceptions.from_code(code)(made, operation)

    def __getattr__(self, name: str) -> Any:
        if name == self.operation:
            raise self.error
        return getattr(self.quotas, name)


@pytest.mark.parametrize(
    ("operation", "code", "outcome"),
    [
        ("get_service_quota", "NoSuchResourceException", "requested"),  # only the default value is available
        ("request_service_quota_increase", "DependencyAccessDeniedException", "refused"),
        ("request_service_quota_increase", "QuotaExceededException", "refused"),
    ],
)
def test_what_service_quotas_answers_for_good_is_told(aws: Any, operation: str, code: str, outcome: str) -> None:
    def client(service: str) -> Any:
        made = clients.client(service)
        return Refusing(made, operation, code) if service == "service-quotas" else made

    answer = request_increase.run(event(), config(aws.topic), client, datetime.now(UTC))
    assert answer["outcome"] == outcome
    assert aws.reported() == [outcome]


def test_aws_errors_are_raised_so_that_lambda_retries(aws: Any) -> None:
    wrong = config(aws.topic, quotas={ALARM: {"code": "L-00000000", "maximum": 1}})
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        request_increase.run(event(), wrong, clients.client, NOW)


def test_settings() -> None:
    environ = {"QUOTAS": json.dumps({ALARM: {"code": CODE, "maximum": 1}}), "TOPIC_ARN": "arn"}
    assert settings.load(request_increase.Settings, environ).dry_run is True
    for wrong in ({"MULTIPLIER": "1"}, {"QUOTAS": '{"a": {"code": "x"}}'}, {"QUOTAS": ""}):
        with pytest.raises(settings.SettingsError):
            settings.load(request_increase.Settings, {**environ, **wrong})


def test_handler(aws: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("QUOTAS", json.dumps({ALARM: {"code": CODE, "maximum": 2000}}))
    monkeypatch.setenv("TOPIC_ARN", aws.topic)
    monkeypatch.setenv("DRY_RUN", "true")
    answer = request_increase.handler(event(), SimpleNamespace(aws_request_id="r"))
    assert answer["outcome"] == "would_request"
    assert "QuotaIncreasesRequested" in capsys.readouterr().out
