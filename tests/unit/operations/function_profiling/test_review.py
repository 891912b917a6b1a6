"""The review: what it writes and announces, call by call, and what an error of one group does to the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from common import clients
from common.reports import ReportChanged, Stored
from local.services import codeguruprofiler, install_all
from local.services.codeguruprofiler.models import codeguruprofiler_backends
from operations.function_profiling import review
from operations.function_profiling.errors import NothingRead

PATTERN = {"id": "p1", "name": "Recreation of clients", "description": "why", "resolutionSteps": "what"}
CONTEXT = SimpleNamespace(aws_request_id="one")
PLACE: dict[str, Any] = {"account": "123456789012", "region": "eu-west-1"}


class Account:
    """The account, with two groups, and the calls that the function makes."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failing: dict[tuple[str, str], str] = {}
        self.published: list[dict[str, Any]] = []
        self.api: Any = boto3.client("codeguruprofiler")
        self.s3: Any = boto3.client("s3")
        self.s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for name in ("t-a", "t-b"):
            self.api.create_profiling_group(profilingGroupName=name, clientToken="x", computePlatform="AWSLambda")
            codeguruprofiler.reported(name, 0, **PLACE)

    def client(self, service: str) -> Any:
        """Return what the function calls: the real API, with errors and a record."""
        real = self if service == "sns" else {"codeguruprofiler": self.api, "s3": self.s3}[service]

        def called(name: str) -> Any:
            def call(**given: Any) -> Any:
                self.calls.append(name)
                code = self.failing.get((name, str(given.get("profilingGroupName", ""))))
                if code:
                    raise ClientError({"Error": {"Code": code, "Message": "secret detail"}}, name)
                return getattr(real, name)(**given)

            return call

        used = ("describe_profiling_group", "get_recommendations", "get_object", "put_object", "publish")
        return SimpleNamespace(**{name: called(name) for name in used})

    def publish(self, **given: Any) -> None:
        """Keep a message."""
        self.published.append(given)

    def report(self) -> dict[str, Any]:
        """Return the report."""
        found: dict[str, Any] = json.loads(self.s3.get_object(Bucket="reports", Key="report.json")["Body"].read())
        return found


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    named = {key: {"group": f"t-{key}", "function": key} for key in "ab"}
    values = {"GROUPS": json.dumps(named), "BUCKET": "reports", "BUCKET_OWNER": "123456789012"}
    values |= {"TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:t", "SILENT_DAYS": "3", "WINDOW_DAYS": "7"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    install_all()
    with mock_aws():
        codeguruprofiler_backends.clear()
        clients.client.cache_clear()
        made = Account()
        monkeypatch.setattr(review, "client", made.client)
        yield made
        codeguruprofiler_backends.clear()


def test_a_recommendation_is_told_once_and_its_end_too(account: Account) -> None:
    codeguruprofiler.recommend("t-a", PATTERN, **PLACE)
    assert review.handler({}, CONTEXT) == {"groups": 2, "read": 2, "changes": 1}
    assert account.published[0]["Subject"] == "Code profiling: 1 change"
    assert "a: recommended: Recreation of clients\nwhy\nwhat" in account.published[0]["Message"]
    assert review.handler({"detail": "a heartbeat"}, CONTEXT)["changes"] == 0
    codeguruprofiler.settle("t-a", **PLACE)
    assert review.handler({}, CONTEXT)["changes"] == 1
    assert "a: ended: Recreation of clients" in account.published[1]["Message"]
    assert len(account.published) == 2


def test_calls_of_a_review(account: Account) -> None:
    review.handler({}, CONTEXT)
    account.calls.clear()
    review.handler({}, CONTEXT)
    each = ["describe_profiling_group", "get_recommendations"]
    assert account.calls == ["get_object", *each, *each, "put_object"]


@pytest.mark.parametrize("failing", ["describe_profiling_group", "get_recommendations"])
@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_a_group_that_cannot_be_read_keeps_what_is_known(account: Account, failing: str, code: str) -> None:
    codeguruprofiler.recommend("t-a", PATTERN, **PLACE)
    review.handler({}, CONTEXT)
    account.failing[failing, "t-a"] = code
    assert review.handler({}, CONTEXT) == {"groups": 2, "read": 1, "changes": 1}
    first, second = account.report()["groups"]
    assert (first["status"], first["reason"], second["status"]) == ("unreadable", code, "profiled")
    assert [item["id"] for item in first["recommendations"]] == ["p1"]
    assert "secret detail" not in json.dumps(account.report())
    account.failing.clear()
    assert review.handler({}, CONTEXT)["changes"] == 1  # profiled again, and no recommendation twice
    assert "recommended" not in account.published[-1]["Message"]


def test_if_no_group_can_be_read_the_call_fails_and_the_report_stays(account: Account) -> None:
    review.handler({}, CONTEXT)
    before = account.report()
    for group in ("t-a", "t-b"):
        account.failing["describe_profiling_group", group] = "AccessDeniedException"
    with pytest.raises(NothingRead, match="t-a: AccessDeniedException; t-b: AccessDeniedException"):
        review.handler({}, CONTEXT)
    assert account.report() == before


def test_a_deleted_group_is_missing_and_an_idle_one_is_silent(account: Account) -> None:
    codeguruprofiler.recommend("t-b", PATTERN, **PLACE)
    review.handler({}, CONTEXT)
    account.api.delete_profiling_group(profilingGroupName="t-a")
    codeguruprofiler.reported("t-b", 8, **PLACE)
    review.handler({}, CONTEXT)
    first, second = account.report()["groups"]
    assert (first["status"], second["status"]) == ("missing", "silent")
    assert [item["id"] for item in second["recommendations"]] == ["p1"]  # no profiles say nothing about it
    assert account.report()["coverage"] == {"groups": 2, "read": 2}


def test_a_review_that_was_overtaken_writes_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    review.handler({}, CONTEXT)
    real = Stored.read

    def overtaken(self: Stored) -> Any:
        found = real(self)
        account.s3.put_object(Bucket="reports", Key="report.json", Body=b'{"groups": []}')
        return found

    monkeypatch.setattr(Stored, "read", overtaken)
    with pytest.raises(ReportChanged):
        review.handler({}, CONTEXT)
    assert account.report() == {"groups": []}


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"groups": [1, {"key": "a"}]}'])
def test_an_unusable_report_is_replaced(account: Account, body: bytes) -> None:
    account.s3.put_object(Bucket="reports", Key="report.json", Body=body)
    assert review.handler({}, CONTEXT)["read"] == 2
    assert [row["key"] for row in account.report()["groups"]] == ["a", "b"]


def test_other_errors_end_the_call(account: Account) -> None:
    account.failing["get_object", ""] = "AccessDenied"
    with pytest.raises(ClientError, match="AccessDenied"):
        review.handler({}, CONTEXT)
    account.failing = {("put_object", ""): "AccessDenied"}
    with pytest.raises(ClientError, match="AccessDenied"):
        review.handler({}, CONTEXT)
