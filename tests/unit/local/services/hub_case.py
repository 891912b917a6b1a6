"""Findings and clients for the tests of our Security Hub."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT, REGION = "123456789012", "us-east-1"
ARN = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:"
PRODUCT = f"{ARN}product/{ACCOUNT}/default"


def asff(number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a valid finding."""
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"finding-{number}",
        "ProductArn": PRODUCT,
        "GeneratorId": "generator",
        "AwsAccountId": ACCOUNT,
        "Types": ["Software and Configuration Checks"],
        "CreatedAt": "2026-01-01T00:00:00Z",
        "UpdatedAt": "2026-01-01T00:00:00Z",
        "Severity": {"Label": "HIGH"},
        "Title": "Title",
        "Description": "Description",
        "Resources": [{"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::bucket-{number}"}],
        **fields,
    }


def identifier(number: int) -> dict[str, str]:
    return {"Id": f"finding-{number}", "ProductArn": PRODUCT}


def client(region: str = REGION) -> Any:
    """Return a client that sends its arguments unchecked, so that the service validates them."""
    config = Config(parameter_validation=False, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("securityhub", region, config=config)


def load(hub: Any, *findings: dict[str, Any]) -> None:
    for first in range(0, len(findings), 100):
        answer = hub.batch_import_findings(Findings=list(findings[first : first + 100]))
        assert answer["FailedFindings"] == []


def ids(hub: Any, **request: Any) -> list[str]:
    """Return the ids of all findings, page by page."""
    found: list[str] = []
    while True:
        page = hub.get_findings(**request)
        found += [finding["Id"] for finding in page["Findings"]]
        if "NextToken" not in page:
            return found
        request["NextToken"] = page["NextToken"]


def refusal(call: Any, **request: Any) -> tuple[str, int, str]:
    """Return (code, HTTP status, message) of a refused call."""
    try:
        call(**request)
    except ClientError as error:
        given = error.response["Error"]
        return given["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"], given["Message"]
    raise AssertionError("the call was not refused")
