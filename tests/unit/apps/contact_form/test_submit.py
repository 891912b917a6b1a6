"""What the API answers: a ticket only if there is one, and never anything of the inside."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from apps.contact_form import submit
from apps.contact_form.submit import Settings

from .conftest import Printed

MACHINE = "arn:aws:states:eu-central-1:111122223333:stateMachine:contact"
OUTPUT = {"ticketId": "jc4t8iab", "sentiment": "NEGATIVE", "language": "en"}
# https://github.com/aws/aws-cdk/issues/19254: what Step Functions answers with HTTP 200.
FAILED = {
    "executionArn": "arn:aws:states:eu-central-1:111122223333:express:contact:a:b",
    "status": "FAILED",
    "error": "Lambda.TooManyRequestsException",
    "cause": "the secret cause",
    "input": '{"message":"hi"}',
}


class Workflow:
    """Step Functions with one answer, or one error."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.calls = answer, []  # type: ignore[var-annotated]

    def start_sync_execution(self, **arguments: Any) -> Any:
        self.calls.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def succeeded(output: Any) -> dict[str, Any]:
    return {**FAILED, "status": "SUCCEEDED", "output": output if isinstance(output, str) else json.dumps(output)}


def call(monkeypatch: pytest.MonkeyPatch, workflow: Workflow, form: Any = None, **event: Any) -> dict[str, Any]:
    monkeypatch.setattr(submit, "_conf", lambda: Settings(MACHINE, 5000, event.pop("client_ids", [])))
    monkeypatch.setattr("common.clients.client", lambda *_, **__: workflow)
    sent = {
        "headers": {"content-type": "application/json; charset=utf-8"},
        "body": json.dumps({"message": "This is bad service"} if form is None else form),
        **event,
    }
    answer = submit.handler(sent, SimpleNamespace(aws_request_id="r"))
    return {**answer, "body": json.loads(answer["body"])}


def error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "x")


def test_a_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = Workflow(succeeded(OUTPUT))
    answer = call(monkeypatch, workflow)
    assert (answer["statusCode"], answer["body"]) == (200, OUTPUT)
    (sent,) = workflow.calls
    assert sent["stateMachineArn"] == MACHINE
    given = json.loads(sent["input"])
    assert given["message"] == given["sample"] == "This is bad service"
    assert sent["name"] == given["requestId"]


@pytest.mark.parametrize(
    ("record", "status", "reason"),
    [
        (FAILED, 502, "failed"),
        ({**FAILED, "status": "TIMED_OUT"}, 504, "failed"),
        ({**FAILED, "status": "RUNNING"}, 502, "failed"),
        ({**FAILED, "error": "RequestConflict"}, 422, "key_reused"),
        ({}, 502, "failed"),
        ({**FAILED, "output": json.dumps(OUTPUT)}, 502, "failed"),  # failed, whatever its output
        (succeeded("no JSON"), 502, "failed"),
        (succeeded("null"), 502, "failed"),
        (succeeded([]), 502, "failed"),
        (succeeded({}), 502, "failed"),
        (succeeded({**OUTPUT, "ticketId": None}), 502, "failed"),
        (succeeded({**OUTPUT, "ticketId": ""}), 502, "failed"),
        (succeeded({**OUTPUT, "ticketId": MACHINE}), 502, "failed"),
        ({**FAILED, "status": "SUCCEEDED"}, 502, "failed"),
        ({**FAILED, "status": "SUCCEEDED", "output": None}, 502, "failed"),
    ],
)
def test_no_ticket(monkeypatch: pytest.MonkeyPatch, printed: Printed, record: Any, status: int, reason: str) -> None:
    answer = call(monkeypatch, Workflow(record))
    assert (answer["statusCode"], answer["body"]["reason"]) == (status, reason)
    shown = json.dumps(answer["body"]) + printed()
    assert not any(inside in shown for inside in ("arn:", "111122223333", "secret", "bad service"))


def test_only_the_ticket_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = call(monkeypatch, Workflow(succeeded({**OUTPUT, "message": "hi", "arn": MACHINE})))
    assert answer["body"] == OUTPUT


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (error("ThrottlingException", 400), 503),
        (error("InternalFailure", 500), 503),
        (ReadTimeoutError(endpoint_url="https://secret"), 503),
        (error("StateMachineDoesNotExist", 400), 500),
        (error("AccessDeniedException", 400), 500),
    ],
)
def test_a_workflow_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, printed: Printed, failure: Exception, status: int
) -> None:
    answer = call(monkeypatch, Workflow(failure))
    assert answer["statusCode"] == status
    assert ("Retry-After" in answer["headers"]) == (status == 503)
    assert "secret" not in json.dumps(answer) + printed()


def test_an_error_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        call(monkeypatch, Workflow(ZeroDivisionError()))


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"headers": {"Content-Type": "text/plain"}}, 415),
        ({"headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
        ({"headers": None}, 415),
        ({"body": "{"}, 400),
        ({"body": "[]"}, 400),
        ({"body": None}, 400),
        ({"body": "[" * 100_000}, 400),
        ({"body": json.dumps({"message": "x" * 1_000_000})}, 400),
        ({"body": json.dumps({"message": "\U0001f600" * 250_000})}, 400),
        ({"body": "!", "isBase64Encoded": True}, 400),
        ({"headers": {"content-type": "application/json", "idempotency-key": "short"}}, 400),
        ({"client_ids": ["mine"], "requestContext": {"authorizer": {"claims": {"client_id": "other"}}}}, 403),
        ({"client_ids": ["mine"]}, 403),
    ],
)
def test_refused_before_the_workflow(monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], status: int) -> None:
    workflow = Workflow(succeeded(OUTPUT))
    assert call(monkeypatch, workflow, **event)["statusCode"] == status
    assert workflow.calls == []


def test_fields_that_are_wrong_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = call(monkeypatch, Workflow(None), {"message": "", "email": "x"})
    assert (answer["statusCode"], set(answer["body"]["errors"])) == (400, {"message", "email"})


def test_the_honeypot(monkeypatch: pytest.MonkeyPatch, printed: Printed) -> None:
    answer = call(monkeypatch, Workflow(None), {"message": "Hello", "website": "x"})
    assert (answer["statusCode"], answer["body"]["reason"]) == (400, "refused")
    assert '"HoneypotHits"' in printed()


def test_the_own_app_client_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = {"requestContext": {"authorizer": {"claims": {"client_id": "mine"}}}}
    assert call(monkeypatch, Workflow(succeeded(OUTPUT)), client_ids=["mine"], **claims)["statusCode"] == 200


def test_a_key_in_any_spelling_of_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    for header in ("Idempotency-Key", "idempotency-key"):
        workflow = Workflow(succeeded(OUTPUT))
        call(monkeypatch, workflow, headers={"Content-Type": "application/json", header: "k" * 20})
        names.append(workflow.calls[0]["name"])
    assert names[0] == names[1]


def test_nothing_of_the_visitor_is_logged(monkeypatch: pytest.MonkeyPatch, printed: Printed) -> None:
    for record in (succeeded(OUTPUT), FAILED):
        call(monkeypatch, Workflow(record), {"message": "private", "name": "Ann", "email": "ann@example.org"})
    call(monkeypatch, Workflow(None), {"message": "private", "email": "ann@example"})
    assert not any(word in printed() for word in ("private", "Ann", "example"))
