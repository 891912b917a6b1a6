"""finding_export under failures: each failure has a readable cause, and a rerun completes the export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.terraform import Terraform
from scenarios.posture import finding_export as subject
from tests.e2e.conftest import only_with

pytestmark = only_with("posture/finding_export")

CRITICAL = {
    "filters": {
        "SeverityLabel": [{"Value": "CRITICAL", "Comparison": "EQUALS"}],
        "Id": [{"Value": subject.IDS, "Comparison": "PREFIX"}],
    }
}


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("finding_export")
    return found


def export(stack: scenario.Stack, given: dict[str, Any] | None = None) -> dict[str, Any]:
    states = stack.client("stepfunctions")
    machine = stack.outputs["state_machine_arn"]
    started = states.start_execution(stateMachineArn=machine, input=json.dumps(given or {}))
    return subject.finish(states, started["executionArn"])


def in_hub(stack: scenario.Stack) -> int:
    """Return the number of critical findings in Security Hub, by the same filters."""
    pages = stack.client("securityhub").get_paginator("get_findings").paginate(Filters=CRITICAL["filters"])
    return sum(len(page["Findings"]) for page in pages)


def test_every_page_token_expires(cloud: Cloud, stack: scenario.Stack) -> None:
    everything = in_hub(stack)
    cloud.command("securityhub/set_token_lifetime", {"seconds": 0.05})
    try:
        done = export(stack, CRITICAL)
    finally:
        cloud.command("securityhub/set_token_lifetime", {"seconds": 86_400})
    assert (done["status"], done["output"]["exported"]) == ("SUCCEEDED", everything)
    assert subject.rows_and_findings(stack, done["output"]["run_id"]) == (everything, everything)


def test_a_date_range_that_ends_before_it_starts(stack: scenario.Stack) -> None:
    backwards = {"Start": "2026-02-01T00:00:00Z", "End": "2026-01-01T00:00:00Z"}
    failed = export(stack, {"filters": {"CreatedAt": [backwards]}})
    assert (failed["status"], failed["error"]) == ("FAILED", "InvalidFilter")
    assert "starts (2026-02-01T00:00:00Z) after it ends" in failed["cause"]


@pytest.fixture
def key_denied(stack: scenario.Stack) -> Iterator[None]:
    """Make the bucket's key deny the function, as an operator could. Other capabilities use the key too."""
    kms = stack.client("kms")
    encryption = stack.client("s3").get_bucket_encryption(Bucket=stack.outputs["bucket_name"])
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    key = rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    function = stack.outputs["function_names"]["export"]
    role = stack.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    refusal = {
        "Sid": "Refuse",
        "Effect": "Deny",
        "Principal": {"AWS": role},
        "Action": "kms:GenerateDataKey",
        "Resource": "*",
        "Condition": {"StringLike": {"kms:ViaService": "s3.*"}},
    }
    document = json.loads(policy)
    document["Statement"].append(refusal)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(document))
    yield
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)


def test_denied_key_names_itself(stack: scenario.Stack, key_denied: None) -> None:
    failed = export(stack, CRITICAL)
    assert (failed["status"], failed["error"]) == ("FAILED", "DestinationDenied")
    assert "kms:GenerateDataKey" in failed["cause"]
    assert stack.outputs["bucket_name"] in failed["cause"]


def test_a_rerun_after_the_key_is_back_completes(stack: scenario.Stack) -> None:
    everything = in_hub(stack)
    done = export(stack, CRITICAL)
    assert (done["status"], done["output"]["exported"]) == ("SUCCEEDED", everything)


def test_missing_bucket_names_itself_and_apply_and_rerun_repair_it(stack: scenario.Stack, terraform: Terraform) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["bucket_name"]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=bucket)
    failed = export(stack, CRITICAL)
    assert (failed["status"], failed["error"]) == ("FAILED", "DestinationMissing")
    assert bucket in failed["cause"]

    terraform.apply("module.finding_export")
    done = export(stack, CRITICAL)
    assert done["status"] == "SUCCEEDED"
    assert subject.rows_and_findings(stack, done["output"]["run_id"])[0] == in_hub(stack)
