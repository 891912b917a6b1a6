"""device_telemetry: records a second of one partition, the writes that they take, and the memory of long runs."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import tracemalloc
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from local.settings import HOME, ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))  # As in pytest: the function runs in this process.

from common import clients
from data.device_telemetry import keep
from tests.unit.data.device_telemetry.events import SECOND, batch, entry

BATCH = 500
BATCHES = 40
"""Of one partition, one after the other, as Lambda delivers them."""
DEVICES = 50


class Table:
    """One that takes everything and keeps nothing, so that the figures are the function's."""

    def __init__(self) -> None:
        self.calls = 0

    def put_item(self, **_: Any) -> dict[str, Any]:
        """Count the call."""
        self.calls += 1
        return {}


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    os.environ |= {"TABLE": "states", "KEEP_DAYS": "90", "CLOCK_SKEW_SECONDS": "300"}
    table = Table()
    clients.client = lambda *_, **__: table  # type: ignore[assignment]
    events = [batch(*(entry(BATCH * n + m, _message(m)) for m in range(BATCH))) for n in range(2)]
    _call(events[0])
    began = time.perf_counter()
    for number in range(BATCHES):
        _call(events[number % 2])
    seconds = time.perf_counter() - began
    calls = table.calls / (BATCHES + 1)
    tracemalloc.start()
    peaks = [_peak(events[number % 2]) for number in range(BATCHES)]
    figures = (
        ("zip size", (HOME / "build/data/device_telemetry.zip").stat().st_size / 1000, "kB"),
        ("records of 1 kB, one partition, one core, without DynamoDB", BATCH * BATCHES / seconds, "records/s"),
        (f"writes to DynamoDB for a batch of {BATCH} of {DEVICES} devices", calls, "calls"),
        (f"memory of the second batch of {BATCH}", peaks[1] / 1e6, "MB"),
        (f"memory of batch {BATCHES}", peaks[-1] / 1e6, "MB"),
        ("peak of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, "MB"),
    )
    return [{"figure": figure, "value": round(value, 2), "unit": unit} for figure, value, unit in figures]


def _message(number: int) -> dict[str, Any]:
    """Return a message of about 1 kB."""
    further = {f"value_{n}": f"{number} {'x' * 15}" for n in range(24)}
    at = datetime.now(UTC).isoformat()
    message = {**SECOND, "device_id": f"dvc{number % DEVICES}", "event_time": at, "readings": further}
    assert 800 < len(json.dumps(message)) < 1200, len(json.dumps(message))
    return message


def _call(event: dict[str, Any]) -> None:
    answer = keep.handler(event, SimpleNamespace(aws_request_id="r"))
    assert answer == {"batchItemFailures": []}, answer


def _peak(event: dict[str, Any]) -> int:
    """Return the bytes that a call takes beyond what was there."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    _call(event)
    return tracemalloc.get_traced_memory()[1] - before
