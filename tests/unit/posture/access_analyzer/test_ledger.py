"""Each version once: claims, leases, interrupted calls, and lost responses."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from posture.access_analyzer.errors import Busy
from posture.access_analyzer.findings import Finding, parse
from posture.access_analyzer.ledger import Ledger
from tests.unit.posture.access_analyzer.world import TABLE, World, found

NOW, LEASE = 1_000_000, 1_060_000
FIRST = parse(found())
LATER = dataclasses.replace(FIRST, status="RESOLVED", updated_at="2026-01-02T00:00:00.000+00:00")


@pytest.fixture
def ledger(world: World) -> Ledger:
    return Ledger(world.dynamodb, TABLE, 86_400)


def finish(ledger: Ledger, finding: Finding, owner: str) -> None:
    claim = ledger.claim(finding, owner, NOW, LEASE)
    assert claim
    ledger.told(claim, announced=True)


def test_a_version_is_claimed_once(ledger: Ledger) -> None:
    finish(ledger, FIRST, "a")
    assert ledger.claim(FIRST, "b", NOW, LEASE) is None


def test_a_later_version_is_claimed_and_knows_that_an_earlier_one_was_reported(ledger: Ledger) -> None:
    finish(ledger, FIRST, "a")
    claim = ledger.claim(LATER, "b", NOW, LEASE)
    assert claim
    assert (claim.finding, claim.announced, claim.resumed) == (LATER, True, False)


def test_an_earlier_version_is_not(ledger: Ledger) -> None:
    finish(ledger, LATER, "a")
    assert ledger.claim(FIRST, "b", NOW, LEASE) is None


def test_another_status_of_the_same_instant_is_news(ledger: Ledger) -> None:
    finish(ledger, FIRST, "a")
    assert ledger.claim(dataclasses.replace(FIRST, status="ARCHIVED"), "b", NOW, LEASE)


@pytest.mark.parametrize("finding", [FIRST, LATER])
def test_no_other_call_claims_while_a_lease_lasts(ledger: Ledger, finding: Finding) -> None:
    ledger.claim(FIRST, "a", NOW, LEASE)
    with pytest.raises(Busy):
        ledger.claim(finding, "b", NOW + 1, LEASE)


def test_what_was_left_open_comes_first(ledger: Ledger) -> None:
    claim = ledger.claim(FIRST, "a", NOW, LEASE)
    assert claim
    ledger.began(claim, "step", "This.")
    taken = ledger.claim(LATER, "b", LEASE, LEASE + 60_000)
    assert taken
    assert (taken.finding, taken.steps, taken.resumed) == (FIRST, {"step": "This."}, True)
    with pytest.raises(Busy, match="another call has claimed it"):
        ledger.told(claim, announced=True)
    ledger.told(taken, announced=True)
    following = ledger.claim(LATER, "b2", LEASE, LEASE + 60_000)
    assert following
    assert (following.finding, following.steps) == (LATER, {})


def test_released_at_once(ledger: Ledger) -> None:
    claim = ledger.claim(FIRST, "a", NOW, LEASE)
    assert claim
    ledger.warned(claim)
    ledger.release(claim)
    taken = ledger.claim(FIRST, "b", NOW, LEASE)
    assert taken
    assert taken.warned


def test_only_one_takes_it_up(ledger: Ledger, world: World) -> None:
    ledger.claim(FIRST, "a", NOW, LEASE)
    resume = ledger._resume
    item = world.dynamodb.get_item(TableName=TABLE, Key={"Id": {"S": "f1"}})["Item"]
    assert resume(item, "b", LEASE, LEASE + 60_000)
    with pytest.raises(Busy, match="just claimed"):
        resume(item, "c", LEASE, LEASE + 60_000)


def test_active_findings_are_not_forgotten(ledger: Ledger, world: World) -> None:
    def expires() -> Any:
        return world.dynamodb.get_item(TableName=TABLE, Key={"Id": {"S": "f1"}})["Item"].get("ExpiresAt")

    finish(ledger, FIRST, "a")
    assert expires() is None
    finish(ledger, LATER, "b")
    assert expires() == {"N": str(NOW // 1000 + 86_400)}
    finish(ledger, dataclasses.replace(FIRST, updated_at="2026-01-03T00:00:00.000+00:00"), "c")
    assert expires() is None


def test_other_access_of_the_same_instant_is_news(ledger: Ledger) -> None:
    finish(ledger, FIRST, "a")
    assert ledger.claim(dataclasses.replace(FIRST, public=False), "b", NOW, LEASE)


def test_other_steps_for_the_same_version_are_claimed_once(ledger: Ledger) -> None:
    finish(ledger, FIRST, "a")
    claim = ledger.claim(FIRST, "b", NOW, LEASE, "act", "1")
    assert claim
    assert (claim.same_version, claim.repeated) == (True, False)
    ledger.told(claim, announced=True)
    assert ledger.claim(FIRST, "c", NOW, LEASE, "act", "1") is None


def test_the_same_steps_are_claimed_again_on_another_day(ledger: Ledger) -> None:
    first = ledger.claim(FIRST, "a", NOW, LEASE, "act", "1")
    assert first
    assert (first.same_version, first.repeated) == (False, False)
    ledger.told(first, announced=True)
    claim = ledger.claim(FIRST, "b", NOW, LEASE, "act", "2")
    assert claim
    assert (claim.same_version, claim.repeated, claim.steps) == (True, True, {})


def test_a_deleted_findings_item_expires(ledger: Ledger, world: World) -> None:
    ledger.forget("f1", NOW)
    assert "Item" not in world.dynamodb.get_item(TableName=TABLE, Key={"Id": {"S": "f1"}})
    finish(ledger, FIRST, "a")
    for now in (NOW, NOW + 5_000):  # The time of the first call counts.
        ledger.forget("f1", now)
        item = world.dynamodb.get_item(TableName=TABLE, Key={"Id": {"S": "f1"}})["Item"]
        assert item["ExpiresAt"] == {"N": str(NOW // 1000 + 86_400)}


class Twice:
    """DynamoDB whose responses are lost, so that each write is made again."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb, self.exceptions = dynamodb, dynamodb.exceptions

    def update_item(self, **arguments: Any) -> Any:
        self._dynamodb.update_item(**arguments)
        return self._dynamodb.update_item(**arguments)


def test_lost_answers(world: World) -> None:
    ledger = Ledger(Twice(world.dynamodb), TABLE, 86_400)
    claim = ledger.claim(FIRST, "a", NOW, LEASE)
    assert claim
    assert (claim.finding, claim.resumed) == (FIRST, False)
    ledger.began(claim, "step", "This.")
    taken = ledger.claim(FIRST, "b", LEASE, LEASE + 60_000)
    assert taken
    assert taken.steps == {"step": "This."}
    ledger.warned(taken)
    ledger.told(taken, announced=True)
    assert ledger.claim(FIRST, "c", LEASE, LEASE + 60_000) is None
