"""Helpers for the scenarios that share one Security Hub, each with findings of its own."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable
from typing import Any

from local.harness.scenario import Stack
from local.settings import ACCOUNT_ID, REGION

PRODUCT_ARN = f"arn:aws:securityhub:{REGION}:{ACCOUNT_ID}:product/{ACCOUNT_ID}/default"


def enable(stack: Stack) -> Any:
    """Enable Security Hub, unless another scenario already has. Return its client."""
    hub = stack.client("securityhub")
    with contextlib.suppress(hub.exceptions.ResourceConflictException):
        hub.enable_security_hub(EnableDefaultStandards=False)
    return hub


def finding(finding_id: str, severity: str = "HIGH", compliance: str = "FAILED", **fields: Any) -> dict[str, Any]:
    """Return a new, active finding on a bucket, of now; `fields` replace or add. compliance="" omits it."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "SchemaVersion": "2018-10-08",
        "Id": finding_id,
        "ProductArn": PRODUCT_ARN,
        "GeneratorId": "scenario",
        "AwsAccountId": ACCOUNT_ID,
        "Types": ["Software and Configuration Checks"],
        "CreatedAt": now,
        "UpdatedAt": now,
        "Severity": {"Label": severity},
        "Title": "A bucket is misconfigured",
        "Description": "Imported by a scenario.",
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::scenario", "Region": REGION}],
        **({"Compliance": {"Status": compliance}} if compliance else {}),
        **fields,
    }


def load(hub: Any, findings: Iterable[dict[str, Any]]) -> None:
    """Import findings, a hundred per call, and check that all are accepted."""
    everything = list(findings)
    for first in range(0, len(everything), 100):
        answer = hub.batch_import_findings(Findings=everything[first : first + 100])
        assert answer["FailedCount"] == 0, answer["FailedFindings"][:1]


def read(hub: Any, prefix: str) -> dict[str, dict[str, Any]]:
    """Return the findings whose Id begins with `prefix`, by Id."""
    filters = {"Id": [{"Value": prefix, "Comparison": "PREFIX"}]}
    pages = hub.get_paginator("get_findings").paginate(Filters=filters)
    return {found["Id"]: found for page in pages for found in page["Findings"]}


def archive(hub: Any, prefix: str) -> None:
    """Archive findings, including suppressed ones, so that other scenarios and runs do not count them."""
    names = ("SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "Types", "CreatedAt")
    kept = [*names, "Title", "Description", "Resources"]
    now = finding("")["UpdatedAt"]
    load(
        hub,
        [
            {
                **{name: found[name] for name in kept},
                "Severity": {"Label": found["Severity"]["Label"]},
                "UpdatedAt": now,
                "RecordState": "ARCHIVED",
            }
            for found in read(hub, prefix).values()
        ],
    )
    suppressed = [found for found in read(hub, prefix).values() if found["Workflow"]["Status"] == "SUPPRESSED"]
    for first in range(0, len(suppressed), 100):
        named = [{key: found[key] for key in ("Id", "ProductArn")} for found in suppressed[first : first + 100]]
        answer = hub.batch_update_findings(FindingIdentifiers=named, Workflow={"Status": "NEW"})
        assert not answer["UnprocessedFindings"], answer["UnprocessedFindings"][:1]
