"""What the service says, as rows; and which changes are announced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.function_profiling import groups

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PATTERN = {"id": "p1", "name": "Recreation of clients", "description": "why", "resolutionSteps": "what"}


def row(status: str = groups.PROFILED, *recommendations: str, key: str = "orders") -> groups.Row:
    items = [{"id": name, "name": name, "why": "", "what_to_do": ""} for name in recommendations]
    return {"key": key, "function": key, "status": status, "recommendations": items, "reason": "because"}


@pytest.mark.parametrize(
    ("enabled", "created", "profiled", "expected"),
    [
        (True, 10, 1, groups.PROFILED),
        (True, 10, 3, groups.PROFILED),
        (True, 10, 3.1, groups.SILENT),
        (True, 1, None, groups.WAITING),
        (True, 4, None, groups.SILENT),
        (False, 10, 9, groups.OFF),
    ],
)
def test_status(enabled: bool, created: float, profiled: float | None, expected: str) -> None:
    described: dict[str, Any] = {
        "agentOrchestrationConfig": {"profilingEnabled": enabled},
        "createdAt": NOW - timedelta(days=created),
        "profilingStatus": {},
    }
    if profiled is not None:
        described["profilingStatus"]["latestAgentProfileReportedAt"] = NOW - timedelta(days=profiled)
    assert groups.status(described, NOW, 3)[0] == expected


def test_a_description_without_anything_waits() -> None:
    assert groups.status({}, NOW, 3) == (groups.WAITING, None)


def test_recommendations_and_anomalies_are_listed_once() -> None:
    answer = {
        "recommendations": [{"pattern": PATTERN}, {"pattern": PATTERN}, {"pattern": {}}, {}, None],
        "anomalies": [{"metric": {"frameName": "app.work"}, "reason": "CPU rose"}, {}],
    }
    found = groups.recommendations(answer)
    assert [item["id"] for item in found] == ["anomaly:app.work", "anomaly:unnamed", "p1", "unnamed"]
    assert found[2] == {"id": "p1", "name": "Recreation of clients", "why": "why", "what_to_do": "what"}
    assert groups.recommendations({}) == []


@given(st.recursive(st.none() | st.text() | st.integers(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
def test_an_odd_pattern_is_kept_under_some_name(odd: Any) -> None:
    found = groups.recommendations({"recommendations": [{"pattern": odd}, {"pattern": PATTERN}]})
    assert "p1" in {item["id"] for item in found}
    assert all(item["name"] for item in found)


def test_each_change_is_told_once() -> None:
    first = [row(groups.PROFILED, "a"), row(groups.WAITING, key="other")]
    assert groups.changes({}, first) == ["orders: recommended: a"]
    assert groups.changes({"groups": first}, first) == []
    second = [row(groups.SILENT, "b"), row(groups.WAITING, key="other")]
    told = ["orders: recommended: b", "orders: ended: a", "orders: silent: because"]
    assert groups.changes({"groups": first}, second) == told
    assert groups.changes({"groups": second}, second) == []
    assert groups.changes({"groups": second}, [row(groups.PROFILED, "b")]) == ["orders: profiled again"]
    assert groups.changes({"groups": [row(groups.UNREADABLE)]}, [row(groups.MISSING)]) == ["orders: missing: because"]
    assert groups.changes({"groups": ["odd", {}]}, first) == ["orders: recommended: a"]


def test_a_long_message_says_how_much_is_left_out() -> None:
    text = groups.message([f"line {number}" for number in range(60)], "today")
    assert text.startswith("Code profiling, today:\n\nline 0\n\n")
    assert text.endswith("line 49\n\n… and 10 more: see the report")
