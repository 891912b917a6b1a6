"""Access shut off, and read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from posture.access_analyzer.decisions import Plan
from posture.access_analyzer.errors import ShutOffFailed, StillOpen
from posture.access_analyzer.findings import Finding, parse
from posture.access_analyzer.shut_off import State, Switch
from tests.unit.posture.access_analyzer.world import (
    ACCOUNT,
    BUCKET,
    EVIDENCE,
    ON,
    POINT,
    POINT_ARN,
    POLICY,
    World,
    found,
    refusal,
)

BLOCK, REMOVE = Plan(block_bucket=BUCKET), Plan(remove_policies=(POINT_ARN,))
CROSS = parse(found(source="point", public=False))


def taken(switch: Switch, plan: Plan, finding: Finding, began: list[str] | None = None) -> list[tuple[State, str]]:
    """Take all steps of a plan."""
    return [step.take(([] if began is None else began).append) for step in switch.steps(plan, finding)]


@pytest.fixture
def switch(world: World) -> Switch:
    return Switch(world.client("s3"), world.client("s3control"), ACCOUNT, EVIDENCE)


def test_block_public_access(switch: Switch, world: World) -> None:
    began: list[str] = []
    said = "Block Public Access of the bucket is on (before: BlockPublicPolicy)."
    assert taken(switch, BLOCK, parse(found()), began) == [(State.DONE, said)]
    assert began == [said]
    assert world.block() == ON
    assert world.policy() == POLICY
    assert world.calls == ["s3.get_public_access_block", "s3.put_public_access_block", "s3.get_public_access_block"]


def test_it_was_on_or_never_set(switch: Switch, world: World) -> None:
    world.s3.delete_public_access_block(Bucket=BUCKET)
    on = (State.DONE, "Block Public Access of the bucket is on (before: nothing).")
    assert taken(switch, BLOCK, parse(found())) == [on]
    world.calls.clear()
    began: list[str] = []
    already = (State.NOT_NEEDED, "Block Public Access of the bucket was already on.")
    assert taken(switch, BLOCK, parse(found()), began) == [already]
    assert began == []
    assert world.calls == ["s3.get_public_access_block"]


def test_a_success_that_is_none(switch: Switch, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.s3, "put_public_access_block", lambda **_: {})
    with pytest.raises(StillOpen, match="was turned on, but is not on when read back"):
        taken(switch, BLOCK, parse(found()))
    assert world.calls.count("s3.get_public_access_block") == 4  # S3 may show it late.


def test_a_name_that_another_account_has_taken_is_left(
    switch: Switch, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[str] = []

    def watched(real: Any) -> Any:
        def call(**given: Any) -> Any:
            owners.append(given["ExpectedBucketOwner"])
            return real(**given)

        return call

    for name in ("get_public_access_block", "put_public_access_block"):
        monkeypatch.setattr(world.s3, name, watched(getattr(world.s3, name)))
    taken(switch, BLOCK, parse(found()))
    assert owners == [ACCOUNT] * 3  # S3 refuses if the bucket is not this account's.


def test_policies_are_kept_and_removed(switch: Switch, world: World) -> None:
    ((state, said),) = taken(switch, REMOVE, CROSS)
    assert state is State.DONE
    place = said.partition("kept in s3://")[2].rstrip(".")
    assert place.startswith(f"{EVIDENCE}/access-point-policies/{POINT}/f1-")
    kept = json.load(world.s3.get_object(Bucket=EVIDENCE, Key=place.partition("/")[2])["Body"])
    assert kept == {"accessPointArn": POINT_ARN, "finding": "f1", "policy": json.loads(POLICY)}
    assert world.policy() is None
    assert world.calls == [
        "s3control.get_access_point_policy",
        "s3.put_object",
        "s3control.delete_access_point_policy",
        "s3control.get_access_point_policy",
    ]


def test_a_policy_that_cannot_be_kept_stays(switch: Switch, world: World) -> None:
    world.s3.delete_bucket(Bucket=EVIDENCE)
    with pytest.raises(ShutOffFailed, match="NoSuchBucket while removing the policy of the access point app"):
        taken(switch, REMOVE, CROSS)
    assert world.policy() == POLICY


def test_a_policy_without_the_principal_stays(switch: Switch, world: World) -> None:
    wanted = POLICY.replace("222222222222", "333333333333")
    world.control.put_access_point_policy(AccountId=ACCOUNT, Name=POINT, Policy=wanted)
    left = "The policy of the access point app no longer grants this access: it was not removed."
    assert taken(switch, REMOVE, CROSS) == [(State.LEFT, left)]
    assert world.policy() == wanted


def test_gone_already(switch: Switch, world: World) -> None:
    world.control.delete_access_point_policy(AccountId=ACCOUNT, Name=POINT)
    assert taken(switch, REMOVE, CROSS) == [(State.NOT_NEEDED, "The access point app no longer has a policy.")]
    world.control.delete_access_point(AccountId=ACCOUNT, Name=POINT)
    assert taken(switch, REMOVE, CROSS) == [(State.NOT_NEEDED, "The access point app no longer has a policy.")]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccessDenied", ShutOffFailed),
        ("MethodNotAllowed", ShutOffFailed),
        ("OperationAborted", ClientError),
        ("SlowDown", ClientError),
        ("InternalError", ClientError),
    ],
)
def test_refusals_are_explained_and_throttles_pass(
    switch: Switch, world: World, code: str, expected: type[Exception]
) -> None:
    def refuse(name: str) -> None:
        if name == "s3.put_public_access_block":
            raise refusal(code, status=500 if code == "InternalError" else 400)

    world.before = refuse
    with pytest.raises(expected):
        taken(switch, BLOCK, parse(found()))


def test_a_bucket_that_is_gone_needs_nothing(switch: Switch, world: World) -> None:
    world.control.delete_access_point(AccountId=ACCOUNT, Name=POINT)
    world.s3.delete_bucket(Bucket=BUCKET)
    assert taken(switch, BLOCK, parse(found())) == [(State.NOT_NEEDED, "The bucket no longer exists.")]
