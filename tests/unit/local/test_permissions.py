"""What service principals present to the policies of resources, keys and roles."""

from __future__ import annotations

from typing import Any

import pytest

from local.permissions import service_may, trusts
from local.settings import ACCOUNT_ID, REGION

RULE = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/notices"
EVENTS = "events.amazonaws.com"
SOURCE = {"ArnLike": {"aws:SourceArn": RULE}}
SOURCE_ACCOUNT = {"StringEquals": {"aws:SourceAccount": ACCOUNT_ID}}
NO_SOURCE = {"Null": {"aws:SourceArn": "true", "aws:SourceAccount": "true"}}


def refusal(service: str, action: str, condition: dict[str, Any]) -> str:
    """Why a resource's policy with this condition does not let the service act for the rule; empty when it does."""
    resource = f"arn:aws:{action.split(':')[0]}:{REGION}:{ACCOUNT_ID}:there"
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, **({"Condition": condition} if condition else {})}]}
    return service_may(service, action, resource, policy, RULE, ACCOUNT_ID, REGION)


@pytest.mark.parametrize("condition", [SOURCE, SOURCE_ACCOUNT])
def test_eventbridge_presents_no_source_to_a_topic(condition: dict[str, Any]) -> None:
    assert "does not let events.amazonaws.com do sns:Publish" in refusal(EVENTS, "sns:Publish", condition)
    assert refusal(EVENTS, "sns:Publish", NO_SOURCE) == ""
    assert refusal(EVENTS, "sns:Publish", {}) == ""


@pytest.mark.parametrize("condition", [SOURCE, SOURCE_ACCOUNT])
@pytest.mark.parametrize(
    ("service", "action"),
    [
        (EVENTS, "sqs:SendMessage"),
        (EVENTS, "lambda:InvokeFunction"),
        ("cloudwatch.amazonaws.com", "sns:Publish"),
    ],
)
def test_others_present_resource_and_account(service: str, action: str, condition: dict[str, Any]) -> None:
    assert refusal(service, action, condition) == ""
    assert refusal(service, action, {"StringEquals": {"aws:SourceAccount": "999999999999"}})
    assert refusal(service, action, NO_SOURCE)


GROUP = f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule-group/default"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:m"
AUTOMATION = f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:automation-execution/a"
CONFIG = f"arn:aws:config:{REGION}:{ACCOUNT_ID}:*"


def trust(service: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    merged = {operator: keys for condition in conditions for operator, keys in condition.items()}
    return {"Version": "2012-10-17", "Statement": [{**statement, **({"Condition": merged} if merged else {})}]}


@pytest.mark.parametrize(
    ("service", "source"),
    [
        ("config.amazonaws.com", CONFIG),
        (EVENTS, RULE),
        ("scheduler.amazonaws.com", GROUP),
        ("ssm.amazonaws.com", AUTOMATION),
        ("states.amazonaws.com", MACHINE),
    ],
)
def test_a_role_is_assumed_for_its_resource_and_account_only(service: str, source: str) -> None:
    bound = trust(service, {"ArnLike": {"aws:SourceArn": source}}, SOURCE_ACCOUNT)
    assert trusts(bound, service, source, ACCOUNT_ID)
    assert not trusts(bound, service, source.replace(REGION, "us-east-2"), ACCOUNT_ID)
    assert not trusts(bound, service, source, "999999999999")
    assert not trusts(bound, service)
    assert not trusts(bound, "lambda.amazonaws.com", source, ACCOUNT_ID)
    assert not trusts(trust(service, {"StringEquals": {"sts:ExternalId": "x"}}), service, source, ACCOUNT_ID, "x")


@pytest.mark.parametrize("service", ["firehose.amazonaws.com", "cognito-idp.amazonaws.com"])
def test_an_external_id_must_be_the_one_presented(service: str) -> None:
    bound = trust(service, {"StringEquals": {"sts:ExternalId": "x"}})
    assert trusts(bound, service, external_id="x")
    assert not trusts(bound, service, external_id="y")
    assert not trusts(bound, service)


@pytest.mark.parametrize("service", ["lambda.amazonaws.com", "chatbot.amazonaws.com", "firehose.amazonaws.com"])
def test_what_a_service_does_not_present_meets_no_condition(service: str) -> None:
    assert trusts(trust(service), service, RULE, ACCOUNT_ID)
    for condition in (SOURCE, SOURCE_ACCOUNT):
        assert not trusts(trust(service, condition), service, RULE, ACCOUNT_ID)


def test_a_deny_wins() -> None:
    document = trust(EVENTS)
    document["Statement"].append({**document["Statement"][0], "Effect": "Deny", "Condition": SOURCE_ACCOUNT})
    assert trusts(document, EVENTS)
    assert not trusts(document, EVENTS, RULE, ACCOUNT_ID)
