"""secret_rotation_rules without one of its permissions: its part fails, and works again with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import REGION
from scenarios.posture import secret_rotation_rules as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("posture/secret_rotation_rules")

REPORTER = f"switchyard-secret-rotation-report-function-{REGION}"
AGGREGATOR = f"switchyard-secret-rotation-aggregator-{REGION}"


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


def test_a_notice_needs_the_topics_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    """EventBridge publishes by the topic's policy; what it cannot deliver goes to the rule's dead-letter queue."""
    sns, secrets, topic = cloud.client("sns"), cloud.client("secretsmanager"), stack.outputs["topic_arn"]
    policy = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    whole = json.loads(policy)
    denials = [statement for statement in whole["Statement"] if statement["Effect"] == "Deny"]
    assert len(denials) == len(whole["Statement"]) - 1
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({**whole, "Statement": denials})
    )
    try:
        refused = subject.put_secret(stack, "rotation-rules/without-permission")
        subject.becomes(stack, subject.ROTATION_RULE, refused, "NON_COMPLIANT")
    finally:
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    arn = subject.put_secret(stack, "rotation-rules/with-permission")
    wait_until("the notice", lambda: subject.notices_of(stack, arn))
    assert subject.notices_of(stack, refused) == []
    for one in (refused, arn):
        secrets.delete_secret(SecretId=one, ForceDeleteWithoutRecovery=True)


def test_the_report_says_how_far_it_reaches(stack: scenario.Stack) -> None:
    made = subject.make_report(stack, {})
    assert made["summary"]["places_not_read"] == 0
    assert made["summary"]["evaluated_percent"] is not None
    assert {one["source"] for one in made["coverage"]} == {"SUCCEEDED"}
