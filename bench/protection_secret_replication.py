"""secret_replication: API calls of an event and of a comparison, latency, throughput, starts, size."""

from __future__ import annotations

import collections
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from local.harness import scenario
from local.harness.cloud import Cloud, local_cloud
from local.harness.terraform import Terraform
from local.settings import HOME, REGION
from scenarios.protection.secret_replication import FUNCTION, THIRD_REGION
from tools import package

SECRETS = 200
VARIABLES = {
    "secret_replication": {
        "grace_minutes": 0,
        "targets": {"dr": {"region": THIRD_REGION, "secret_name_prefixes": ["prod/"]}},
    }
}


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    package.build(package.HOST_BUILD, package.Target.host())
    with tempfile.TemporaryDirectory() as name, local_cloud(Path(name) / "cloud") as cloud:
        terraform = Terraform(cloud, Path(name) / "root", VARIABLES)
        terraform.init()
        terraform.apply()
        return _figures(scenario.Stack(cloud, terraform.outputs()["secret_replication"]), cloud)


def _figures(stack: scenario.Stack, cloud: Cloud) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 2), "unit": unit})

    here, there = stack.client("secretsmanager"), stack.client("secretsmanager", region=THIRD_REGION)
    note("zip size", (HOME / "build" / "protection" / "secret_replication.zip").stat().st_size / 1000, "kB")

    # The rule is disabled, so that only the invocations made here count.
    with _quiet(stack):
        arn = here.create_secret(Name="prod/one", SecretString="1")["ARN"]
        note("cold start to first replica", _invoke(stack, arn)[0], "ms")
        here.put_secret_value(SecretId=arn, SecretString="2")
        took, calls = _invoke(stack, arn, cloud)
        note("a change, warm", took, "ms")
        note("API calls of a change", sum(calls.values()), "calls")
        note("  of them at the source", calls["source"], "calls")
        took, calls = _invoke(stack, arn, cloud)
        note("an event of a secret in sync, warm", took, "ms")
        note("API calls of an event of a secret in sync", sum(calls.values()), "calls")
        _, calls = _invoke(stack, arn, cloud, copies=10)
        note("API calls of ten such events in one batch", sum(calls.values()), "calls")

    started = time.perf_counter()
    for number in range(SECRETS):
        here.create_secret(Name=f"prod/bench-{number:03d}", SecretString=str(number))
    scenario.wait_until("the replicas", lambda: _count(there) == SECRETS + 1, 300)
    note(f"secrets/s made and copied, {SECRETS}", SECRETS / (time.perf_counter() - started), "1/s")

    here.put_secret_value(SecretId=arn, SecretString="3")
    changed = time.perf_counter()
    scenario.wait_until(
        "the copy", lambda: there.get_secret_value(SecretId="prod/one")["SecretString"] == "3", 60, 0.02
    )
    note("change to replica, with the batching window", (time.perf_counter() - changed) * 1000, "ms")

    time.sleep(3)
    before = time.time()
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs["reconcile_function_name"], Payload="{}")
    report = json.load(answer["Payload"])
    assert report["in_sync"] == SECRETS + 1, report
    made = [c for c in cloud.calls(before, FUNCTION) if c["service"] == "secretsmanager"]
    note(f"API calls of a comparison of {SECRETS + 1} secrets", len(made), "calls")
    return results


class _quiet:  # noqa: N801 - a context manager
    """Disable the rule within the context."""

    def __init__(self, stack: scenario.Stack) -> None:
        self.events, self.rule = stack.client("events"), stack.outputs["rule_name"]

    def __enter__(self) -> None:
        self.events.disable_rule(Name=self.rule)

    def __exit__(self, *_: object) -> None:
        self.events.enable_rule(Name=self.rule)


def _invoke(
    stack: scenario.Stack, arn: str, cloud: Cloud | None = None, copies: int = 1
) -> tuple[float, collections.Counter[str]]:
    """Invoke with a batch of records about one secret; return the milliseconds and the API calls by side."""
    at = time.time()
    records = [{"messageId": str(n), "body": json.dumps({"repair": arn})} for n in range(copies)]
    started = time.perf_counter()
    answer = stack.client("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps({"Records": records}))
    took = (time.perf_counter() - started) * 1000
    assert json.load(answer["Payload"]) == {"batchItemFailures": []}
    calls = cloud.calls(at, FUNCTION) if cloud else []
    sides = ["source" if c["region"] == REGION else "target" for c in calls if c["service"] == "secretsmanager"]
    return took, collections.Counter(sides)


def _count(client: Any) -> int:
    pages = client.get_paginator("list_secrets").paginate()
    return sum(len(page["SecretList"]) for page in pages)
