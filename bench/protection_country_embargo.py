"""country_embargo: time and API calls for all countries and 10,000 ranges, for a small change, and for no change."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.harness import scenario
from local.harness.cloud import Cloud, local_cloud
from local.harness.terraform import Terraform
from local.settings import HOME
from scenarios.protection import country_embargo as subject
from tools import package

FUNCTION = "switchyard-country-embargo"
RANGES = 10_000


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}; times start at the end of the upload, with EventBridge."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 2), "unit": unit})

    with _stack() as (stack, cloud):
        codes, past = subject.codes(stack), subject.Past(stack)
        full = _document(codes, RANGES)
        note("zip size", (HOME / "build" / "protection" / "country_embargo.zip").stat().st_size / 1000, "kB")
        note("document of 250 countries and 10,000 ranges", len(json.dumps(full)) / 1000, "kB")
        for figure, document, changes in (
            ("first document, one country (cold start)", _document(["BV"], 0), True),
            ("250 countries and 10,000 ranges", full, True),
            ("the same again", full, False),
            ("one country less", _document(codes[:-1], RANGES), True),
            ("one range more or less", _document(codes[:-1], RANGES - 1), True),
        ):
            cloud.control("DELETE", "calls")
            notices = len(past.notices("changed"))
            subject.upload(stack, document)
            seconds = _settled(stack, past, notices + changes)
            calls = subject.calls(stack, 0)
            note(f"{figure}: time", seconds, "s")
            note(f"{figure}: API calls", sum(calls.values()), "calls")
            updates = sum(number for name, number in calls.items() if name.startswith("Update"))
            note(f"{figure}: of these updates of WAF", updates, "calls")
        note("peak memory", cloud.command("lambda_runtime/memory", {"function": FUNCTION}) / 1024, "MiB")
        assert subject.countries(stack) == codes[:-1]
        assert len(subject.ranges(stack)["IPV4"]) == RANGES - 1
    return results


def _document(codes: list[str], ranges: int) -> dict[str, Any]:
    values = [{"Type": "IPV4", "Value": f"{n >> 8}.{n & 255}.0.0/16"} for n in range(256, 256 + ranges)]
    return {"embargoed-countries": [{"code": code} for code in codes], "embargoed-ips": [{"ips": values}]}


def _settled(stack: scenario.Stack, past: subject.Past, notices: int) -> float:
    """Return the seconds until the invocation has ended: its notices have arrived and no API calls follow."""
    started = time.time()

    def last_call() -> float:
        made = [c for c in stack.cloud.calls(started, FUNCTION) if c["service"] in ("wafv2", "s3", "sns")]
        ended = max((c["at"] + c["ms"] / 1000 for c in made), default=0.0)
        quiet = ended and time.time() - ended > 1.5 and len(past.notices("changed")) == notices
        return ended - started if quiet else 0.0

    return float(scenario.wait_until("the end of the call", last_call, 120))


@contextlib.contextmanager
def _stack() -> Iterator[tuple[scenario.Stack, Cloud]]:
    """Start a separate local cloud and apply the capability to it."""
    package.build(package.HOST_BUILD, package.Target.host())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            terraform = Terraform(cloud, folder / "root", {"country_embargo": {"force_destroy": True}})
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["country_embargo"]), cloud
