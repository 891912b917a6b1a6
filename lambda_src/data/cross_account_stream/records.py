"""What a batch of Kinesis holds. Nothing here calls AWS.

https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html#services-kinesis-event-example
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .errors import NotAStreamEvent, Unreadable

# A registered consumer is the source with enhanced fan-out; the stream is the same.
_SOURCE = re.compile(r"arn:[a-z-]+:kinesis:[a-z0-9-]+:(\d{12}):stream/([A-Za-z0-9_.-]{1,128})(?:/consumer/.+)?")
_SEQUENCE = re.compile(r"[0-9]{1,129}", re.ASCII)


@dataclass(frozen=True)
class Record:
    """One record. `stream` is `<account>/<name>`; `sequence` is a decimal number that grows within a shard.

    `data` are bytes: nothing says that they are text.
    """

    stream: str
    shard: str
    sequence: str
    partition_key: str
    data: bytes
    arrived_at: datetime

    @classmethod
    def of(cls, entry: Any) -> "Record":
        """Read an entry of an event. Raise Unreadable; the message says what is wrong."""
        try:
            source, kinesis = _SOURCE.fullmatch(entry["eventSourceARN"]), entry["kinesis"]
            shard, separator, _ = entry["eventID"].partition(":")
            sequence, key, data = sequence_of(entry), kinesis["partitionKey"], kinesis["data"]
            str.encode(key)  # a text that UTF-8 cannot express would fail in DynamoDB
            arrived_at = datetime.fromtimestamp(_number(kinesis["approximateArrivalTimestamp"]), UTC)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            raise Unreadable(f"Not a record of Kinesis: {type(error).__name__} {_brief(error)}.") from None
        if not source or not separator or not shard or not sequence:
            raise Unreadable("Not a record of Kinesis: its eventSourceARN, eventID or sequenceNumber is malformed.")
        if not 1 <= len(key) <= 256:
            raise Unreadable(f"Record {sequence}: its partition key does not have 1 to 256 characters.")
        return cls(f"{source[1]}/{source[2]}", shard, sequence, key, _decoded(data, sequence), arrived_at)


def entries(event: Any) -> list[Any]:
    """Return the entries of an event. Raise NotAStreamEvent if it is not a batch."""
    found = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(found, list) or not found:
        raise NotAStreamEvent("Not a batch of Kinesis: Records must be a list with at least one record.")
    return found


def sequence_of(entry: Any) -> str:
    """Return the sequence number by which Lambda knows an entry; empty if it has none."""
    kinesis = entry.get("kinesis") if isinstance(entry, Mapping) else None
    sequence = kinesis.get("sequenceNumber") if isinstance(kinesis, Mapping) else None
    return sequence if isinstance(sequence, str) and _SEQUENCE.fullmatch(sequence) else ""


def _number(value: Any) -> float:
    """Return a finite number. Raise TypeError for anything else, a boolean included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("arrival time")
    return value


def _decoded(data: Any, sequence: str) -> bytes:
    if not isinstance(data, str):
        raise Unreadable(f"Record {sequence}: it has no data.")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):  # characters outside of ASCII are a plain ValueError
        raise Unreadable(f"Record {sequence}: its data is not base64.") from None


def _brief(error: Exception) -> str:
    """Return the name of a missing field; other errors can contain data."""
    return str(error) if isinstance(error, KeyError) else ""
