"""A table, and a Lambda context."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from common import observability
from identity.user_directory import aws


@dataclasses.dataclass
class Context:
    """The attributes of the context that handlers read."""

    aws_request_id: str = "request-1"
    function_name: str = "the-function"


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context, and give the test its own logger: Python keeps loggers, with their first standard output."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", str(uuid.uuid4()))
    observability.logger.cache_clear()
    return Context()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    made = aws.client
    with mock_aws():
        made.cache_clear()
        yield
    made.cache_clear()


@pytest.fixture
def table(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Create the table `codes`. Return the DynamoDB client."""
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="codes",
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    monkeypatch.setenv("TABLE", "codes")
    return client
