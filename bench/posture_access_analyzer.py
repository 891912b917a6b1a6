"""Measure access_analyzer: API calls of a notice, a repeat and each shut-off; 1,000 findings in one burst."""

from __future__ import annotations

import collections
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
from scenarios.posture import access_analyzer as subject
from tools import package

BUCKETS, PRINCIPALS = 50, 20
FEWEST = {
    # Read the finding, claim it, send the notice, record that.
    "a notice": 4,
    # Read the finding, and see that it was reported.
    "a repeated event": 2,
    # In addition to the notice's calls: read, change, read back; record it before the notice; scan.
    "Block Public Access": 9,
    # The same, and keep the policy.
    "an access point's policy removed": 10,
}


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 2), "unit": unit})

    with _stack() as (stack, cloud):
        note("zip size", (HOME / "build" / "posture" / "access_analyzer.zip").stat().st_size / 1000, "kB")
        events, world = stack.client("events"), subject.World(stack)
        events.disable_rule(Name=stack.outputs["rule_name"])
        told, blocked, removed = (world.bucket(name) for name in ("told", "blocked", "removed"))
        told.share(subject.OUTSIDER)
        blocked.share("*")
        removed.share_through(f"{subject.PREFIX}removed", subject.OUTSIDER)
        _calls(world, told)  # The first call starts the function.
        told.policy.clear()
        told.share("444444444444")
        made = [_calls(world, bucket) for bucket in (told, told, blocked, removed)]
        for (figure, fewest), calls in zip(FEWEST.items(), made, strict=True):
            note(f"API calls of {figure}", sum(calls.values()), "calls")
            note(f"API calls of {figure}, beyond the fewest", sum(calls.values()) - fewest, "calls")
        events.enable_rule(Name=stack.outputs["rule_name"])
        _burst(stack, cloud, world, note)
        world.clean()
    return results


def _calls(world: subject.World, bucket: subject.Bucket) -> collections.Counter[str]:
    """Return the function's API calls for the event of a bucket's active finding."""
    (finding,) = [f for f in bucket.findings() if f["status"] == "ACTIVE"]
    record = {"messageId": "one", "body": subject.event_of(finding, world.arn)}
    at = time.time()
    functions = world.stack.client("lambda")
    answer = functions.invoke(FunctionName=subject.FUNCTION, Payload=json.dumps({"Records": [record]}))
    assert json.load(answer["Payload"]) == {"batchItemFailures": []}
    return collections.Counter(c["operation"] for c in world.stack.cloud.calls(at, subject.FUNCTION))


def _burst(stack: scenario.Stack, cloud: Cloud, world: subject.World, note: Any) -> None:
    """Share many buckets with many accounts, and find them all at once."""

    def reported() -> list[str]:
        """Return the subjects of all notices, also of those in digests."""
        sent = cloud.notifications(stack.outputs["topic_arn"])
        return [str(part["subject"]) for notice in sent for part in subject.parts_of(notice)]

    before = len(reported())
    subject.watch(stack, on=False)
    buckets = [world.bucket(f"burst-{number}") for number in range(BUCKETS)]
    accounts = [f"{500_000_000_000 + number}" for number in range(PRINCIPALS)]
    for bucket in buckets:
        statement = {"Principal": {"AWS": accounts}, "Action": "s3:GetObject", "Resource": f"{bucket.arn}/*"}
        world.s3.put_bucket_policy(Bucket=bucket.name, Policy=subject.document(statement))
    started, at = time.perf_counter(), time.time()
    for bucket in buckets:
        bucket.scan()
    expected = before + BUCKETS * PRINCIPALS
    scenario.wait_until("the burst's notices", lambda: len(reported()) >= expected, 600, every=1)
    note(f"{BUCKETS * PRINCIPALS} findings in one burst: until the last notice", time.perf_counter() - started, "s")
    time.sleep(3)
    subjects = reported()[before:]
    note("of these reported", len(set(subjects)), "findings")
    note("reported twice", len(subjects) - len(set(subjects)), "findings")
    calls = [c for c in cloud.calls(at, subject.FUNCTION) if c["operation"] in ("GetFinding", "UpdateItem", "Publish")]
    note("API calls of each", len(calls) / len(subjects), "calls")
    note(
        "peak memory",
        cloud.command("lambda_runtime/memory", {"function": subject.FUNCTION}) / 1024,
        "MiB",
    )
    subject.watch(stack, on=True)


@contextlib.contextmanager
def _stack() -> Iterator[tuple[scenario.Stack, Cloud]]:
    """Yield a new local cloud with the capability applied."""
    package.build(package.HOST_BUILD, package.Target.host())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            terraform = Terraform(cloud, folder / "root", subject.variables)
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["access_analyzer"]), cloud
