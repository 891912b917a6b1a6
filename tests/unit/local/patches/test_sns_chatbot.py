"""What SNS posts to Chatbot's address, and nothing else, reaches this cloud's Chatbot."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from local.patches import sns_chatbot
from local.services.chatbot import models

TOPIC = "arn:aws:sns:eu-west-1:123456789012:told"


class Backend:
    def __init__(self, account: str, received: list[Any]) -> None:
        self.account, self.received = account, received

    def receive(self, topic: str, message: str) -> None:
        self.received.append((self.account, topic, message))


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []
    monkeypatch.setattr(models, "backend", lambda account: Backend(account, made))
    return made


def post(endpoint: str) -> list[Any]:
    """Return the arguments with which MiniStack's own function is called."""
    posted: list[Any] = []

    async def original(endpoint: str, payload: str) -> None:
        posted.append((endpoint, payload))

    payload = json.dumps({"TopicArn": TOPIC, "Message": "hello"})
    asyncio.run(sns_chatbot.deliver_to_http(original, endpoint, payload))
    return posted


def test_chatbot_receives_what_is_posted_to_it(received: list[Any]) -> None:
    assert post(models.ENDPOINT) == []
    assert received == [("123456789012", TOPIC, "hello")]


def test_another_endpoint_is_posted_to_as_before(received: list[Any]) -> None:
    ((endpoint, payload),) = post("https://example.com/hook")
    assert (endpoint, json.loads(payload)["Message"]) == ("https://example.com/hook", "hello")
    assert received == []
