"""volume_alarms: the calls of a run, by the number of instances, and its duration; moto answers, in one process."""

from __future__ import annotations

import inspect
import sys
import time
from collections import Counter
from typing import Any

import pytest

from tools.bootstrap import ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))  # As in pytest: the function runs in this process.

from tests.unit.operations.volume_alarms import test_reconcile as subject

FLEETS = (1, 30)


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    return [figure for instances in FLEETS for figure in _fleet(instances)]


def _fleet(instances: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patched:
        world = inspect.unwrap(subject.aws)(patched)
        next(world)
        calls: list[tuple[str, dict[str, Any]]] = []
        subject.intercept(patched, lambda operation, arguments: calls.append((operation, arguments)))
        for one in subject.launch(instances):
            subject.publish(one)
        for named in ("first run", "run without changes"):
            calls.clear()
            began = time.perf_counter()
            subject.run()
            seconds = time.perf_counter() - began
            counted = Counter(name for name, _ in calls)
            label = f"{named}, {instances} instances"
            found += [
                {"figure": f"calls an instance, {label}", "value": round(len(calls) / instances, 2), "unit": "calls"},
                {"figure": f"PutMetricAlarm, {label}", "value": counted["PutMetricAlarm"], "unit": "calls"},
                {"figure": f"duration, {label}", "value": round(seconds * 1000), "unit": "ms"},
            ]
        next(world, None)
    return found
