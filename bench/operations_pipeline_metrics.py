"""pipeline_metrics: events a second of the function, objects a day, and the calls that a history takes."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from local.settings import ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))  # As in pytest: the functions run in this process.

from common import clients
from operations.pipeline_metrics import collect, compact
from tests.unit.operations.pipeline_metrics.events import event
from tests.unit.operations.pipeline_metrics.sql import database
from tests.unit.operations.pipeline_metrics.stores import Bucket

BATCH = 2000
"""Messages that Lambda gives the function at most."""
EXECUTIONS, ACTIONS = 200, 10
"""Of a busy day: each execution has 2 events, each of 4 stages 2, each action 2."""
WINDOW = timedelta(minutes=5)


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    events = _day()
    bucket = Bucket()
    _settings(bucket)
    rate = _rate(events[:BATCH])
    written, before = _collected(bucket, events)
    compact.run(bucket.store(), "2026-11-24", 10**9, lambda: True)
    days = bucket.store().days()["2026-11-23"]
    seconds = _query(bucket)
    figures = (
        ("events of a day", len(events), "events"),
        ("collect, one core", rate, "events/s"),
        ("objects of the day as they come, one call at a time", written, "objects"),
        ("objects of the day after compaction", len(days), "objects"),
        ("size of the day before compaction", before / 1000, "kB"),
        ("size of the day after compaction", days[0][1] / 1000, "kB"),
        ("dora_monthly over the day, DuckDB", seconds, "s"),
    )
    return [{"figure": figure, "value": round(value, 2), "unit": unit} for figure, value, unit in figures]


def _day() -> list[dict[str, Any]]:
    """Return the events of a day, each twice as at-least-once delivery may send them."""
    start, found = datetime(2026, 11, 23, tzinfo=UTC), []
    for number in range(EXECUTIONS):
        at = start + timedelta(minutes=7 * number)
        times = [f"{at + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}" for minute in (0, 5)]
        name = f"e{number}"
        for state, when in zip(("STARTED", "SUCCEEDED"), times, strict=True):
            found.append(event("pipeline", state, when, execution=name))
            found += [event("stage", state, when, execution=name, stage=f"s{stage}") for stage in range(4)]
            found += [event("action", state, when, execution=name, action=f"a{action}") for action in range(ACTIONS)]
    return sorted(found * 2, key=lambda sent: str(sent["time"]))


def _settings(bucket: Bucket) -> None:
    os.environ |= {"BUCKET": "b", "BUCKET_OWNER": "1", "KMS_KEY_ARN": "k"}
    clients.client = lambda *_, **__: bucket  # type: ignore[assignment]


def _batch(events: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Records": [{"messageId": str(n), "body": json.dumps(sent)} for n, sent in enumerate(events)]}


def _rate(events: list[dict[str, Any]]) -> float:
    """Return the events a second that the function reads, sorts, compresses and logs."""
    batch, context = _batch(events), SimpleNamespace(aws_request_id="r")
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        collect.handler(batch, context)
        best = max(best, len(events) / (time.perf_counter() - began))
    return best


def _collected(bucket: Bucket, events: list[dict[str, Any]]) -> tuple[int, int]:
    """Give the function the events of each window of five minutes. Return the day's objects and bytes."""
    bucket.objects.clear()
    windows: dict[int, list[dict[str, Any]]] = {}
    for sent in events:
        at = datetime.fromisoformat(sent["time"])
        windows.setdefault(int(at.timestamp() // WINDOW.total_seconds()), []).append(sent)
    for of_window in windows.values():
        collect.handler(_batch(of_window), SimpleNamespace(aws_request_id="r"))
    listed = bucket.store().days()["2026-11-23"]
    return len(listed), sum(size for _, size in listed)


def _query(bucket: Bucket) -> float:
    made = database(bucket.records())
    began = time.perf_counter()
    made.execute("SELECT * FROM dora_monthly").fetchall()
    return time.perf_counter() - began
