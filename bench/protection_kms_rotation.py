"""kms_rotation: API calls and time of an evidence report for N keys, compared with the fewest that the APIs allow."""

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
from scenarios.protection import kms_rotation as subject
from tools import package

FUNCTION = "switchyard-kms-rotation-report"


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 2), "unit": unit})

    with _stack() as (stack, cloud):
        note("zip size", (HOME / "build" / "protection" / "kms_rotation.zip").stat().st_size / 1000, "kB")
        kms = stack.client("kms")
        subject.invoke(stack, "report", {})
        made = 0
        for total in (100, 1_000, 5_000):
            while made < total:
                kms.create_key()
                made += 1
            keys = sum(len(page["Keys"]) for page in kms.get_paginator("list_keys").paginate())
            aliases = sum(len(page["Aliases"]) for page in kms.get_paginator("list_aliases").paginate())
            cloud.control("DELETE", "calls")
            began = time.perf_counter()
            subject.invoke(stack, "report", {})
            seconds = time.perf_counter() - began
            calls = [call for call in cloud.calls(principal=FUNCTION) if call["service"] == "kms"]
            fewest = math.ceil(keys / 1000) + max(1, math.ceil(aliases / 100)) + 3 * keys
            note(f"KMS calls, {total:,} keys", len(calls), "calls")
            note(f"KMS calls beyond the fewest, {total:,} keys", len(calls) - fewest, "calls")
            note(f"time, {total:,} keys", seconds, "s")
            note(
                f"peak memory, {total:,} keys",
                cloud.command("lambda_runtime/memory", {"function": FUNCTION}) / 1024,
                "MiB",
            )
    return results


@contextlib.contextmanager
def _stack() -> Iterator[tuple[scenario.Stack, Cloud]]:
    """Start a separate local cloud and apply the capability to it."""
    package.build(package.HOST_BUILD, package.Target.host())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            terraform = Terraform(cloud, folder / "root", {"kms_rotation": {"force_destroy": True}})
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["kms_rotation"]), cloud
