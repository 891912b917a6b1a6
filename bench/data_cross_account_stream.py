"""cross_account_stream: records a second of one shard, the calls that they take, and the memory of long batches."""

from __future__ import annotations

import os
import resource
import sys
import time
import tracemalloc
from types import SimpleNamespace
from typing import Any

from local.settings import HOME, ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))  # As in pytest: the function runs in this process.

from common import clients
from data.cross_account_stream import consume
from tests.unit.data.cross_account_stream.events import Dynamo, entry

BATCH = 500
BATCHES = 40
"""Of one shard, one after the other, as Lambda delivers them."""


class Table(Dynamo):
    """One that takes everything and keeps nothing, so that the figures are the function's."""

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Count the call."""
        self.calls.append(sum(map(len, RequestItems.values())))
        return {}


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    os.environ |= {"TABLE": "records", "KEEP_DAYS": "30"}
    table = Table()
    clients.client = lambda *_, **__: table  # type: ignore[assignment]
    size = 1000
    events = [
        {"Records": [entry(BATCH * n + m, os.urandom(size), f"k{m % 50}") for m in range(BATCH)]} for n in range(2)
    ]
    _call(events[0])
    began = time.perf_counter()
    for number in range(BATCHES):
        _call(events[number % 2])
    seconds = time.perf_counter() - began
    calls = len(table.calls) / (BATCHES + 1)
    tracemalloc.start()
    peaks = [_peak(events[number % 2]) for number in range(BATCHES)]
    figures = (
        ("zip size", (HOME / "build/data/cross_account_stream.zip").stat().st_size / 1000, "kB"),
        ("records of 1 kB, one shard, one core, without DynamoDB", BATCH * BATCHES / seconds, "records/s"),
        (f"calls of DynamoDB for a batch of {BATCH}", calls, "calls"),
        (f"memory of the second batch of {BATCH}", peaks[1] / 1e6, "MB"),
        (f"memory of batch {BATCHES}", peaks[-1] / 1e6, "MB"),
        ("peak of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, "MB"),
    )
    return [{"figure": figure, "value": round(value, 2), "unit": unit} for figure, value, unit in figures]


def _call(event: dict[str, Any]) -> None:
    answer = consume.handler(event, SimpleNamespace(aws_request_id="r"))
    assert answer == {"batchItemFailures": []}, answer


def _peak(event: dict[str, Any]) -> int:
    """Return the bytes that a call takes beyond what was there."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    _call(event)
    return tracemalloc.get_traced_memory()[1] - before
