"""contact_form without one permission at a time, and what a failed workflow looks like from outside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import REGION
from scenarios.apps import contact_form as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("apps/contact_form")

COMPLAINT = "This is bad service"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("contact_form")
    return found


def role(name: str) -> str:
    kind = "states" if name == "workflow" else "function"
    return f"switchyard-contact-form{'' if name == 'workflow' else f'-{name}'}-{kind}-{REGION}"


def alert(stack: scenario.Stack, ticket_id: str) -> dict[str, Any]:
    """Return the answer of the alert function to an operator who names a ticket."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"]["alert"], Payload=json.dumps({"ticketIds": [ticket_id]})
    )
    made: dict[str, Any] = json.load(answer["Payload"])
    return made


def test_submissions_need_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, role("submit")) == ["RunWorkflow"]
    with without(cloud, role("submit"), "RunWorkflow"):
        assert subject.send(stack, {"message": COMPLAINT})[0] == 500
    assert sids(cloud, role("ticket")) == ["StoreTickets"]
    since = subject.all_tickets(stack)
    with without(cloud, role("ticket"), "StoreTickets"):
        status, answer = subject.send(stack, {"message": COMPLAINT})
        assert (status, answer) == (
            502,
            {"message": "Your message was not stored. Send it again in a moment.", "reason": "failed"},
        )
    assert sids(cloud, role("workflow")) == ["AnalyseText", "StoreTicket"]
    with without(cloud, role("workflow"), "StoreTicket"):
        assert subject.send(stack, {"message": COMPLAINT})[0] == 502
    assert subject.all_tickets(stack) == since
    assert subject.send(stack, {"message": COMPLAINT})[1]["sentiment"] == "NEGATIVE"


def test_a_message_is_kept_when_comprehend_refuses(cloud: Cloud, stack: scenario.Stack) -> None:
    with without(cloud, role("workflow"), "AnalyseText"):
        status, answer = subject.send(stack, {"message": COMPLAINT})
    assert (status, answer["sentiment"], answer["language"]) == (200, "UNKNOWN", "unknown")
    item = subject.ticket(stack, answer["ticketId"])
    assert (item["sentimentReason"]["S"], item["alert"]["BOOL"]) == ("detect_language_failed", False)


def test_alerts_need_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    wanted = ["ReadAndMarkTickets", "SendMail", "ReadStream", "ListStreams", "KeepFailures"]
    assert sids(cloud, role("alert")) == wanted
    # Praise is not reported by the stream: only the calls below read it.
    made = subject.send(stack, {"message": "Great service, thank you"})[1]["ticketId"]
    with without(cloud, role("alert"), "ReadAndMarkTickets"):
        assert "not authorized" in alert(stack, made).get("errorMessage", "")
    with without(cloud, role("alert"), "SendMail"):
        assert alert(stack, made) == {"outcomes": {"refused": 1}}
    assert made not in subject.mails(stack)
    assert alert(stack, made) == {"outcomes": {"sent": 1}}
    assert alert(stack, made) == {"outcomes": {"duplicate": 1}}
    assert len(subject.mails(stack)[made]) == 1
    functions, name = stack.client("lambda"), stack.outputs["function_names"]["alert"]
    mapping = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"][0]

    def reading() -> str:
        return str(functions.get_event_source_mapping(UUID=mapping["UUID"])["LastProcessingResult"])

    with without(cloud, role("alert"), "ReadStream"):
        late = subject.send(stack, {"message": COMPLAINT})[1]["ticketId"]
        wait_until("the refusal", lambda: "dynamodb:" in reading(), 30)
        assert late not in subject.mails(stack)
    subject.alerted(stack, [late])
    assert len(subject.mails(stack)[late]) == 1


def test_start_sync_execution_as_documented(stack: scenario.Stack) -> None:
    """Step Functions answers 200 with FAILED inside: the reason that `submit` is in between."""
    states = stack.client("stepfunctions")
    record = states.start_sync_execution(stateMachineArn=stack.outputs["state_machine_arn"], input='{"message": "hi"}')
    assert record["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert record["status"] == "FAILED"
    assert "output" not in record
    assert ":express:" in record["executionArn"]
