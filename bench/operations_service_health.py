"""service_health: the calls of a run, by the number of resources, and its duration; an account in memory answers."""

from __future__ import annotations

import sys
import time
from typing import Any

from tools.bootstrap import ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))  # As in pytest: the function runs in this process.

from tests.unit.operations.service_health import world as w

SIZES = (10, 1000)


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    return [figure for size in SIZES for figure in _service(size)]


def _service(size: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    world = w.World()
    world.tags = {w.arn("lambda", f"function:orders-{number}"): {"service": "orders"} for number in range(size)}
    config = w.settings(services={"orders": w.service(tags={"service": "orders"})})
    for named in ("first run", "run without changes"):
        world.calls.clear()
        began = time.perf_counter()
        world.reconcile(config)
        seconds = time.perf_counter() - began
        writes = sum(count for name, count in world.calls.items() if name.startswith(("put", "delete")))
        label = f"{named}, {size} functions"
        found += [
            {"figure": f"writes, {label}", "value": writes, "unit": "calls"},
            {"figure": f"duration without AWS, {label}", "value": round(seconds * 1000), "unit": "ms"},
        ]
    return found
