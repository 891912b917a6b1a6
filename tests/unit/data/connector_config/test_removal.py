"""What may be removed, and when: the day before, the switch of a mode, and clocks that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.connector_config.removal import Policy, decide

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
GRACE = timedelta(days=14)


def policy(mode: str = "remove", **changed: Any) -> Policy:
    return Policy(**{"mode": mode, "name_prefix": "team-", "tags": {"cleanup": "yes"}, "grace": GRACE, **changed})


def row(**changed: Any) -> dict[str, Any]:
    made = {"arn": "arn:x", "name": "team-x", "state": "ACTIVE", "used_by": [], "tags": {"cleanup": "yes", "a": "b"}}
    return made | changed


def unused(days: float, decision: str = "waiting") -> dict[str, Any]:
    return {"decision": decision, "unused_since": (NOW - timedelta(days=days)).isoformat()}


def decision(
    one: dict[str, Any],
    before: dict[str, Any] | None = None,
    by: Policy | None = None,
    now: datetime = NOW,
    **more: Any,
) -> str:
    arguments = {"all_read": True, **more}
    return decide(one, ["arn:declared"], before or {}, by or policy(), now, **arguments)["decision"]


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, "due"),
        ({"used_by": ["c"]}, "in_use"),
        ({"arn": "arn:declared"}, "declared"),
        ({"arn": "arn:declared", "used_by": ["c"]}, "in_use"),
        ({"state": "DELETING"}, "busy"),
        ({"state": "CREATING"}, "busy"),
        ({"state": "None"}, "busy"),
        ({"state": "CREATE_FAILED"}, "due"),
        ({"name": "team"}, "out_of_scope"),
        ({"name": "Team-x"}, "out_of_scope"),
        ({"name": "my-team-x"}, "out_of_scope"),
        ({"tags": {}}, "out_of_scope"),
        ({"tags": {"cleanup": "Yes"}}, "out_of_scope"),
        ({"tags": None}, "unread"),
    ],
)
def test_only_what_is_unused_and_in_scope_is_removed(changed: dict[str, Any], wanted: str) -> None:
    assert decision(row(**changed), unused(20)) == wanted


def test_the_grace_period_begins_when_something_is_first_seen_unused() -> None:
    first = decide(row(), (), {}, policy(), NOW, all_read=True)
    assert first == {
        "decision": "waiting", "unused_since": "2026-11-20T05:00:00+00:00", "remove_after": "2026-12-04T05:00:00+00:00",
    }  # fmt: skip
    assert decide(row(), (), first, policy(), NOW + timedelta(days=14, seconds=-1), all_read=True) == first
    assert decision(row(), first, now=NOW + GRACE) == "due"


def test_use_in_between_starts_it_again() -> None:
    used = decide(row(used_by=["c"]), (), unused(13), policy(), NOW, all_read=True)
    assert used == {"decision": "in_use"}
    assert decision(row(), used, now=NOW + GRACE) == "waiting"


def test_a_dry_run_removes_nothing_and_its_time_counts() -> None:
    dry = policy("dry_run")
    assert decision(row(), unused(13), dry) == "waiting"
    assert decision(row(), unused(14), dry) == "would_remove"
    assert decision(row(), unused(14, "would_remove"), policy()) == "due"
    assert decision(row(), unused(14, "refused"), policy()) == "due"


def test_without_removal_no_time_counts() -> None:
    off = decide(row(), (), unused(20), policy("off"), NOW, all_read=True)
    assert off == {"decision": "unused"}
    assert decision(row(), off) == "waiting"


def test_a_wider_scope_begins_with_a_grace_period() -> None:
    outside = decide(row(name="other-x"), (), {}, policy(), NOW, all_read=True)
    assert decision(row(name="other-x"), outside, policy(name_prefix="other-"), NOW + timedelta(days=30)) == "waiting"


def test_tags_that_cannot_be_read_for_once_do_not_start_it_again() -> None:
    unread = decide(row(tags=None), (), unused(20), policy(), NOW, all_read=True)
    assert unread["decision"] == "unread"
    assert decision(row(), unread) == "due"
    assert decide(row(tags=None), (), {}, policy(), NOW, all_read=True) == {"decision": "unread"}


def test_nothing_is_removed_while_a_connector_could_not_be_read() -> None:
    held = decide(row(), (), unused(20), policy(), NOW, all_read=False)
    assert held["decision"] == "held"
    assert decision(row(), held) == "due"


@pytest.mark.parametrize(
    "before",
    [
        {"decision": "waiting"},
        {"decision": "waiting", "unused_since": None},
        {"decision": "waiting", "unused_since": 5},
        {"decision": "waiting", "unused_since": "yesterday"},
        {"decision": "waiting", "unused_since": "9999-12-31T23:59:59-12:00"},
        {"decision": "waiting", "unused_since": (NOW + timedelta(days=1)).isoformat()},
        {"decision": "in_use", "unused_since": "2020-01-01T00:00:00+00:00"},
        {"unused_since": "2020-01-01T00:00:00+00:00"},
    ],
)
def test_a_time_that_is_no_evidence_starts_it_again(before: dict[str, Any]) -> None:
    found = decide(row(), (), before, policy(), NOW, all_read=True)
    assert (found["decision"], found["unused_since"]) == ("waiting", NOW.isoformat())


STEP = st.tuples(
    st.integers(0, 10), st.booleans(), st.sampled_from(["off", "dry_run", "remove"]), st.booleans(), st.booleans()
)


@settings(max_examples=60)
@given(st.lists(STEP, max_size=12))
def test_in_any_history_a_removal_has_its_evidence(steps: list[tuple[int, bool, str, bool, bool]]) -> None:
    now, seen = NOW, None
    before: dict[str, Any] = {}
    for days, used, mode, tagged, all_read in steps:
        now += timedelta(days=days)
        one = row(used_by=["c"] if used else [], tags={"cleanup": "yes"} if tagged else {})
        before = dict(decide(one, (), before, policy(mode), now, all_read=all_read))
        counts = not used and mode != "off" and tagged
        seen = (seen or now) if counts else None
        if before["decision"] == "due":
            assert mode == "remove"
            assert all_read
            assert seen
            assert now - seen >= GRACE
        elif counts and all_read and mode == "remove":
            assert seen
            assert now - seen < GRACE
