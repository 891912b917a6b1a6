"""Measure finding_chat: API calls to set N posted findings NOTIFIED, against the minimum of the APIs; a burst."""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.harness import scenario
from local.harness.cloud import Cloud, local_cloud
from local.harness.scenario import wait_until
from local.harness.terraform import Terraform
from local.settings import HOME
from scenarios import security_hub as hub
from scenarios.posture import finding_chat as subject
from tools import package

FUNCTION = "switchyard-finding-chat-notified"
BATCH = 100  # Batch size of the queue's mapping.


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 2), "unit": unit})

    with _stack() as (stack, cloud):
        note("zip size", (HOME / "build" / "posture" / "finding_chat.zip").stat().st_size / 1000, "kB")
        api, functions = stack.client("securityhub"), stack.client("lambda")
        for total in (1, 100, 1_000):
            found = [hub.finding(f"{subject.IDS}{total}/{number}", "HIGH") for number in range(total)]
            hub.load(api, found)
            cloud.control("DELETE", "calls")
            began = time.perf_counter()
            for first in range(0, total, BATCH):
                detail = [{"detail": {"findings": [finding]}} for finding in found[first : first + BATCH]]
                records = [{"messageId": str(n), "body": json.dumps(body)} for n, body in enumerate(detail)]
                functions.invoke(FunctionName=FUNCTION, Payload=json.dumps({"Records": records}))
            seconds = time.perf_counter() - began
            calls = [call for call in cloud.calls(principal=FUNCTION) if call["service"] == "securityhub"]
            # A filter accepts 20 values, an update 100 findings.
            fewest = sum(math.ceil(min(BATCH, total - first) / 20) + 1 for first in range(0, total, BATCH))
            note(f"Security Hub calls, {total:,} findings", len(calls), "calls")
            note(f"calls beyond the fewest, {total:,} findings", len(calls) - fewest, "calls")
            note(f"time, {total:,} findings", seconds, "s")
            assert set(subject.status(api, f"{subject.IDS}{total}/").values()) == {"NOTIFIED"}
        burst = [f"{subject.IDS}burst/{number}" for number in range(1_000)]
        began = time.perf_counter()
        with cloud.faults({"kind": "throttle", "rate": 0.1, "principal": FUNCTION}, seed=1):
            hub.load(api, [hub.finding(name, "CRITICAL") for name in burst])
            wait_until("the posts", lambda: len(subject.posts(stack)) == len(burst), 300)
            states = f"{subject.IDS}burst/"
            wait_until("NOTIFIED", lambda: set(subject.status(api, states).values()) == {"NOTIFIED"}, 600, every=1)
        note("burst of 1,000 under 10 % throttles: posted and set", time.perf_counter() - began, "s")
        posts = subject.posts(stack)
        note("burst: findings lost", len(set(burst) - posts.keys()), "findings")
        note("burst: findings posted twice", sum(times > 1 for times in posts.values()), "findings")
    return results


@contextlib.contextmanager
def _stack() -> Iterator[tuple[scenario.Stack, Cloud]]:
    """Yield a new local cloud with the capability applied."""
    package.build(package.HOST_BUILD, package.Target.host())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            subject.prepare(scenario.Stack(cloud, {}))
            terraform = Terraform(cloud, folder / "root", subject.variables)
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["finding_chat"]), cloud
