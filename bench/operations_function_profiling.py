"""function_profiling: from an event to its record, and the calls that an event takes."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.harness import scenario
from local.harness.cloud import free_port, start, stop
from local.harness.terraform import Terraform
from local.settings import HOME
from scenarios.operations import function_profiling as subject
from tools import package

RUNS = 100


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    with _stack() as stack:
        cold, *warm = [_milliseconds(stack) for _ in range(RUNS + 1)]
        began = time.time()
        _milliseconds(stack)
        calls = [call["operation"] for call in stack.cloud.calls(began, "switchyard-function-profiling-keep")]
    figures = (
        ("zip size", (HOME / "build/operations/function_profiling.zip").stat().st_size / 1000, "kB"),
        ("cold start to first answer", cold, "ms"),
        ("warm, p50", statistics.median(warm), "ms"),
        ("warm, p99", statistics.quantiles(warm, n=100)[98], "ms"),
        ("calls of an event", len(calls), "calls"),
    )
    return [{"figure": figure, "value": round(value, 2), "unit": unit} for figure, value, unit in figures]


def _milliseconds(stack: scenario.Stack) -> float:
    """Return the seconds of one call."""
    event = {
        "id": str(uuid.uuid4()),
        "time": "2026-11-23T06:00:00Z",
        "source": "bench",
        "detail-type": "Order",
        "detail": {},
    }
    began = time.perf_counter()
    answer = subject.invoke(stack, event)
    assert "key" in answer, answer
    return (time.perf_counter() - began) * 1000


@contextlib.contextmanager
def _stack() -> Iterator[scenario.Stack]:
    """Return a local cloud of its own with the capability applied."""
    package.build(package.HOST_BUILD, package.Target.host())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cloud, pid = start(free_port(), folder / "cloud")
        try:
            terraform = Terraform(cloud, folder / "root", subject.variables)
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["function_profiling"])
        finally:
            stop(pid)
