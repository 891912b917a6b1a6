"""Access to other accounts: the role is assumed once, with its parameters, and again before the session expires."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from common import clients
from protection.secret_replication import access, errors
from protection.secret_replication.targets import Target

from .fakes import error

ROLE = "arn:aws:iam::222222222222:role/writer"


class FakeSts:
    def __init__(self, minutes: int = 60) -> None:
        self.minutes = minutes
        self.asked: list[dict[str, str]] = []
        self.refuses = False

    def assume_role(self, **arguments: str) -> dict[str, Any]:
        self.asked.append(arguments)
        if self.refuses:
            raise error("AccessDenied", "is not authorized to perform: sts:AssumeRole")
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=self.minutes)
        return {"Credentials": {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T", "Expiration": ends}}


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> FakeSts:
    fake = FakeSts()
    monkeypatch.setattr(clients, "client", lambda service, region=None: fake if service == "sts" else (service, region))
    monkeypatch.setattr(clients, "make", lambda service, **options: {"service": service, **options})
    return fake


def target(**options: Any) -> Target:
    return Target("vault", "eu-central-1", ("prod/",), **options)


def test_this_account_needs_no_role(sts: FakeSts) -> None:
    assert access.Access("f").client(target()) == ("secretsmanager", "eu-central-1")
    assert sts.asked == []


def test_a_session_serves_until_shortly_before_its_end(sts: FakeSts) -> None:
    reached = access.Access("switchyard-secret-replication", access.READ_ONLY)
    there = target(role_arn=ROLE, external_id="x")
    client = reached.client(there)
    assert client["region_name"] == "eu-central-1"
    assert client["aws_session_token"] == "T"
    assert reached.client(there) is client
    assert sts.asked == [
        {
            "RoleArn": ROLE,
            "RoleSessionName": "switchyard-secret-replication",
            "ExternalId": "x",
            "Policy": access.READ_ONLY,
        }
    ]
    sts.minutes = 4
    reached = access.Access("f")
    assert reached.client(there) is not reached.client(there)


def test_a_role_that_cannot_be_assumed_is_reported_with_its_target(sts: FakeSts) -> None:
    sts.refuses = True
    with pytest.raises(errors.Denied, match=f"assuming {ROLE} for target vault"):
        access.Access("f").client(target(role_arn=ROLE))
