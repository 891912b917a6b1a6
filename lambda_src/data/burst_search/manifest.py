"""The objects of a job in S3: `keys.jsonl` has a line for each object, `batches.jsonl` one for each batch.

Lines of `batches.jsonl` have one width, so that a worker reads its own by range, and a Distributed Map reads all of
them as items: an event holds numbers and never keys, whatever the keys are. Nothing here calls AWS.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 256
"""Bytes of a line of `batches.jsonl`: the name of a job has up to 80 characters."""
MAX_LINES = 1_048_576
"""Most bytes of `keys.jsonl` in one batch, which a worker reads at once."""


@dataclass(frozen=True)
class Item:
    """One object to search."""

    key: str
    etag: str
    size: int

    def line(self) -> bytes:
        """Return its line."""
        return json.dumps([self.key, self.etag, self.size]).encode() + b"\n"


def spread(items: Sequence[Item], seed: str) -> list[Item]:
    """Return the objects in an order that has nothing to do with their prefixes, the same for the same seed.

    S3 serves 5,500 reads a second from each prefix: batches that run at the same time read from all of them.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
    """
    mixed = sorted(items, key=lambda item: item.key)
    random.Random(seed).shuffle(mixed)  # noqa: S311 - an order, not a secret
    return mixed


def prefixes(items: Iterable[Item]) -> int:
    """Return the number of folders that the objects are in."""
    return len({item.key.rpartition("/")[0] for item in items})


def batches(items: Sequence[Item], most: int, most_bytes: int) -> Iterator[list[Item]]:
    """Divide objects into batches by number, by the bytes of the objects, and by the bytes of their lines."""
    batch: list[Item] = []
    size = lines = 0
    for item in items:
        line = len(item.line())
        if batch and (len(batch) == most or size + item.size > most_bytes or lines + line > MAX_LINES):
            yield batch
            batch, size, lines = [], 0, 0
        batch.append(item)
        size, lines = size + item.size, lines + line
    if batch:
        yield batch


def write(job: str, divided: Iterable[Sequence[Item]]) -> tuple[bytes, bytes, list[int]]:
    """Return `keys.jsonl`, `batches.jsonl` and the number of objects in each batch."""
    keys, lines, counts = bytearray(), bytearray(), []
    for number, batch in enumerate(divided):
        first = len(keys)
        for item in batch:
            keys += item.line()
        value = {"job": job, "batch": number, "first": first, "last": len(keys) - 1, "objects": len(batch)}
        lines += json.dumps(value).encode().ljust(WIDTH - 1) + b"\n"
        counts.append(len(batch))
    return bytes(keys), bytes(lines), counts


def line_range(batch: int) -> str:
    """Return the range of a batch's line, as the header of a request."""
    return f"bytes={batch * WIDTH}-{(batch + 1) * WIDTH - 1}"


def read_line(line: bytes) -> dict[str, Any]:
    """Return a line of `batches.jsonl`."""
    value: dict[str, Any] = json.loads(line)
    return value


def read_keys(text: bytes) -> list[Item]:
    """Return the objects of some lines of `keys.jsonl`."""
    return [Item(*json.loads(line)) for line in text.splitlines()]
