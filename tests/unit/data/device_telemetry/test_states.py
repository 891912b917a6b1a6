"""The latest state: in any order, batches and repetitions, it is the last reading's, and never goes back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from data.device_telemetry import states
from data.device_telemetry.readings import read
from data.device_telemetry.records import Place
from data.device_telemetry.states import GROUPS, State, Table, newest
from tests.unit.data.device_telemetry.events import AT, FIRST, SECOND, Dynamo, refusal

LATEST = AT + timedelta(days=1)


def state(device: str = "dvc1000", seconds: int = 0, offset: int = 0, partition: int = 0, **more: Any) -> State:
    at = (AT + timedelta(seconds=seconds)).isoformat()
    message = {**SECOND, "device_id": device, "event_time": at, **more}
    return State(read(json.dumps(message).encode(), LATEST), Place("mytopic", partition, offset))


def table(dynamodb: Dynamo) -> Table:
    return Table("states", 90, dynamodb)


def test_an_item_has_all_of_its_reading() -> None:
    reading = read(json.dumps(SECOND).encode(), LATEST)
    assert table(Dynamo()).item(State(reading, Place("mytopic", 3, 16))) == {
        "device_id": {"S": "dvc1000"},
        "event_time": {"S": "2026-11-29T08:00:00.000000+00:00"},
        "last_order": {"S": "2026-11-29T08:00:00.000000+00:00 mytopic/0000000003/00000000000000000016"},
        "watch_group": {"S": states.group("dvc1000")},
        "expires_at": {"N": str(int(AT.timestamp()) + 90 * 86_400)},
        "schema_version": {"N": "2"},
        "interface_status": {"S": "down"},
        "cpu_usage": {"N": "61.25"},
        "readings": {"M": {"signal_dbm": {"N": "-60"}, "firmware": {"S": "1.2"}, "charging": {"BOOL": True}}},
    }


def test_both_versions_are_ordered_by_time() -> None:
    first = State(read(json.dumps({**FIRST, "event_time": "2026-11-29 08:00:01"}).encode(), LATEST), Place("a", 0, 0))
    assert first.order > state(seconds=0).order
    assert state(seconds=2).order > first.order


def test_a_batch_writes_each_device_once() -> None:
    dynamodb = Dynamo()
    found = newest([state(seconds=n, offset=n) for n in (2, 5, 1)] + [state("other", 1)])
    outcome = table(dynamodb).keep(found)
    assert (outcome.kept, dynamodb.calls["put_item"]) == (2, 2)
    assert dynamodb.items["dvc1000"]["event_time"]["S"].startswith("2026-11-29T08:00:05")


def test_a_late_reading_and_a_second_delivery_change_nothing() -> None:
    dynamodb = Dynamo()
    table(dynamodb).keep([state(seconds=5, offset=5)])
    before = dict(dynamodb.items)
    for late in (state(seconds=5, offset=5), state(seconds=4, offset=9)):
        outcome = table(dynamodb).keep([late])
        assert (outcome.kept, outcome.late, outcome.failed) == (0, 1, {})
    assert dynamodb.items == before


def test_of_two_readings_of_one_time_the_later_in_the_partition_stays() -> None:
    for order in ((1, 2), (2, 1)):
        dynamodb = Dynamo()
        for offset in order:
            table(dynamodb).keep([state(offset=offset, cpu_usage=offset)])
        assert dynamodb.items["dvc1000"]["cpu_usage"] == {"N": "2"}


def test_a_write_that_fails_does_not_stop_the_others() -> None:
    dynamodb = Dynamo()
    dynamodb.errors = {"b": refusal("ThrottlingException")}
    outcome = table(dynamodb).keep([state("a", offset=1), state("b", offset=2), state("c", offset=3)])
    assert (outcome.kept, list(outcome.failed or {})) == (2, [Place("mytopic", 0, 2)])


def test_a_reading_ends_a_silence() -> None:
    dynamodb = Dynamo()
    table(dynamodb).keep([state()])
    dynamodb.items["dvc1000"]["silent_since"] = {"S": "2026-11-29T09:00:00+00:00"}
    assert table(dynamodb).keep([state(seconds=1)]).returned == 1
    assert "silent_since" not in dynamodb.items["dvc1000"]


def test_nothing_is_written_for_nothing() -> None:
    dynamodb = Dynamo()
    assert table(dynamodb).keep([]).kept == 0
    assert not dynamodb.calls


def test_groups_spread_the_devices() -> None:
    found = {states.group(f"dvc{number}") for number in range(1000, 2000)}
    assert found == {f"{number:02}" for number in range(GROUPS)}


READINGS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=12, unique=True
)


@settings(max_examples=60, deadline=None)
@given(READINGS, st.randoms(use_true_random=False), st.data())
def test_any_order_batches_and_repetitions_end_in_the_same_states(found: Any, chance: Any, data: st.DataObject) -> None:
    """Devices, times with ties, and partitions; delivered in any order, cut anywhere, some of it again."""
    sent = [state(device, seconds, offset, partition) for offset, (device, seconds, partition) in enumerate(found)]
    delivered = sent + [sent[n] for n in data.draw(st.lists(st.integers(0, len(sent) - 1), max_size=6))]
    chance.shuffle(delivered)
    dynamodb = Dynamo()
    seen: dict[str, str] = {}
    size = data.draw(st.integers(1, 5))
    for start in range(0, len(delivered), size):
        table(dynamodb).keep(newest(delivered[start : start + size]))
        for device, item in dynamodb.items.items():
            assert item["last_order"]["S"] >= seen.get(device, "")  # never back
            seen[device] = item["last_order"]["S"]
    wanted = {one.reading.device: table(dynamodb).item(one) for one in newest(sent)}
    assert dynamodb.items == wanted
