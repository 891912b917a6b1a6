"""What Lambda delivers: any topics and partitions, deletion markers in both forms, and what is no batch."""

from __future__ import annotations

from typing import Any

import pytest

from data.device_telemetry.errors import Malformed, NotAKafkaEvent
from data.device_telemetry.records import Place, records
from tests.unit.data.device_telemetry.events import FIRST, batch, entry


def test_all_topics_and_partitions_are_read() -> None:
    event = batch(entry(1, FIRST), entry(7, FIRST, 3), entry(2, FIRST), entry(1, FIRST, 0, "other"))
    assert [one.place for one in records(event)] == [
        Place("mytopic", 0, 1),
        Place("mytopic", 0, 2),
        Place("mytopic", 3, 7),
        Place("other", 0, 1),
    ]


@pytest.mark.parametrize("marker", [{**entry(15), "value": None}, entry(15)])
def test_a_deletion_marker_has_a_null_or_no_value(marker: dict[str, Any]) -> None:
    [record] = records(batch(marker))
    assert record.value is None


@pytest.mark.parametrize("value", ["", "a", "***", "é", 7, {}, []])
def test_a_value_that_is_no_base64_is_malformed(value: Any) -> None:
    [record] = records(batch({**entry(1), "value": value}))
    with pytest.raises(Malformed):
        record.data()


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        {"records": {}},
        {"records": []},
        {"records": {"mytopic-0": {}}},
        {"records": {"mytopic-0": [None]}},
        {"records": {"mytopic-0": [{**entry(1), "offset": "1"}]}},
        {"records": {"mytopic-0": [{**entry(1), "offset": True}]}},
        {"records": {"mytopic-0": [{**entry(1), "partition": -1}]}},
        {"records": {"mytopic-0": [{**entry(1), "topic": None}]}},
        {"Records": [{"kinesis": {}}]},
    ],
)
def test_what_is_no_batch_is_refused(event: Any) -> None:
    with pytest.raises(NotAKafkaEvent):
        list(records(event))
