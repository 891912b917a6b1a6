"""State: it stays small, and passes through the state machine unchanged."""

import json
from typing import Any

import pytest

from posture.finding_export.errors import InvalidFilter, ResumeNotPossible
from posture.finding_export.filters import MAX_BYTES
from posture.finding_export.state import MAX_IDS, Position, State

from .fakes import ARN, DT, STARTED, finding

AT = "2026-01-01T00:00:00.000Z"


def filled(count: int) -> Position:
    position = Position()
    assert all(position.take(finding(n, AT)) for n in range(count))
    return position


def state(position: Position, filters: Any, token: str | None = None) -> State:
    return State("run", ARN + "run", STARTED, DT, filters, position=position, token=token)


def test_survives_json() -> None:
    before = state(filled(5), {"Id": [{"Value": "x", "Comparison": "EQUALS"}]}, "token")
    assert State.load(json.loads(json.dumps(before.dump()))) == before


def test_stays_under_64_kilobytes() -> None:
    filters = {"Id": [{"Value": "x" * (MAX_BYTES - 50), "Comparison": "EQUALS"}]}
    size = len(json.dumps(state(filled(MAX_IDS + 10), filters, "t" * 2048).dump()))
    assert 60_000 < size < 64 * 1024


@pytest.mark.parametrize("value", [{}, "x", [], None, {"position": {}}, {"position": {"ids": 5}}, {"run_id": "x"}])
def test_foreign_state_is_refused(value: Any) -> None:
    with pytest.raises(InvalidFilter, match="leave it out to start a new run"):
        State.load(value)


def test_takes_each_finding_once() -> None:
    position = filled(3)
    assert not position.take(finding(1, AT))
    assert position.take(finding(1, AT, Region="us-east-1")), "another Region's finding of the same id"
    assert position.take(finding(1, "2026-01-01T00:00:00.001Z"))


def test_parts_of_a_millisecond_and_offsets_are_one_moment() -> None:
    position = filled(3)
    assert position.take(finding(9, "2026-01-01T01:00:00.000999+01:00"))
    assert position.created_at == AT
    assert not position.take(finding(2, "2026-01-01T00:00:00.0005Z"))


def test_too_many_of_one_moment_only_matter_for_a_resume() -> None:
    position = filled(MAX_IDS)
    assert position.resume_from() == AT
    assert position.take(finding(MAX_IDS, AT))
    assert len(position.ids) == MAX_IDS
    assert not position.take(finding(0, AT)), "those known are still skipped"
    with pytest.raises(ResumeNotPossible, match=f"more than {MAX_IDS} findings were created at {AT}"):
        position.resume_from()
    position.take(finding(0, "2026-01-02T00:00:00Z"))
    assert position.resume_from() == "2026-01-02T00:00:00.000Z"


@pytest.mark.parametrize("created", ["2025-12-31T23:59:59Z", "whenever", None])
def test_findings_out_of_order_are_exported_but_forbid_a_resume(created: Any) -> None:
    position = filled(1)
    assert position.take(finding(7, created))
    assert position.created_at == AT
    with pytest.raises(ResumeNotPossible, match="order of CreatedAt"):
        Position.load(position.dump()).resume_from()
