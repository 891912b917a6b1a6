"""Fixtures for tests of whole handlers: a source and a target in place of boto3's clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from common import clients
from protection.secret_replication import access

from .fakes import FakeSecrets

TARGETS: list[dict[str, Any]] = [
    {"name": "dr", "region": "eu-central-1", "secret_name_prefixes": ["prod/"], "kms_key_arn": None, "secret_tags": {}}
]


class FakeQueue:
    def __init__(self) -> None:
        self.sent: list[str] = []
        self.failing = False

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        assert QueueUrl == "https://queue"
        assert len(Entries) <= 10
        if self.failing:
            return {"Failed": [{"Id": "0", "Code": "InternalError"}]}
        self.sent += [json.loads(entry["MessageBody"])["repair"] for entry in Entries]
        return {}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made = SimpleNamespace(source=FakeSecrets(), replica=FakeSecrets("eu-central-1"), queue=FakeQueue())
    by_region = {None: made.source, "eu-central-1": made.replica}

    def client(service: str, region: str | None = None) -> Any:
        return made.queue if service == "sqs" else by_region[region]

    monkeypatch.setattr(clients, "client", client)
    monkeypatch.setenv("TARGETS", json.dumps(TARGETS))
    monkeypatch.setenv("QUEUE_URL", "https://queue")
    access.shared.cache_clear()
    yield made
    access.shared.cache_clear()


@pytest.fixture
def context() -> Any:
    return SimpleNamespace(aws_request_id="r", function_name="test-secret-replication")


def metrics(output: str) -> dict[str, float]:
    """Return the metrics in a handler's output."""
    found: dict[str, float] = {}
    for line in output.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            found |= {metric["Name"]: document[metric["Name"]][0] for metric in directive["Metrics"]}
    return found


def logged(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    """Return the fields of the log lines with this message."""
    return [vars(record) for record in caplog.records if record.getMessage() == message]
