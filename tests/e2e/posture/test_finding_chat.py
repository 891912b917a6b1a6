"""finding_chat's function without one of its permissions; its messages are delivered again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from scenarios import security_hub as hub
from scenarios.posture import finding_chat as subject
from tests.e2e import permissions
from tests.e2e.conftest import only_with

pytestmark = only_with("posture/finding_chat")

FINDING = f"{subject.IDS}permissions"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("finding_chat")
    return found


def call(stack: scenario.Stack, body: str) -> dict[str, Any]:
    """Return the function's answer to one message, or its error."""
    event = {"Records": [{"messageId": "one", "body": body}]}
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs["function_name"], Payload=json.dumps(event))
    made: dict[str, Any] = json.load(answer["Payload"])
    return made


def reading(functions: Any, name: str) -> str:
    """Return the result of Lambda's last attempt to read the function's queue."""
    return str(
        functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"][0]["LastProcessingResult"]
    )


def message(finding: dict[str, Any]) -> str:
    return json.dumps({"detail-type": "Security Hub Findings - Imported", "detail": {"findings": [finding]}})


def test_each_permission_is_needed(cloud: Cloud, stack: scenario.Stack) -> None:
    functions, api = stack.client("lambda"), stack.client("securityhub")
    name = stack.outputs["function_name"]
    role = functions.get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    finding = hub.finding(FINDING, "HIGH")  # The severity rule does not match it.
    hub.load(api, [finding])
    try:
        for sid in permissions.sids(cloud, role):
            with permissions.without(cloud, role, sid):
                if sid == "ReadQueue":  # Lambda uses it to read the queue for the function.
                    wait_until("the refusal", lambda: "sqs:ReceiveMessage" in reading(functions, name))
                    continue
                assert "not authorized" in call(stack, message(finding)).get("errorMessage", ""), sid
            assert subject.status(api, FINDING) == {FINDING: "NEW"}
        assert call(stack, message(finding)) == {"batchItemFailures": []}
        assert subject.status(api, FINDING) == {FINDING: "NOTIFIED"}
    finally:
        hub.archive(api, FINDING)


def test_a_message_of_another_kind_is_refused_and_changes_nothing(stack: scenario.Stack) -> None:
    refused = {"batchItemFailures": [{"itemIdentifier": "one"}]}
    assert call(stack, json.dumps({"detail-type": "Scheduled Event", "detail": {}})) == refused
