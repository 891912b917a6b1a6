"""The function: what it answers to Lambda, so that a poison record leaves its partition alone and nothing else does."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from hypothesis import given, settings
from hypothesis import strategies as st

from common import clients
from data.device_telemetry import keep
from data.device_telemetry.errors import NotAKafkaEvent, NothingHandled
from tests.unit.data.device_telemetry.events import FIRST, Dynamo, batch, entry, refusal

CONTEXT = SimpleNamespace(aws_request_id="r")
ENVIRONMENT = {"TABLE": "states", "KEEP_DAYS": "90", "CLOCK_SKEW_SECONDS": "300"}
PAST = {**FIRST, "event_time": "2025-01-01 00:00:00"}
BROKEN = b'{"deviceid": "dvc10'


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Dynamo:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    found = Dynamo()
    monkeypatch.setattr(clients, "client", lambda *_, **__: found)
    return found


def call(*entries: dict[str, Any]) -> dict[str, Any]:
    return keep.handler(batch(*entries), CONTEXT)


def failed(*places: tuple[str, int]) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": {"partition": one, "offset": at}} for one, at in places]}


def of(device: str) -> dict[str, Any]:
    return {**PAST, "deviceid": device}


def test_all_is_well(dynamodb: Dynamo) -> None:
    assert call(entry(1, of("a")), entry(9, of("b"), 1), entry(3, of("c"), 0, "other")) == failed()
    assert set(dynamodb.items) == {"a", "b", "c"}


def test_the_first_failed_record_of_a_partition_is_named(dynamodb: Dynamo) -> None:
    answer = call(entry(15, of("a")), entry(16, BROKEN), entry(17, of("c")), entry(18, BROKEN))
    assert answer == failed(("mytopic-0", 16))
    assert set(dynamodb.items) == {"a", "c"}


def test_a_partition_without_a_failure_is_not_named(dynamodb: Dynamo) -> None:
    assert call(entry(1, BROKEN), entry(5, of("a"), 1)) == failed(("mytopic-0", 1))
    assert call(entry(1, BROKEN), entry(5, of("a"), 1), entry(6, b"x", 1)) == failed(("mytopic-0", 1), ("mytopic-1", 6))


def test_a_batch_that_fails_at_its_start_is_left_to_bisection(dynamodb: Dynamo) -> None:
    with pytest.raises(NothingHandled, match="Record mytopic-0 offset 16: its value is not JSON"):
        call(entry(16, BROKEN), entry(17, of("a")))
    assert set(dynamodb.items) == {"a"}  # and is written again with the half that is delivered again


def test_what_dynamodb_refuses_is_delivered_again(dynamodb: Dynamo) -> None:
    dynamodb.errors = {"b": refusal("ThrottlingException")}
    assert call(entry(1, of("a")), entry(2, of("b")), entry(3, of("c"))) == failed(("mytopic-0", 2))
    with pytest.raises(NothingHandled, match="DynamoDB answered ThrottlingException"):
        call(entry(2, of("b")), entry(3, of("c")))


@pytest.mark.parametrize("marker", [{**entry(15), "value": None}, entry(15)])
def test_a_deletion_marker_leaves_the_device_as_it_is(
    dynamodb: Dynamo, capsys: pytest.CaptureFixture[str], marker: dict[str, Any]
) -> None:
    call(entry(14, of("dvc1000")))
    before = dict(dynamodb.items)
    assert call(marker) == failed()
    assert dynamodb.items == before
    counts = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "DeletionMarkers" in line]
    assert any(one.get("DeletionMarkers") in (1, 1.0, [1.0]) for one in counts)


def test_an_empty_value_is_malformed(dynamodb: Dynamo) -> None:
    assert call(entry(1, of("a")), {**entry(2), "value": ""}) == failed(("mytopic-0", 2))


def test_what_is_no_batch_is_refused(dynamodb: Dynamo) -> None:
    with pytest.raises(NotAKafkaEvent):
        keep.handler({"Records": []}, CONTEXT)


def test_the_identifier_is_the_one_of_awss_library() -> None:
    """AWS's examples disagree on the first key: ours is the one that Powertools sends."""

    def refuse(record: Any) -> None:
        if record.offset == 16:
            raise ValueError

    event = batch(entry(15, FIRST), entry(16, FIRST))
    answer = process_partial_response(event, refuse, BatchProcessor(EventType.Kafka), CONTEXT)  # type: ignore[arg-type]
    assert answer == failed(("mytopic-0", 16))


def test_the_log_has_no_content(dynamodb: Dynamo, capsys: pytest.CaptureFixture[str]) -> None:
    call(entry(1, of("a")), entry(2, b"secret"), entry(3, {**PAST, "model": "s" * 300, "deviceid": "secret"}))
    assert "secret" not in capsys.readouterr().out


ENTRIES = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["good", "bad", "marker"])), min_size=1, max_size=14)


@settings(max_examples=60, deadline=None)
@given(ENTRIES)
def test_lambda_parks_each_unreadable_record_alone_and_keeps_all_others(kinds: list[tuple[int, str]]) -> None:
    """Deliver as Lambda does with partial answers, bisection and no retries, until all is handled or parked."""
    data = {"good": None, "bad": BROKEN, "marker": None}
    entries = [
        entry(offset, of(f"d{offset}") if kind == "good" else data[kind], partition)
        for offset, (partition, kind) in enumerate(kinds)
    ]
    dynamodb, waiting, parked = Dynamo(), [entries], []
    with pytest.MonkeyPatch.context() as patched:
        for name, value in ENVIRONMENT.items():
            patched.setenv(name, value)
        patched.setattr(clients, "client", lambda *_, **__: dynamodb)
        while waiting:
            current = waiting.pop()
            try:
                answer = call(*current)
            except NothingHandled:
                middle = len(current) // 2
                waiting += [current[middle:], current[:middle]] if middle else []
                parked += [] if middle else current
                continue
            first = {
                one["itemIdentifier"]["partition"]: one["itemIdentifier"]["offset"]
                for one in answer["batchItemFailures"]
            }
            left = [one for one in current if one["offset"] >= first.get(f"mytopic-{one['partition']}", len(entries))]
            assert len(left) < len(current), "no progress"
            waiting += [left] if left else []
    bad = [offset for offset, (_, kind) in enumerate(kinds) if kind == "bad"]
    assert sorted(one["offset"] for one in parked) == bad
    assert set(dynamodb.items) == {f"d{offset}" for offset, (_, kind) in enumerate(kinds) if kind == "good"}
