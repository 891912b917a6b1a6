"""secret_rotation_rules without one of its permissions: its part fails, and works again with it."""

from __future__ import annotations

from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios.posture import secret_rotation_rules as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("posture/secret_rotation_rules")

REPORTER = f"switchyard-secret-rotation-report-function-{REGION}"
NOTICES = f"switchyard-secret-rotation-notices-{REGION}"
AGGREGATOR = f"switchyard-secret-rotation-aggregator-{REGION}"
SECRET = "AWS::SecretsManager::Secret"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("secret_rotation_rules")
    return found


def test_the_report_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    wanted = ["ReadAggregator", "WriteReports", "EncryptReports", "TellTopic"]
    assert sids(cloud, REPORTER) == wanted
    for sid in wanted:
        with without(cloud, REPORTER, sid):
            assert subject.make_report(stack, {}).get("error"), f"works without {sid}"
    with without(cloud, AGGREGATOR, "ListAccounts", policy="organization"):
        assert subject.make_report(stack, {}).get("error")
    assert "error" not in subject.make_report(stack, {})


def test_a_notice_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    config, made = cloud.client("config"), []
    wanted = ["TellTopic", "EncryptNotices"]
    assert sids(cloud, NOTICES, "notices") == wanted

    def secret(name: str) -> str:
        made.append(subject.put_secret(stack, f"rotation-rules/without-{name}"))
        return made[-1]

    def failures(arn: str) -> list[str]:
        asked = {"ConfigRuleName": subject.ROTATION_RULE, "ResourceKeys": [{"resourceType": SECRET, "resourceId": arn}]}
        found = config.describe_remediation_execution_status(**asked)["RemediationExecutionStatuses"]
        return [step["ErrorMessage"] for one in found for step in one["StepDetails"] if one["State"] == "FAILED"]

    for sid, action in zip(wanted, ("sns:Publish", "kms:"), strict=True):
        with without(cloud, NOTICES, sid, policy="notices"):
            arn = secret(sid.lower())
            (why,) = wait_until("the refusal", lambda arn=arn: failures(arn))  # type: ignore[misc]
            assert action in why
        assert arn not in subject.notices(stack)
    arn = secret("none")
    wait_until("the notice", lambda: arn in subject.notices(stack))
    for arn in made:
        cloud.client("secretsmanager").delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_only_automation_assumes_the_notices_role(cloud: Cloud, stack: scenario.Stack) -> None:
    """Only Automation assumes the role: neither a user nor a function of the account can."""
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role/{NOTICES}"
    assert stack.outputs["notice_role_arn"] == arn
    with pytest.raises(Exception, match="AccessDenied"):
        cloud.client("sts", attempts=1).assume_role(RoleArn=arn, RoleSessionName="me")
