"""contact_form: whole requests through the local API, a ticket from the first to the stored one, and its parts."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from local.harness import demo, scenario
from local.harness.cloud import local_cloud
from local.harness.terraform import Terraform
from local.settings import HOME
from scenarios.apps import contact_form as subject
from tools import package

REQUESTS = 300


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 3), "unit": unit})

    note("zip size", (HOME / "build" / "apps/contact_form.zip").stat().st_size / 1000, "kB")
    package.build(package.HOST_BUILD, package.Target.host(), ["contact_form"])
    modules = scenario.find(["contact_form"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            variables = demo.variables_of(modules) | scenario.prepare(modules, cloud)
            terraform = Terraform(cloud, folder / "root", variables)
            terraform.init()
            terraform.apply()
            stack = scenario.Stack(cloud, terraform.outputs()["contact_form"])
            note("first request, with the cold starts of two functions", request(stack, "This is bad service"), "ms")
            since = time.time()
            times = [request(stack, f"Great service, number {n}") for n in range(REQUESTS)]
            cuts = statistics.quantiles(times, n=100)
            note("request, warm, p50 (150 ms of it are MiniStack's wait before an execution)", cuts[49], "ms")
            note("request, warm, p99", cuts[98], "ms")
            calls = [call for call in cloud.calls(since) if "contact-form" in call["principal"]]
            note("calls of AWS's APIs for each ticket", len(calls) / REQUESTS, "calls")
    return results


def request(stack: scenario.Stack, message: str) -> float:
    """Send a message. Return the milliseconds until its ticket was there."""
    started = time.perf_counter()
    status, answer = subject.send(stack, {"message": message})
    assert (status, len(answer["ticketId"])) == (200, 8), answer
    return (time.perf_counter() - started) * 1000
