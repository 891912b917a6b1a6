"""On-demand rotation: refused with a reason, or made exactly once even if a response is lost."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from protection.kms_rotation import rotate
from protection.kms_rotation.errors import InvalidRequest, RotationUncertain, UnknownKey
from tests.unit.protection.kms_rotation.fakes import ACCOUNT, DAY, NOW, Kms, Sns, aws_error

LOST = EndpointConnectionError(endpoint_url="https://kms")


class Aws:
    def __init__(self) -> None:
        self.kms, self.sns = Kms(), Sns()
        self.slept: list[float] = []
        self.asked: list[int] = []

    def client(self, service: str, attempts: int = 10) -> Any:
        if service == "kms":
            self.asked.append(attempts)
        return {"kms": self.kms, "sns": self.sns}[service]

    def run(self, key: str = "k", config: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        request = rotate.parse({"key_id": key, "reason": "ticket 1", **more})
        return rotate.run(request, rotate.Settings("arn:topic", **(config or {})), self.client, NOW, self.slept.append)

    def on_demand(self, key: str = "k") -> int:
        return rotate._on_demand(self.kms.done[key])


@pytest.fixture
def aws() -> Aws:
    made = Aws()
    made.kms.add("k", period=365)
    return made


def test_rotates_and_notifies(aws: Aws) -> None:
    due = aws.kms.next_date["k"]
    answer = aws.run()
    assert answer == {
        "outcome": "rotated",
        "reason": "requested",
        "message": "ticket 1",
        "key_arn": ACCOUNT + "k",
        "on_demand_used": 1,
        "on_demand_remaining": 24,
        "adds_monthly": 1,
        "notified": True,
    }
    assert (aws.on_demand(), aws.kms.next_date["k"]) == (1, due)
    assert aws.asked == [10, 1]  # the client for the rotation does not retry
    assert json.loads(aws.sns.sent[0]["Message"])["asked_because"] == "ticket 1"


def test_a_rotation_stands_without_its_notice(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    aws.sns.fault = aws_error("KMSAccessDeniedException", "Publish")
    answer = aws.run()
    assert (answer["outcome"], answer["notified"], aws.on_demand()) == ("rotated", False, 1)
    assert [record.__dict__["error"] for record in caplog.records] == ["KMSAccessDeniedException"]
    aws.sns.fault = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        aws.run(dry_run=True)


def test_the_latest_rotation_counts(aws: Aws) -> None:
    """A key rotated years ago and an hour ago is not rotated again, in whatever order KMS lists the rotations."""
    for order in ("OO", "OOO"):
        aws.kms.add("k", period=365, rotations=order)
        aws.kms.done["k"][0]["RotationDate"] = NOW - DAY / 24
        answer = aws.run()
        assert answer["reason"] == "too_soon"
        assert str(NOW - DAY / 24) in answer["message"]
        assert aws.run(config={"minimum_hours_between": 1})["outcome"] == "rotated"


def test_a_dry_run_changes_nothing(aws: Aws) -> None:
    assert aws.run(dry_run=True)["outcome"] == "would_rotate"
    assert aws.kms.calls["RotateKeyOnDemand"] == 0


REPLICA = {
    "MultiRegion": True,
    "MultiRegionConfiguration": {"MultiRegionKeyType": "REPLICA", "PrimaryKey": {"Arn": "arn:primary"}},
}


@pytest.mark.parametrize(
    ("key", "reason", "says"),
    [
        ({"KeySpec": "RSA_2048"}, "asymmetric", "new key"),
        ({"KeySpec": "HMAC_256"}, "hmac", "new key"),
        ({"Origin": "AWS_CLOUDHSM"}, "custom_key_store", "outside"),
        ({"Origin": "EXTERNAL"}, "imported", "Imported"),
        ({"KeyManager": "AWS"}, "aws_managed", "every year"),
        ({"KeyState": "Disabled"}, "state", "Disabled"),
        ({"KeyState": "PendingDeletion"}, "state", "deleted"),
        (REPLICA, "replica", "arn:primary"),
    ],
)
def test_keys_that_cannot_rotate(aws: Aws, key: dict[str, Any], reason: str, says: str) -> None:
    aws.kms.add("k", **key)
    answer = aws.run()
    assert (answer["outcome"], answer["reason"]) == ("refused", reason)
    assert says in answer["message"]
    assert aws.kms.calls["RotateKeyOnDemand"] == 0


@pytest.mark.parametrize(
    ("rotations", "more", "config", "outcome"),
    [
        ("O" * 25, {"use_reserve": True}, {}, "quota"),
        ("A" * 30 + "O" * 24, {"use_reserve": True}, {}, "rotated"),
        ("O" * 23, {}, {}, "reserve"),
        ("O" * 23, {"use_reserve": True}, {}, "rotated"),
        ("O" * 22, {}, {}, "rotated"),
        ("O" * 10, {"use_reserve": True}, {"on_demand_quota": 10}, "quota"),
        ("", {}, {"mode": "limit"}, "cost"),
        ("A", {}, {"mode": "limit"}, "cost"),
        ("", {"accept_cost": True}, {"mode": "limit"}, "rotated"),
        ("AA", {}, {"mode": "limit"}, "rotated"),
        ("O", {}, {"minimum_hours_between": 24 * 101}, "too_soon"),
        ("A", {}, {"minimum_hours_between": 24 * 101}, "rotated"),
        ("O", {"use_reserve": True}, {"minimum_hours_between": 24 * 101}, "rotated"),
    ],
)
def test_history_is_checked_before_kms(aws: Aws, rotations: str, more: Any, config: Any, outcome: str) -> None:
    aws.kms.add("k", period=365, rotations=rotations)
    answer = aws.run(config=config, **more)
    assert (answer["outcome"] if answer["outcome"] == "rotated" else answer["reason"]) == outcome
    assert aws.kms.calls["RotateKeyOnDemand"] == (outcome == "rotated")


def test_in_progress(aws: Aws) -> None:
    aws.kms.started["k"] = NOW - DAY / 24
    assert aws.run()["reason"] == "in_progress"


def test_refusals_by_kms_itself(aws: Aws) -> None:
    """The quota is lower than configured; another principal was faster."""
    aws.kms.quota = 0
    assert aws.run()["reason"] == "quota"
    aws.kms.fault = lambda operation, key: (
        aws_error("ConflictException", operation) if operation == "RotateKeyOnDemand" else None
    )
    assert aws.run()["reason"] == "in_progress"


@pytest.mark.parametrize(
    "fault",
    [
        ("after", aws_error("KMSInternalException", "RotateKeyOnDemand", 500)),
        ("after", ReadTimeoutError(endpoint_url="https://kms")),
        ("after", LOST),
        aws_error("KMSInternalException", "RotateKeyOnDemand", 500),
        aws_error("ThrottlingException", "RotateKeyOnDemand"),
        LOST,
    ],
)
def test_a_lost_response_is_checked_before_another_attempt(aws: Aws, fault: Any) -> None:
    faults = [fault]
    aws.kms.fault = lambda operation, key: faults.pop() if operation == "RotateKeyOnDemand" and faults else None
    assert aws.run()["outcome"] == "rotated"
    assert aws.on_demand() == 1


def test_an_uncertain_rotation_raises(aws: Aws) -> None:
    error = aws_error("KMSInternalException", "RotateKeyOnDemand", 500)
    aws.kms.fault = lambda operation, key: error if operation == "RotateKeyOnDemand" else None
    with pytest.raises(RotationUncertain, match="check it in some minutes"):
        aws.run()
    assert aws.on_demand() == 0
    denied = aws_error("AccessDeniedException", "RotateKeyOnDemand")
    aws.kms.fault = lambda operation, key: denied if operation == "RotateKeyOnDemand" else None
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.run()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_no_sequence_of_faults_rotates_twice(seed: int, requests: int) -> None:
    """A request with the outcome "rotated" made one rotation; a request that raised made none or one."""
    aws, rng = Aws(), random.Random(seed)
    aws.kms.add("k")

    def fault(operation: str, key: str) -> Any:
        if operation != "RotateKeyOnDemand" or rng.random() > 0.5:
            return None
        error = rng.choice([LOST, aws_error("KMSInternalException", operation, 500)])
        return ("after", error) if rng.random() < 0.5 else error

    aws.kms.fault = fault
    for _ in range(requests):
        before = aws.on_demand()
        try:
            answer = aws.run(config={"minimum_hours_between": 0})
        except RotationUncertain:
            assert aws.on_demand() == before
            continue
        assert answer["outcome"] == "rotated"
        assert aws.on_demand() == before + 1


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        {"key_id": "k"},
        {"key_id": "k", "reason": " "},
        {"key_id": 1, "reason": "r"},
        {"key_id": "alias/x", "reason": "r"},
        {"key_id": "arn:aws:kms:eu-west-1:1:alias/x", "reason": "r"},
        {"key_id": "k", "reason": "r", "dry_run": "yes"},
        {"key_id": "k", "reason": "r", "dryrun": True},
    ],
)
def test_bad_events(event: Any) -> None:
    with pytest.raises(InvalidRequest):
        rotate.parse(event)


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))


@given(st.dictionaries(st.sampled_from(["key_id", "reason", *rotate.FLAGS, "other"]), _VALUES))
def test_any_event_is_a_whole_request_or_refused(event: dict[str, Any]) -> None:
    try:
        request = rotate.parse(event)
    except InvalidRequest:
        return
    assert request.key_id.strip()
    assert request.reason.strip()
    assert all(isinstance(getattr(request, flag), bool) for flag in rotate.FLAGS)


def test_unknown_key(aws: Aws) -> None:
    with pytest.raises(UnknownKey):
        aws.run("other")


def test_handler(aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TOPIC_ARN", "t")
    monkeypatch.setattr("common.clients.client", aws.client)
    answer = rotate.handler({"key_id": "k", "reason": "r", "dry_run": True}, SimpleNamespace(aws_request_id="r"))
    assert answer["outcome"] == "would_rotate"
    assert "KmsOnDemandRotations" in capsys.readouterr().out
