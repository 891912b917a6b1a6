"""Events of Lex, and tables and a queue in moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from apps.training_feedback import hook

SESSION = "eu-west-1:7f3b8a10-0000-4000-8000-000000000000.a1b2c3d4"
LEVELS = ["beginner", "intermediate", "advanced"]


def slot(value: str) -> dict[str, Any]:
    """Return a slot as Lex keeps it."""
    return {"value": {"originalValue": value, "interpretedValue": value, "resolvedValues": [value]}, "shape": "Scalar"}


def turn(intent: str, *, fulfilment: bool = False, locale: str = "en_US", **more: Any) -> dict[str, Any]:
    """Return an event of the code hook. `slots` are texts, `attributes` those of the session."""
    slots = {name: None if value is None else slot(value) for name, value in more.get("slots", {}).items()}
    return {
        "messageVersion": "1.0",
        "invocationSource": "FulfillmentCodeHook" if fulfilment else "DialogCodeHook",
        "inputMode": "Text",
        "responseContentType": "text/plain; charset=utf-8",
        "sessionId": more.get("session", SESSION),
        "inputTranscript": "secret words",
        "bot": {"id": "B", "name": "b", "localeId": locale, "version": "1", "aliasId": "A", "aliasName": "live"},
        "interpretations": [],
        "requestAttributes": {},
        "sessionState": {
            "activeContexts": [],
            "sessionAttributes": more.get("attributes", {}),
            "intent": {"name": intent, "slots": slots, "state": "InProgress", "confirmationState": "None"},
            "originatingRequestId": "r",
        },
        "transcriptions": [],
        "a field of next year": True,
    }


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A session with both tables and the queue."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        for table, keys in {"material": ("topic", "level"), "learners": ("learner", "topic")}.items():
            session.client("dynamodb").create_table(
                TableName=table,
                KeySchema=[
                    {"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        session.client("sqs").create_queue(QueueName="feedback")
        yield session


@pytest.fixture
def bot(aws: Any) -> hook.Hook:
    """The hook, with material."""
    items = [
        {"topic": "alarm limits", "level": "beginner", "title": "Alarm limits", "text": "Press Limits."},
        {"topic": "alarm limits", "level": "advanced", "text": "Export profiles.", "url": "https://example.com/x"},
        {"topic": "infusion pump", "level": "advanced", "text": "Calibrate."},
        {"topic": "empty", "level": "beginner", "text": " "},
    ]
    for item in items:
        aws.client("dynamodb").put_item(TableName="material", Item={name: {"S": value} for name, value in item.items()})
    # An item that no author meant: without a text, and with a title that is a number.
    odd = {"topic": {"S": "infusion pump"}, "level": {"S": "beginner"}, "title": {"N": "5"}}
    aws.client("dynamodb").put_item(TableName="material", Item=odd)
    url = aws.client("sqs").get_queue_url(QueueName="feedback")["QueueUrl"]
    conf = hook.Settings("material", "learners", url, ["alarm limits", "infusion pump"], LEVELS, 30)
    return hook.Hook(aws.client("dynamodb"), aws.client("sqs"), conf)
