"""Measure finding_remediation: API calls per finding of each remediation, a burst of a thousand, starts and size."""

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
from local.settings import ACCOUNT_ID, HOME, REGION
from scenarios import security_hub as shared
from scenarios.posture import finding_remediation as subject
from tools import package

BURST, BUCKETS = 1000, 40
VARIABLES = {"finding_remediation": {"copy_single_max_mib": 6, "copy_part_mib": 5}}


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    package.build(package.HOST_BUILD, package.Target.host())
    with tempfile.TemporaryDirectory() as name, local_cloud(Path(name) / "cloud") as cloud:
        subject.prepare(scenario.Stack(cloud, {}))
        terraform = Terraform(cloud, Path(name) / "root", VARIABLES)
        terraform.init()
        terraform.apply()
        return _figures(scenario.Stack(cloud, terraform.outputs()["finding_remediation"]), cloud)


def _figures(stack: scenario.Stack, cloud: Cloud) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 2), "unit": unit})

    here = subject.Account(stack)
    note("zip size", (HOME / "build" / "posture" / "finding_remediation.zip").stat().st_size / 1000, "kB")
    for remediation, finding in _cases(here).values():
        took, _ = _invoke(stack, cloud, remediation, finding)
        if remediation == "s3_versioning":
            note("cold start to resolved finding", took, "ms")
            took, _ = _invoke(stack, cloud, remediation, finding)
            note("a finding whose resource needs no change, warm", took, "ms")
    for name, (remediation, finding) in _cases(here, "again-").items():
        _, calls = _invoke(stack, cloud, remediation, finding)
        note(f"API calls of a finding: {name}", sum(calls.values()), "calls")
        note("  of them to answer it", calls["BatchUpdateFindings"], "calls")
        _, calls = _invoke(stack, cloud, remediation, finding)
        note("  of the same finding again", sum(calls.values()), "calls")

    made = [
        shared.finding(
            f"{here.ids}bench-{number:04d}",
            ProductArn=subject.SECURITY_HUB,
            Compliance={"Status": "FAILED", "SecurityControlId": "S3.14"},
            Resources=[{"Type": "AwsS3Bucket", "Id": here.bucket(f"burst-{number}") if number < BUCKETS else ""}],
        )
        for number in range(BURST)
    ]
    for number, one in enumerate(made):
        one["Resources"] = made[number % BUCKETS]["Resources"]
    shared.load(here.hub, made)
    at = time.time()
    for first in range(0, BURST, 20):
        subject.send(stack, "s3_versioning", *(one["Id"] for one in made[first : first + 20]))

    def resolved() -> int:
        states = shared.read(here.hub, f"{here.ids}bench-").values()
        return sum(found["Workflow"]["Status"] == "RESOLVED" for found in states)

    scenario.wait_until("a thousand answers", lambda: resolved() == BURST, 300, every=1)
    note(f"findings/s resolved of a burst of {BURST}", BURST / (time.time() - at), "1/s")
    made_calls = cloud.calls(at, f"{subject.FUNCTIONS}s3-versioning")
    operations = collections.Counter(c["operation"] for c in made_calls if c["service"] != "sqs")
    note("API calls of a finding in it", sum(operations.values()) / BURST, "calls")
    note("  of them to answer it", operations["BatchUpdateFindings"] / BURST, "calls")
    return results


def _cases(here: subject.Account, prefix: str = "") -> dict[str, tuple[str, str]]:
    """Return a finding of each remediation, on a resource of its own, by the name of the case."""

    def bucket(name: str, **more: Any) -> str:
        return here.bucket(f"{prefix}{name}", **more)

    versioned = bucket("lifecycle")
    full = f"{subject.PREFIX}{prefix}"
    enabled = {"Status": "Enabled"}
    here.s3.put_bucket_versioning(Bucket=f"{full}lifecycle", VersioningConfiguration=enabled)
    allocation = here.ec2.allocate_address(Domain="vpc")["AllocationId"]
    address = f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:elastic-ip/{allocation}"
    objects = bucket("objects")
    here.s3.put_object(Bucket=f"{full}objects", Key="small", Body=b"x")
    here.s3.put_object(Bucket=f"{full}objects", Key="big", Body=b"x" * subject.BIG)
    kind = "AwsS3Object"
    return {
        "s3_versioning": (
            "s3_versioning",
            here.control(f"{prefix}v", "S3.14", "AwsS3Bucket", bucket("versioning")),
        ),
        "s3_public": ("s3_public", here.control(f"{prefix}p", "S3.8", "AwsS3Bucket", bucket("public"))),
        "s3_lifecycle": ("s3_lifecycle", here.control(f"{prefix}l", "S3.10", "AwsS3Bucket", versioned)),
        "elastic_ip": ("elastic_ip", here.control(f"{prefix}e", "EC2.12", "AwsEc2Eip", address)),
        "macie_bucket": ("macie_bucket", here.macie(f"{prefix}b", subject.POLICY, "AwsS3Bucket", bucket("macie"))),
        "macie_object": ("macie_object", here.macie(f"{prefix}o", subject.SENSITIVE, kind, f"{objects}/small")),
        "macie_object, in three parts": (
            "macie_object",
            here.macie(f"{prefix}m", subject.SENSITIVE, kind, f"{objects}/big"),
        ),
    }


def _invoke(
    stack: scenario.Stack, cloud: Cloud, remediation: str, finding_id: str
) -> tuple[float, collections.Counter[str]]:
    """Return the milliseconds of one call with one finding in its current state, and its API calls by operation."""
    found = shared.read(stack.client("securityhub"), finding_id)[finding_id]
    record = {"messageId": "m", "body": json.dumps({"detail": {"findings": [found]}})}
    name = stack.outputs["function_names"][remediation]
    at, started = time.time(), time.perf_counter()
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"Records": [record]}))
    took = (time.perf_counter() - started) * 1000
    assert json.load(answer["Payload"]) == {"batchItemFailures": []}
    assert subject.state(stack, finding_id)[0] == "RESOLVED", subject.state(stack, finding_id)
    made = [c["operation"] for c in cloud.calls(at, name) if c["service"] != "sqs"]
    return took, collections.Counter(made)
