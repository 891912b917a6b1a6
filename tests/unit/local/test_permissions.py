"""What service principals present to the policies of resources, keys and roles."""

from __future__ import annotations

from typing import Any

import pytest

from local.permissions import service_may
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
