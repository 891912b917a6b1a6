"""Events and history become the same records; what is neither is refused, with a message that says what is missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.pipeline_metrics.errors import NotAnEvent
from operations.pipeline_metrics.records import HISTORY, Place, Record, of_event, of_history, unique
from tests.unit.operations.pipeline_metrics.events import ALARMS, alarm, event

HERE = Place("111122223333", "eu-central-1")
START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_an_event_of_an_action_is_read() -> None:
    """The source read `detail['execution']`, which no event has, and put the execution into the stage."""
    record = of_event(event("action", "FAILED", "10:00:00", run="a1"), ALARMS)
    assert (record.execution, record.stage, record.action, record.attempt) == ("e1", "Prod", "Deploy", 1)
    assert (record.category, record.provider, record.error_code) == ("Deploy", "CodeDeploy", "JobFailed")
    assert (record.time, record.day, record.source) == ("2026-11-23T10:00:00.000Z", "2026-11-23", "event")
    assert record.action_execution == "a1"
    assert "user/ann" not in of_event(event("pipeline", "STARTED", "10:00:00", trigger="Webhook"), ALARMS).line()
    assert "it broke" not in record.line()


def test_levels_that_lack_a_stage_or_an_action_have_none() -> None:
    whole = of_event(event("pipeline", "STARTED", "10:00:00", trigger="Webhook"), ALARMS)
    stage = of_event(event("stage", "STARTED", "10:00:00"), ALARMS)
    assert (whole.stage, whole.action, whole.trigger_type) == ("", "", "Webhook")
    assert (stage.stage, stage.action) == ("Prod", "")


@pytest.mark.parametrize(("given", "kept"), [(1, 1), (2.0, 2), (0.0, 0), ("1", None), (True, None), (1e300, None)])
def test_attempts_are_numbers_of_any_kind(given: Any, kept: int | None) -> None:
    sent = event("stage", "FAILED", "10:00:00")
    sent["detail"]["pipeline-execution-attempt"] = given
    sent["detail"]["version"] = "1"
    assert of_event(sent, ALARMS).attempt == kept


def test_unknown_states_and_fields_are_kept_and_ignored() -> None:
    sent = event("pipeline", "PAUSED", "10:00:00") | {"extra": [1]}
    sent["detail"]["more"] = {"deep": None}
    assert of_event(sent, ALARMS).state == "PAUSED"


def test_times_are_utc_in_one_width() -> None:
    sent = event("pipeline", "STARTED", "2026-11-23T23:30:00+02:00", started="2026-11-23T21:29:59.5Z")
    record = of_event(sent, ALARMS)
    assert (record.time, record.started) == ("2026-11-23T21:30:00.000Z", "2026-11-23T21:29:59.500Z")


def test_alarms_belong_to_their_pipeline() -> None:
    record = of_event(alarm("ALARM", "10:00:00"), ALARMS)
    assert (record.level, record.pipeline, record.action, record.state) == ("alarm", "shop", "shop-errors", "ALARM")
    with pytest.raises(NotAnEvent, match="incident_alarms"):
        of_event(alarm("ALARM", "10:00:00", name="other"), ALARMS)


@pytest.mark.parametrize("missing", ["account", "region", "time", "detail", "detail-type"])
def test_an_event_lacks_nothing(missing: str) -> None:
    sent = {name: value for name, value in event("stage", "FAILED", "10:00:00").items() if name != missing}
    with pytest.raises(NotAnEvent, match=missing):
        of_event(sent, ALARMS)


@pytest.mark.parametrize("missing", ["pipeline", "execution-id", "state", "stage", "action"])
def test_a_detail_lacks_nothing(missing: str) -> None:
    sent = event("action", "FAILED", "10:00:00")
    del sent["detail"][missing]
    with pytest.raises(NotAnEvent, match=missing):
        of_event(sent, ALARMS)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["pipeline", "execution-id", "state", "stage", "action", "type", "execution-result", "start-time"]
PLACES = [*FIELDS, "pipeline-execution-attempt", "execution-trigger", "action-execution-id"]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["pipeline", "stage", "action"]), st.sampled_from(PLACES), JSON)
def test_hostile_details_are_refused_or_become_a_record(level: str, place: str, value: Any) -> None:
    sent = event(level, "FAILED", "10:00:00")
    sent["detail"][place] = value
    try:
        record = of_event(sent, ALARMS)
    except NotAnEvent:
        return
    assert Record.read(record.line()) == record
    assert record.line().encode()  # valid UTF-8


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["account", "region", "time", "id", "detail", "detail-type"]), JSON)
def test_hostile_envelopes_are_refused_or_become_a_record(place: str, value: Any) -> None:
    try:
        record = of_event(event("stage", "FAILED", "10:00:00") | {place: value}, ALARMS)
    except NotAnEvent:
        return
    assert Record.read(record.line()) == record


@pytest.mark.parametrize("value", [None, [], "text", 7, {}, {"detail-type": "Other", "detail": {}}])
def test_other_things_are_refused(value: Any) -> None:
    with pytest.raises(NotAnEvent):
        of_event(value, ALARMS)


@pytest.mark.parametrize("time", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1999-01-01"])
def test_times_that_cannot_be(time: str) -> None:
    with pytest.raises(NotAnEvent, match="time"):
        of_event(event("pipeline", "STARTED", "10:00:00") | {"time": time}, ALARMS)


@pytest.mark.parametrize(
    "line", ["", "7", "[]", "{", '{"account": "1"}', '{"other": "x"}', '{"account": 1, "attempt": "x"}']
)
def test_lines_that_are_no_records(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Record.read(line)


def test_of_copies_the_earliest_is_kept() -> None:
    first = event("pipeline", "FAILED", "10:00:00")
    later = first | {"id": "z", "time": "2026-11-23T10:00:20Z"}
    for order in ([first, later, first], [later, first]):
        (record,) = unique(of_event(sent, ALARMS) for sent in order)
        assert record.time == "2026-11-23T10:00:00.000Z"
    assert len(unique(of_event(alarm("ALARM", time), ALARMS) for time in ("10:00:00", "11:00:00"))) == 2


# History


def summary(status: str, **more: Any) -> dict[str, Any]:
    return {
        "pipelineExecutionId": "e1",
        "status": status,
        "startTime": START,
        "lastUpdateTime": START + timedelta(minutes=10),
        "trigger": {"triggerType": "Webhook", "triggerDetail": "main"},
        "executionType": "STANDARD",
        **more,
    }


def action(stage: str, name: str, status: str, minute: int, category: str = "Build", **output: Any) -> dict[str, Any]:
    return {
        "pipelineExecutionId": "e1",
        "actionExecutionId": f"{stage}-{name}-{minute}",
        "stageName": stage,
        "actionName": name,
        "status": status,
        "startTime": START + timedelta(minutes=minute),
        "lastUpdateTime": START + timedelta(minutes=minute + 1),
        "input": {"actionTypeId": {"category": category, "owner": "AWS", "provider": "X", "version": "1"}},
        "output": output,
    }


def states(status: str, *actions: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for record in of_history(HERE, "shop", summary(status), list(actions)):
        found.setdefault((record.level, record.stage), []).append(record.state)
    return found


def test_an_execution_of_the_history() -> None:
    records = of_history(HERE, "shop", summary("Succeeded"), [action("Prod", "Deploy", "Succeeded", 2, "Deploy")])
    assert {record.source for record in records} == {HISTORY}
    assert [(r.level, r.state, r.time[11:16]) for r in records] == [
        ("pipeline", "STARTED", "08:00"),
        ("pipeline", "SUCCEEDED", "08:10"),
        ("stage", "STARTED", "08:02"),
        ("stage", "SUCCEEDED", "08:03"),
        ("action", "STARTED", "08:02"),
        ("action", "SUCCEEDED", "08:03"),
    ]
    assert {record.attempt for record in records} == {None}


@pytest.mark.parametrize(
    ("status", "state"), [("Cancelled", "CANCELED"), ("Superseded", "SUPERSEDED"), ("Stopped", "STOPPED")]
)
def test_states_of_the_api_are_those_of_the_events(status: str, state: str) -> None:
    assert states(status) == {("pipeline", ""): ["STARTED", state]}


def test_what_runs_has_no_end() -> None:
    assert states("InProgress", action("Prod", "Deploy", "InProgress", 1)) == {
        ("pipeline", ""): ["STARTED"],
        ("stage", "Prod"): ["STARTED"],
        ("action", "Prod"): ["STARTED"],
    }


@pytest.mark.parametrize(
    ("status", "actions", "ends"),
    [
        ("Failed", [("Build", "Failed"), ("Build", "Succeeded"), ("Prod", "Failed")], {"Build": "SUCCEEDED"}),
        ("Failed", [("Build", "Succeeded"), ("Prod", "Succeeded")], {"Build": "SUCCEEDED", "Prod": "FAILED"}),
        ("InProgress", [("Build", "Succeeded"), ("Prod", "Succeeded")], {"Build": "SUCCEEDED", "Prod": None}),
        ("Superseded", [("Build", "Succeeded")], {"Build": "SUCCEEDED"}),
        ("Stopped", [("Build", "Abandoned")], {"Build": "STOPPED"}),
        ("Succeeded", [("Build", "Failed"), ("Build", "Succeeded")], {"Build": "SUCCEEDED"}),
    ],
)
def test_a_stage_is_what_its_latest_actions_say(
    status: str, actions: list[tuple[str, str]], ends: dict[str, str | None]
) -> None:
    made = [action(stage, "one", result, minute) for minute, (stage, result) in enumerate(actions)]
    found = states(status, *made)
    for stage, end in ends.items():
        assert found["stage", stage] == ["STARTED", *([end] if end else [])], stage


def test_the_commit_of_a_source_action_has_its_time() -> None:
    variables = {"CommitId": "abc", "CommitterDate": "2026-11-23T07:00:00+01:00", "AuthorDate": "2026-11-22T00:00:00Z"}
    made = action("Source", "Pull", "Succeeded", 0, "Source", outputVariables=variables)
    found = [r for r in of_history(HERE, "shop", summary("Succeeded"), [made]) if r.level == "revision"]
    assert [(r.committed, r.revision) for r in found] == [("2026-11-23T06:00:00.000Z", "abc")]
    made = action("Build", "Make", "Succeeded", 0, "Build", outputVariables=variables)
    assert all(r.level != "revision" for r in of_history(HERE, "shop", summary("Succeeded"), [made]))


def test_odd_items_of_the_history_are_left_out_alone() -> None:
    good = action("Prod", "Deploy", "Succeeded", 1)
    odd = [{}, {**good, "stageName": None}, {**good, "startTime": "yesterday"}, {**good, "actionName": ""}]
    assert states("Succeeded", *odd, good) == states("Succeeded", good)
    assert of_history(HERE, "shop", {"status": "Succeeded"}, []) == []


def test_records_are_json_with_only_what_has_a_value() -> None:
    (record,) = of_history(HERE, "shop", summary("InProgress"), [])
    assert "attempt" not in json.loads(record.line())
