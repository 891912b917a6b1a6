"""device_telemetry without one permission at a time: what needs it does not happen, and happens with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios.data import device_telemetry as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without
from tests.unit.data.device_telemetry.events import batch, entry

pytestmark = only_with("data/device_telemetry")

KEEPER = f"switchyard-device-telemetry-keep-function-{REGION}"
WATCHER = f"switchyard-device-telemetry-watch-function-{REGION}"
READS = ["ConnectToCluster", "FindBrokers", "ReadTopics", "FindPlace", "WriteHistory", "EncryptHistory"]
STREAM = f"switchyard-device-telemetry-stream-{REGION}"


@pytest.fixture(scope="module")
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("device_telemetry")
    subject.create_topics(found)
    return found


def result(stack: scenario.Stack) -> str:
    """Return what the mapping of the modems says."""
    found = stack.client("lambda").get_event_source_mapping(UUID=stack.outputs["mapping_ids"]["modems"])
    return str(found["LastProcessingResult"])


def reading(device: str) -> dict[str, Any]:
    return subject.reading(device, datetime.now(UTC), 2)


def test_topics_are_not_read_without_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    wanted = sids(cloud, KEEPER, "topics")
    network = ["PutPollersIntoNetwork", "LookAtNetwork"]
    assert wanted == ["ConnectToCluster", "FindBrokers", "ReadTopics", "KeepPlace", *network]
    for sid in wanted:
        device = f"{sid}-{stack.token}"
        with without(cloud, KEEPER, sid, "topics"):
            subject.produce(stack, "modems", [reading(device)])
            wait_until("the refusal", lambda: result(stack).startswith(f"PROBLEM: arn:aws:iam::{ACCOUNT_ID}"))
            assert subject.state(stack, device) == {}, f"read without {sid}"
        subject.wait_for(stack, {device: 2})


def test_states_are_not_kept_without_the_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, KEEPER) == ["KeepStates", "ParkRecords", "FindParkingBucket"]
    event = batch(entry(1, reading(f"direct-{stack.token}")))
    with without(cloud, KEEPER, "KeepStates"):
        assert "AccessDenied" in subject.invoke(stack, "keep", event)["errorMessage"]
    assert subject.invoke(stack, "keep", event) == {"batchItemFailures": []}


@pytest.mark.parametrize("sid", ["ParkRecords", "FindParkingBucket"])
def test_a_record_that_cannot_be_parked_raises_an_alarm(cloud: Cloud, stack: scenario.Stack, sid: str) -> None:
    [alarm] = [one for one in stack.outputs["alarm_names"] if one.endswith("device-telemetry-lost")]
    stack.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="test")
    text, device = f"cut off {sid} {stack.token}", f"{sid}-{stack.token}"
    with without(cloud, KEEPER, sid):
        subject.send(stack, "modems", "key", text.encode())
        subject.send(stack, "modems", "key", json.dumps(reading(device)).encode())
        wait_until("the alarm", lambda: subject.alarm_state(stack, "lost") == "ALARM")
        subject.wait_for(stack, {device: 2})
    assert subject.parked(stack, text) == []


def test_the_watch_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    wanted = ["FindSilentDevices", "MarkSilentDevices", "WriteReport", "SendNotices"]
    assert sids(cloud, WATCHER) == wanted
    device = f"quiet-{stack.token}"
    for sid in wanted:
        subject.invoke(stack, "keep", batch(entry(1, reading(device))))
        subject.silence(stack, device)
        with without(cloud, WATCHER, sid):
            assert "errorType" in subject.invoke(stack, "watch", {}), f"works without {sid}"
    assert subject.invoke(stack, "watch", {})["groups_unread"] == {}
    assert "silent_since" in subject.state(stack, device)


@pytest.mark.parametrize("sid", READS)
def test_the_history_needs_each_permission(cloud: Cloud, stack: scenario.Stack, sid: str) -> None:
    """What Firehose could not read or write, it reads and writes when it has the permission again."""
    assert sid in sids(cloud, STREAM, "history")
    before, device = len(subject.history(stack, "routers")), f"{sid}-history-{stack.token}"
    with without(cloud, STREAM, sid, "history"):
        subject.produce(stack, "routers", [reading(device)])
        subject.wait_for(stack, {device: 2})  # the other reader is past it
        assert len(subject.history(stack, "routers")) == before, f"written without {sid}"

    def written() -> bool:
        stack.cloud.command("firehose/flush", {})
        return len(subject.history(stack, "routers")) > before

    wait_until("the history", written)
