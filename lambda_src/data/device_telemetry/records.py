"""What a batch of Kafka holds. Nothing here calls AWS.

https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html#msk-sample-event
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from .errors import Malformed, NotAKafkaEvent


@dataclass(frozen=True, order=True)
class Place:
    """Where a record is: unique in a cluster. Offsets grow within a partition."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def of(cls, entry: Any) -> "Place":
        """Read the place of an entry. Raise NotAKafkaEvent: without it, no answer could name the record."""
        if not isinstance(entry, Mapping):
            raise NotAKafkaEvent("A record must be an object.")
        topic, partition, offset = entry.get("topic"), entry.get("partition"), entry.get("offset")
        if not isinstance(topic, str) or not _is_number(partition) or not _is_number(offset):
            raise NotAKafkaEvent("A record has no text as its topic, or no whole number as its partition or offset.")
        return cls(topic, partition, offset)

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition} offset {self.offset}"


@dataclass(frozen=True)
class Record:
    """One record. `value` is its base64, None for a deletion marker, or whatever is there instead."""

    place: Place
    value: Any

    def data(self) -> bytes:
        """Return the content. Raise Malformed."""
        if not isinstance(self.value, str) or not self.value:
            raise Malformed("its value is empty")
        try:
            return base64.b64decode(self.value, validate=True)
        except (binascii.Error, ValueError):  # characters outside of ASCII are a plain ValueError
            raise Malformed("its value is not base64") from None


def records(event: Any) -> Iterator[Record]:
    """Yield the records of all topics and partitions, in the order of each partition. Raise NotAKafkaEvent."""
    partitions = event.get("records") if isinstance(event, Mapping) else None
    if not isinstance(partitions, Mapping) or not partitions:
        raise NotAKafkaEvent("Not a batch of Kafka: records must be an object with at least one partition.")
    for entries in partitions.values():
        if not isinstance(entries, list):
            raise NotAKafkaEvent("Not a batch of Kafka: the records of a partition must be a list.")
        for entry in entries:
            yield Record(Place.of(entry), entry.get("value"))


def _is_number(value: Any) -> TypeGuard[int]:
    return type(value) is int and value >= 0
