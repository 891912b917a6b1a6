"""What a batch holds: a record whose content is no text, one of each source, and what is no record."""

from __future__ import annotations

import contextlib
import copy
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.cross_account_stream import records
from data.cross_account_stream.errors import NotAStreamEvent, Unreadable
from data.cross_account_stream.records import Record
from tests.unit.data.cross_account_stream.events import CONSUMER, FIRST, STREAM, entry


@pytest.mark.parametrize("source", [STREAM, CONSUMER])
def test_a_record_of_a_stream_and_of_its_consumer_are_the_same(source: str) -> None:
    found = Record.of(entry(3, b"paid", "order-1", source))
    at = datetime.fromtimestamp(1764316803.123, UTC)
    assert found == Record("222233334444/orders", "shardId-000000000006", str(FIRST + 3), "order-1", b"paid", at)


def test_the_sample_of_the_source_is_no_text() -> None:
    sample = entry()
    sample["kinesis"] |= {"data": "sampledatarecord", "partitionKey": "samplepartitionkey3"}
    found = Record.of(sample)
    assert len(found.data) == 12
    with pytest.raises(UnicodeDecodeError):
        found.data.decode("utf-8")


def test_a_record_can_be_empty() -> None:
    assert Record.of(entry(data=b"")).data == b""


def without(name: str) -> dict[str, Any]:
    found = entry()
    del (found if name in found else found["kinesis"])[name]
    return found


def changed(name: str, value: Any) -> dict[str, Any]:
    found = entry()
    (found if name in found else found["kinesis"])[name] = value
    return found


HOSTILE: dict[str, Any] = {
    "nothing": None,
    "a text": "record",
    "a list": [],
    "an empty object": {},
    "a message of SQS": {"messageId": "1", "body": "{}", "eventSourceARN": "arn:aws:sqs:eu-central-1:111122223333:q"},
    "no kinesis": without("kinesis"),
    "kinesis is null": changed("kinesis", None),
    "kinesis is a list": changed("kinesis", []),
    "no data": without("data"),
    "data is null": changed("data", None),
    "data is bytes": changed("data", b"ZGF0YQ=="),
    "data is no base64": changed("data", "%%%"),
    "data with a wrong length": changed("data", "abc"),
    "data outside of ASCII": changed("data", "äöü"),
    "data of another alphabet": changed("data", "-_-_"),
    "no key": without("partitionKey"),
    "key is null": changed("partitionKey", None),
    "key is empty": changed("partitionKey", ""),
    "key is a number": changed("partitionKey", 7),
    "key is no text": changed("partitionKey", "\ud800"),
    "key is too long": changed("partitionKey", "k" * 257),
    "no number": without("sequenceNumber"),
    "number is null": changed("sequenceNumber", None),
    "number is empty": changed("sequenceNumber", ""),
    "number is a number": changed("sequenceNumber", 7),
    "number is a word": changed("sequenceNumber", "seven"),
    "number is negative": changed("sequenceNumber", "-7"),
    "number has other digits": changed("sequenceNumber", "\u0667"),
    "number is too long": changed("sequenceNumber", "7" * 130),
    "number ends with a line": changed("sequenceNumber", "7\n"),
    "no time": without("approximateArrivalTimestamp"),
    "time is null": changed("approximateArrivalTimestamp", None),
    "time is a text": changed("approximateArrivalTimestamp", "now"),
    "time is true": changed("approximateArrivalTimestamp", True),
    "time is not a number": changed("approximateArrivalTimestamp", math.nan),
    "time is infinite": changed("approximateArrivalTimestamp", math.inf),
    "time is beyond the calendar": changed("approximateArrivalTimestamp", 1e18),
    "no id": without("eventID"),
    "id is null": changed("eventID", None),
    "id without a shard": changed("eventID", f":{FIRST}"),
    "id without a number": changed("eventID", "shardId-000000000006"),
    "no source": without("eventSourceARN"),
    "source is null": changed("eventSourceARN", None),
    "source is a table's stream": changed("eventSourceARN", "arn:aws:dynamodb:eu-central-1:1:table/t/stream/1"),
    "source is a name": changed("eventSourceARN", "orders"),
    "source with a line": changed("eventSourceARN", f"{STREAM}\n"),
}


@pytest.mark.parametrize("found", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_record_is_unreadable(found: Any) -> None:
    with pytest.raises(Unreadable):
        Record.of(found)


@pytest.mark.parametrize("event", [None, [], "Records", {}, {"Records": None}, {"Records": {}}, {"Records": []}])
def test_what_is_no_batch_is_refused(event: Any) -> None:
    with pytest.raises(NotAStreamEvent, match="at least one record"):
        records.entries(event)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ["approximateArrivalTimestamp", "data", "eventID", "eventSourceARN", "kinesis"]
FIELDS += ["partitionKey", "sequenceNumber"]


@settings(max_examples=150)
@given(st.sampled_from(FIELDS), anything)
def test_any_value_in_any_field_is_a_record_or_unreadable(field: str, value: Any) -> None:
    found = changed(field, value)
    before = copy.deepcopy(found)
    with contextlib.suppress(Unreadable):
        record = Record.of(found)
        assert isinstance(record.data, bytes)
        assert record.sequence.isdigit()
    assert repr(found) == repr(before)


@settings(max_examples=50)
@given(st.binary(max_size=64), st.text(min_size=1, max_size=256))
def test_each_content_and_each_key_is_read_as_it_is(data: bytes, key: str) -> None:
    found = Record.of(entry(data=data, key=key))
    assert (found.data, found.partition_key) == (data, key)
