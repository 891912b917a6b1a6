"""The rule's function: one call for a message; refusals; what is retried."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from apps.iot_messaging import readings, store

from .conftest import CONTEXT, Client, failure

EVENT = {
    "payload": base64.b64encode(b'{"sensor_a0": 30.40}').decode(),
    "topic": "prod/prod-sensor-1/up/telemetry",
    "clientId": "prod-sensor-1",
    "traceId": "trace-1",
    "receivedAt": 1_764_358_200_123,
}
SETTINGS = store.Settings("messages", "https://queue", "prod", "prod_iot_messaging", 30, 8192)


def handle(monkeypatch: pytest.MonkeyPatch, dynamodb: Client, sqs: Client, **changed: Any) -> str:
    monkeypatch.setattr(store, "_conf", lambda: SETTINGS)
    monkeypatch.setattr("common.clients.client", lambda service, **_: {"dynamodb": dynamodb, "sqs": sqs}[service])
    return store.handler({**EVENT, **changed}, CONTEXT)["outcome"]


def test_a_message_takes_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    dynamodb, sqs = Client(put_item={}), Client()
    assert handle(monkeypatch, dynamodb, sqs) == "stored"
    ((name, arguments),) = dynamodb.calls
    assert (name, arguments["TableName"]) == ("put_item", "messages")
    assert arguments["ConditionExpression"] == "attribute_not_exists(thing)"
    assert arguments["Item"]["payload"] == {"M": {"sensor_a0": {"N": "30.40"}}}
    assert sqs.calls == []


def test_a_second_delivery_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert handle(monkeypatch, Client(put_item=failure("ConditionalCheckFailedException")), Client()) == "duplicate"


def test_a_malformed_message_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    dynamodb, sqs = Client(), Client(send_message={})
    assert handle(monkeypatch, dynamodb, sqs, payload=base64.b64encode(b"\xff{").decode()) == "refused"
    ((_, arguments),) = sqs.calls
    report = json.loads(arguments["MessageBody"])
    assert arguments["QueueUrl"] == "https://queue"
    assert base64.b64decode(report["base64OriginalPayload"]) == b"\xff{"
    assert report["failures"][0]["errorMessage"] == "The payload is not UTF-8."
    assert dynamodb.calls == []


def test_the_largest_payload_of_aws_iot_fits_into_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = Client(send_message={})
    handle(monkeypatch, Client(), sqs, payload=base64.b64encode(b"x" * 131072).decode())
    assert len(sqs.calls[0][1]["MessageBody"]) < 262144


def test_an_item_that_dynamodb_refuses_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = Client(send_message={})
    assert handle(monkeypatch, Client(put_item=failure("ValidationException")), sqs) == "refused"
    assert sqs.called == ["send_message"]


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError", "AccessDeniedException"])
def test_other_errors_are_left_to_lambda_s_retries(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    with pytest.raises(ClientError):
        handle(monkeypatch, Client(put_item=failure(code)), Client(send_message={}))
    with pytest.raises(ClientError):
        handle(monkeypatch, Client(), Client(send_message=failure(code)), payload="AA==")


def test_an_event_of_another_source_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(readings.NotARuleEvent):
        handle(monkeypatch, Client(), Client(), topic=EVENT["topic"], payload="no base64!")


def test_the_log_has_nothing_of_the_payload(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    handle(monkeypatch, Client(put_item={}), Client())
    assert "30.4" not in str([vars(line) for line in caplog.records])
