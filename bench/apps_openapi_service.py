"""openapi_service: how long a file is checked, and a request with it; how long the clients take to make; sizes."""

from __future__ import annotations

import copy
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from local.settings import HOME, ROOT
from tools import package

sys.path.insert(0, str(ROOT / "lambda_src"))  # As in pytest: the functions run in this process.
from apps.openapi_service import compatibility, document, gateway
from apps.openapi_service.contract import Contract

FILE = ROOT / "modules" / "apps" / "openapi_service" / "widgets.yaml"
TARGET = gateway.Target("bench", "An API", "uri", {"sigv4": gateway.Authorizer(iam=True)})
OPERATIONS = 200
EVENT: dict[str, Any] = {
    "httpMethod": "POST",
    "resource": "/widgets",
    "headers": {"Content-Type": "application/json", "Idempotency-Key": "0123456789abcdef"},
    "body": json.dumps({"name": "x", "colour": "red", "shape": {"kind": "circle", "radius": 3}}),
}


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 3), "unit": unit})

    package.build(package.HOST_BUILD, package.Target.host(), ["openapi_service"])
    for name in ("apps/openapi_service.zip", "layers/openapi.zip", "kits/openapi_service.zip"):
        note(f"size of {name}", (HOME / "build" / name).stat().st_size / 1000, "kB")
    text = FILE.read_text()
    source = document.checked(text)
    note("check of the sample's 6 operations", milliseconds(lambda: document.checked(text), 5), "ms")
    large = copy.deepcopy(source)
    for number in range(OPERATIONS):
        large["paths"][f"/p{number}"] = {"get": {**source["paths"]["/widgets"]["get"], "operationId": f"p{number}"}}
    whole = json.dumps(large)
    note(f"check of {OPERATIONS + 6} operations", milliseconds(lambda: document.checked(whole), 3), "ms")
    note(f"gateway's copy of {OPERATIONS + 6} operations", milliseconds(lambda: gateway.copy(large, TARGET), 5), "ms")
    later = copy.deepcopy(large)
    del later["paths"]["/p0"]
    comparison = milliseconds(lambda: compatibility.breaking(large, later), 3)
    note(f"comparison of {OPERATIONS + 6} operations", comparison, "ms")
    contract = Contract(source)
    contract.request(EVENT)
    note("check of a request with a body, p50", milliseconds(lambda: contract.request(EVENT), 200), "ms")
    return results


def milliseconds(work: Callable[[], Any], times: int) -> float:
    """Return the median duration of some work."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)
