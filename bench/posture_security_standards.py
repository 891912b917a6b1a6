"""Measure security_standards: API calls of the check, the list of controls and the suppressions of N findings."""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.harness import scenario
from local.harness.cloud import Cloud, local_cloud
from local.harness.terraform import Terraform
from local.settings import HOME
from scenarios import security_hub as hub
from scenarios.posture import security_standards as subject
from tools import package

FUNCTION = "switchyard-security-standards"
SUPPRESSION = {"all": {"reason": "For the bench.", "control_ids": [subject.TLS]}}
PAGE = 100  # Findings that a call reads or writes.


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 2), "unit": unit})

    with _stack() as (stack, cloud):
        note("zip size", (HOME / "build" / "posture" / "security_standards.zip").stat().st_size / 1000, "kB")
        api = stack.client("securityhub")

        def timed(figure: str, which: str, event: dict[str, Any], fewest: int) -> None:
            subject.invoke(stack, "check", {})
            cloud.control("DELETE", "calls")
            began = time.perf_counter()
            subject.invoke(stack, which, event)
            seconds = time.perf_counter() - began
            calls = [call for call in cloud.calls(principal=FUNCTION) if call["service"] == "securityhub"]
            note(f"calls, {figure}", len(calls), "calls")
            note(f"calls beyond the fewest, {figure}", len(calls) - fewest, "calls")
            note(f"time, {figure}", seconds, "s")

        timed("check", "check", {}, 1)
        made = 0
        for total in (100, 1_000, 10_000):
            subject.switch(api, "all", "DISABLED")
            for number in range(made, total):
                subject.check(stack, subject.TLS, "FAILED", f"arn:aws:s3:::bucket-{number}")
            made = total
            subject.switch(api, "all", "ENABLED")
            pages = math.ceil(total / PAGE)
            timed(f"suppress {total:,} findings", "suppress", {}, 2 + pages + 1 + pages)
            timed(f"{total:,} suppressed, nothing to do", "suppress", {}, 2 + pages + pages)
            timed(f"controls with {total:,} findings", "check", {"controls": True}, 1 + 2 + pages)
            subject.switch(api, "all", "DISABLED")
            timed(f"release {total:,} findings", "suppress", {}, 2 + pages + pages)
    return results


@contextlib.contextmanager
def _stack() -> Iterator[tuple[scenario.Stack, Cloud]]:
    """Yield a new local cloud with the capability applied."""
    package.build(package.HOST_BUILD, package.Target.host())
    variables = {
        "config_recorder": {"force_destroy": True},
        "security_standards": {"create_hub": False, "suppressions": SUPPRESSION},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            hub.enable(scenario.Stack(cloud, {}))
            terraform = Terraform(cloud, folder / "root", variables)
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["security_standards"]), cloud
