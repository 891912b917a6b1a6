"""Clients of other accounts: a role is assumed once, with its parameters, and again before its session expires."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from common import clients, roles
from common.roles import Role, Roles

ARN = "arn:aws:iam::222222222222:role/writer"
OTHER = "arn:aws:iam::333333333333:role/writer"


class Sts:
    """A fake STS that returns sessions of `minutes`, each with a different access key ID."""

    def __init__(self) -> None:
        self.minutes = 60.0
        self.asked: list[dict[str, str]] = []

    def assume_role(self, **arguments: str) -> dict[str, Any]:
        self.asked.append(arguments)
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=self.minutes)
        made = {"AccessKeyId": f"A{len(self.asked)}", "SecretAccessKey": "S", "SessionToken": "T", "Expiration": ends}
        return {"Credentials": made}


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Sts:
    fake = Sts()
    monkeypatch.setattr(clients, "client", lambda service, region=None: fake if service == "sts" else (service, region))
    monkeypatch.setattr(clients, "make", lambda service, **options: {"service": service, **options})
    return fake


def test_without_a_role_it_is_our_own_account(sts: Sts) -> None:
    assert Roles().at("eu-west-1").client("s3") == ("s3", "eu-west-1")
    assert sts.asked == []


def test_the_role_is_assumed_by_the_first_client_and_not_before(sts: Sts) -> None:
    there = Roles().at("eu-central-1", Role(ARN, "f"))
    assert sts.asked == []
    assert there.client("s3") == {
        "service": "s3",
        "region_name": "eu-central-1",
        "aws_access_key_id": "A1",
        "aws_secret_access_key": "S",
        "aws_session_token": "T",
    }


def test_what_a_role_is_given(sts: Sts) -> None:
    Roles().at("eu-west-1", Role(ARN, "name" * 30, "external", "{}")).client("s3")
    Roles().at("eu-west-1", Role(ARN, "name")).client("s3")
    assert sts.asked == [
        {"RoleArn": ARN, "RoleSessionName": ("name" * 30)[:64], "ExternalId": "external", "Policy": "{}"},
        {"RoleArn": ARN, "RoleSessionName": "name"},
    ]


def test_one_session_for_all_regions_and_services_of_a_role(sts: Sts) -> None:
    reached, role = Roles(), Role(ARN, "f")
    for region in ("eu-west-1", "us-east-1", "eu-west-1"):
        for service in ("s3", "ec2", "s3"):
            assert reached.at(region, role).client(service) is reached.at(region, Role(ARN, "f")).client(service)
    assert len(sts.asked) == 1
    reached.at("eu-west-1", Role(OTHER, "f")).client("s3")
    reached.at("eu-west-1", Role(ARN, "f", "another external id")).client("s3")
    assert len(sts.asked) == 3


@pytest.mark.parametrize(("minutes", "assumed"), [(60.0, 1), (17.0, 1), (15.9, 2), (1.0, 2)])
def test_a_session_is_replaced_before_an_invocation_could_outlive_it(sts: Sts, minutes: float, assumed: int) -> None:
    """A client stays valid until the end of an invocation, which takes up to 15 minutes."""
    assert datetime.timedelta(minutes=15) < roles.MARGIN
    sts.minutes = minutes
    there = Roles().at("eu-west-1", Role(ARN, "f"))
    first = there.client("s3")
    assert (there.client("s3") is first) is (assumed == 1)
    assert len(sts.asked) == assumed
    assert there.client("s3")["aws_access_key_id"] == f"A{len(sts.asked)}"


def test_all_clients_of_a_session_that_was_replaced_are_made_again(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, role = Roles(), Role(ARN, "f")
    here, there = reached.at("eu-west-1", role), reached.at("us-east-1", role)
    old = [here.client("s3"), here.client("ec2"), there.client("s3")]
    reached._sessions[role] = (datetime.datetime.now(datetime.UTC), reached._sessions[role][1])
    new = [here.client("s3"), here.client("ec2"), there.client("s3")]
    assert [client["aws_access_key_id"] for client in old] == ["A1"] * 3
    assert [client["aws_access_key_id"] for client in new] == ["A2"] * 3
    assert len(sts.asked) == 2


def test_errors_of_assuming_are_translated_and_nothing_is_kept(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def assuming(role: Role) -> Iterator[None]:
        try:
            yield
        except ZeroDivisionError as error:
            raise LookupError(role.arn) from error

    def refuse(**_: str) -> None:
        raise ZeroDivisionError

    there = Roles(assuming).at("eu-west-1", Role(ARN, "f"))
    with monkeypatch.context() as patched:
        patched.setattr(sts, "assume_role", refuse)
        with pytest.raises(LookupError, match=ARN):
            there.client("s3")
    assert there.client("s3")["aws_access_key_id"] == "A1"
