"""Records as items of a DynamoDB table. The same record makes the same item, however often it is delivered."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from common import aws_errors

from .errors import NotKept, TooLarge
from .records import Record

BATCH = 25
"""Most items of one BatchWriteItem."""

LARGEST = 380_000
"""Most bytes of a record: an item has 400 KB with its names, keys and times."""

ATTEMPTS = 6
"""Calls for the items of one batch that DynamoDB leaves unprocessed."""

Item = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How many records are kept, counted from the first, and why the next one is not."""

    kept: int
    problem: Exception | None = None


@dataclass(frozen=True)
class Table:
    """The table, and the days after their arrival for which it keeps records."""

    name: str
    keep_days: int
    dynamodb: Any
    sleep: Any = time.sleep

    def keep(self, records: Sequence[Record]) -> Outcome:
        """Write records in their order. Stop after the batch with the first that cannot be kept."""
        for first in range(0, len(records), BATCH):
            batch = records[first : first + BATCH]
            kept, problem = self._batch(batch)
            if problem:
                return Outcome(first + kept, problem)
        return Outcome(len(records))

    def _batch(self, batch: Sequence[Record]) -> tuple[int, Exception | None]:
        """Write a batch. Return how many records are kept, from the first, and the problem of the next."""
        large = next((n for n, one in enumerate(batch) if len(one.data) > LARGEST), None)
        if large is not None:
            kept, problem = self._batch(batch[:large]) if large else (0, None)
            said = f"Record {batch[large].sequence} has {len(batch[large].data)} bytes; {LARGEST} fit into an item."
            return kept, problem or TooLarge(said)
        try:
            left = self._write([self.item(one) for one in batch])
        except Exception as error:
            failure = aws_errors.read(error)
            if not failure:
                raise
            if failure.code == "ValidationException" and len(batch) > 1:
                return self._one_by_one(batch)
            return 0, error  # what was kept before this batch stays kept
        if not left:
            return len(batch), None
        position = next(n for n, one in enumerate(batch) if _key(self.item(one)) in left)
        return position, NotKept(f"DynamoDB left record {batch[position].sequence} unprocessed {ATTEMPTS} times.")

    def _one_by_one(self, batch: Sequence[Record]) -> tuple[int, Exception | None]:
        """Write a batch that DynamoDB refuses as a whole because of one item."""
        for position, record in enumerate(batch):
            _, problem = self._batch([record])
            if problem:
                return position, problem
        return len(batch), None

    def _write(self, items: list[Item]) -> set[tuple[str, str]]:
        """Write items. Return the keys of those that DynamoDB leaves unprocessed."""
        left = list({_key(item): item for item in items}.values())  # a batch with one key twice is refused
        for pause in _pauses():
            answer = self.dynamodb.batch_write_item(
                RequestItems={self.name: [{"PutRequest": {"Item": item}} for item in left]}
            )
            left = [one["PutRequest"]["Item"] for one in (answer.get("UnprocessedItems") or {}).get(self.name, ())]
            if not left:
                break
            self.sleep(pause)
        return {_key(item) for item in left}

    def item(self, record: Record) -> Item:
        """Return the item of a record, which depends on the record alone."""
        arrived = int(record.arrived_at.timestamp())
        return {
            "stream_and_key": {"S": f"{record.stream}#{record.partition_key}"},
            # As text, in the order of the numbers: a number of DynamoDB has 38 digits.
            "sequence": {"S": record.sequence.zfill(129)},
            "data": {"B": record.data},
            "shard": {"S": record.shard},
            "arrived_at": {"S": record.arrived_at.isoformat(timespec="milliseconds")},
            "expires_at": {"N": str(arrived + self.keep_days * 86_400)},
        }


def _key(item: Item) -> tuple[str, str]:
    return item["stream_and_key"]["S"], item["sequence"]["S"]


def _pauses() -> Iterator[float]:
    """Yield seconds before each next attempt: exponential, with full jitter."""
    for attempt in range(ATTEMPTS):
        yield random.uniform(0, 0.05 * 2**attempt)  # noqa: S311 - jitter
