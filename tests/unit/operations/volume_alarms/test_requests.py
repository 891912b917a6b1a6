"""Events of every kind, hostile ones included: they are read, or refused with InvalidRequest."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.volume_alarms import requests
from operations.volume_alarms.errors import InvalidRequest
from operations.volume_alarms.requests import Request

from .world import ID

STATE_CHANGE: dict[str, Any] = {
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "111122223333",
    "time": "2026-11-11T21:29:54Z",
    "region": "eu-central-1",
    "resources": [f"arn:aws:ec2:eu-central-1:111122223333:instance/{ID}"],
    "detail": {"instance-id": ID, "state": "terminated"},
}
"""As in AWS's documentation: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html"""


def test_a_state_change_names_one_instance_and_its_place() -> None:
    assert requests.read(STATE_CHANGE) == Request(account_id="111122223333", region="eu-central-1", instance=ID)
    assert requests.message({"body": json.dumps(STATE_CHANGE)}) == requests.read(STATE_CHANGE)


@pytest.mark.parametrize(
    "change",
    [
        {"source": "com.example"},
        {"detail": None},
        {"detail": []},
        {"detail": {}},
        {"detail": {"instance-id": None}},
        {"detail": {"instance-id": [ID]}},
        {"detail": {"instance-id": f"{ID}\n"}},
        {"detail": {"instance-id": ""}},
        {"detail": {"instance-id": "i-*"}},
        {"detail": {"instance-id": "mi-0123456789abcdef0"}},
        {"detail": {"instance-id": ID.upper()}},
    ],
    ids=str,
)
def test_a_state_change_without_an_instance_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="no EC2 instance"):
        requests.read({**STATE_CHANGE, **change})


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({}, Request()),
        ({"scheduled_at": "2026-11-20T03:00:00Z"}, Request(at="2026-11-20T03:00:00Z")),
        ({"dry_run": True}, Request(dry_run=True)),
        ({"tf": {"action": "create"}, "targets": [{"name": "a"}]}, Request(by_terraform=True)),
        ({"tf": {"action": "delete"}}, Request(by_terraform=True, remove=True)),
        (
            {
                "tf": {"action": "update", "prev_input": {"targets": [{"name": "a"}, {"name": "b"}]}},
                "targets": [{"name": "a"}],
            },
            Request(by_terraform=True, removed=({"name": "b"},)),
        ),
    ],
)  # fmt: skip
def test_schedule_and_terraform(event: dict[str, Any], expected: Request) -> None:
    assert requests.read(event) == expected
    assert requests.read(event).whole


@pytest.mark.parametrize(
    "event",
    [
        None, [], "", 5, {"hostname": "Windows*", "sns_topic_name": "arn"}, {"dry_run": "yes"}, {"scheduled_at": 5},
        {"tf": None}, {"tf": {}}, {"tf": {"action": "destroy"}}, {1: 2},
    ],
    ids=str,
)  # fmt: skip
def test_other_events_are_refused(event: Any) -> None:
    with pytest.raises(InvalidRequest):
        requests.read(event)


@pytest.mark.parametrize(
    "record", [None, {}, {"body": None}, {"body": "{"}, {"body": "[]"}, {"body": "{}"}, {"body": "[" * 100_000}]
)
def test_other_messages_are_refused(record: Any) -> None:
    with pytest.raises(InvalidRequest):
        requests.message(record)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["tf", "targets", "detail-type", "source", "detail", "dry_run"]), JSON))
def test_any_event_is_read_or_refused(event: Any) -> None:
    with contextlib.suppress(InvalidRequest):
        assert isinstance(requests.read(event), Request)


@given(JSON, st.sampled_from(["action", "prev_input"]), JSON)
def test_any_input_of_terraform_is_read_or_refused(targets: Any, name: str, value: Any) -> None:
    with contextlib.suppress(InvalidRequest):
        requests.read({"tf": {"action": "update", name: value}, "targets": targets})


@given(st.dictionaries(st.sampled_from(["detail", "source", "account", "region"]), JSON))
def test_any_state_change_is_read_or_refused(change: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        assert requests.read({**STATE_CHANGE, **change}).instance.startswith("i-")
