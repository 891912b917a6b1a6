"""Measure finding_export: pace, API calls, memory, starts, size. Each pace uses its own stack."""

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
from scenarios import security_hub as hub
from scenarios.posture import finding_export as subject
from tools import package

FUNCTION = "switchyard-finding-export"
GET_FINDINGS_QUOTA = {
    "principal": "finding-export",
    "service": "securityhub",
    "operation": "GetFindings",
    "kind": "quota",
    "per_second": 3,
    "burst": 6,
}


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 2), "unit": unit})

    with _stack({"requests_per_second": 1000, "force_destroy": True}) as (stack, cloud):
        zip_file = HOME / "build" / "posture" / "finding_export.zip"
        note("zip size", zip_file.stat().st_size / 1000, "kB")
        api = stack.client("securityhub")
        cold, warm = (_refusal(stack) for _ in range(2))
        note("cold start to first answer", cold, "ms")
        note("warm call", warm, "ms")
        imported = 0
        for total in (10_000, 100_000):
            hub.load(api, _active(imported, total))
            imported = total
            cloud.control("DELETE", "calls")
            seconds = _export(stack, total)
            calls = len(cloud.calls(principal=FUNCTION))
            note(f"findings/s without a quota, {total:,}", total / seconds, "1/s")
            note(f"API calls per 1,000 findings, {total:,}", calls / total * 1000, "calls")
            note(
                f"peak memory, {total:,}",
                cloud.command("lambda_runtime/memory", {"function": FUNCTION}) / 1024,
                "MiB",
            )
    with _stack({"force_destroy": True}) as (stack, cloud):
        total = 18_000
        hub.load(stack.client("securityhub"), _active(0, total))
        with cloud.faults(GET_FINDINGS_QUOTA):
            seconds = _export(stack, total)
        note("findings/s at the quota of 3 requests/s", total / seconds, "1/s")
        note("share of the physical limit of 300/s", total / seconds / 300 * 100, "%")
    return results


def _active(first: int, last: int) -> Any:
    for number, finding in enumerate(subject.findings(last)):
        if number >= first:
            yield {**finding, "RecordState": "ACTIVE"}


def _export(stack: scenario.Stack, expected: int) -> float:
    """Return the seconds that one export takes, by the timestamps of Step Functions."""
    states = stack.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=stack.outputs["state_machine_arn"])["executionArn"]
    done = subject.finish(states, arn, 1200)
    assert (done["status"], done["output"]["exported"]) == ("SUCCEEDED", expected), done
    return float((done["stopDate"] - done["startDate"]).total_seconds())


def _refusal(stack: scenario.Stack) -> float:
    """Return the milliseconds that the function takes to refuse a bad filter: start, imports and no AWS call."""
    execution = {
        "arn": "arn:aws:states:eu-west-1:1:execution:x:y",
        "name": "y",
        "started_at": "2026-01-01T00:00:00Z",
    }
    event = {"execution": execution, "retry_count": 0, "input": {"filters": {"No": []}}, "state": None}
    started = time.perf_counter()
    answer = stack.client("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps(event))
    assert json.load(answer["Payload"])["errorType"] == "InvalidFilter"
    return (time.perf_counter() - started) * 1000


@contextlib.contextmanager
def _stack(variables: dict[str, Any]) -> Iterator[tuple[scenario.Stack, Cloud]]:
    """Yield a new local cloud with the capability applied."""
    package.build(package.HOST_BUILD, package.Target.host())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            cloud.client("securityhub").enable_security_hub(EnableDefaultStandards=False)
            terraform = Terraform(cloud, folder / "root", {"finding_export": variables})
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["finding_export"]), cloud
