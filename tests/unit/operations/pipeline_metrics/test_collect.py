"""Batches become one object for each day, the same one each time; what is no event comes back, and only that."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from common import clients
from operations.pipeline_metrics import collect
from tests.unit.operations.pipeline_metrics.events import alarm, event

ENVIRONMENT = {
    "BUCKET": "records",
    "BUCKET_OWNER": "111122223333",
    "KMS_KEY_ARN": "arn:aws:kms:eu-central-1:111122223333:key/k",
    "INCIDENT_ALARMS": '{"shop-errors": "shop"}',
}
CONTEXT = SimpleNamespace(aws_request_id="r")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """An S3 client that answers only the calls that a test expects."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    client: Any = boto3.client("s3", "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    monkeypatch.setattr(clients, "client", {"s3": client}.__getitem__)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def batch(*bodies: Any) -> dict[str, Any]:
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {"Records": [{"messageId": str(number), "body": text} for number, text in enumerate(texts)]}


def expect(stub: Stubber, sent: list[dict[str, Any]]) -> None:
    """Expect a PutObject, and keep its parameters."""
    stub.add_response("put_object", {}, dict.fromkeys(PUT, ANY))
    stub.client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: sent.append(dict(params))
    )


PUT = ("Bucket", "Key", "Body", "ContentType", "ServerSideEncryption", "SSEKMSKeyId", "ExpectedBucketOwner")


def test_a_batch_is_one_object_whatever_its_order(s3: Stubber) -> None:
    sent: list[dict[str, Any]] = []
    events = [event("pipeline", "STARTED", "10:00:00"), event("stage", "STARTED", "10:00:01"), alarm("OK", "11:00:00")]
    for bodies in (events, events[::-1] + events):
        expect(s3, sent)
        assert collect.handler(batch(*bodies), CONTEXT) == {"batchItemFailures": []}
    assert sent[0] == sent[-1]
    assert sent[0]["Key"].startswith("records/dt=2026-11-23/events-")
    assert ":" not in sent[0]["Key"], "the source's keys had colons, and two events could share a microsecond"
    assert len(gzip.decompress(sent[0]["Body"]).splitlines()) == 3
    assert (sent[0]["ServerSideEncryption"], sent[0]["ExpectedBucketOwner"]) == ("aws:kms", "111122223333")


def test_days_are_those_of_the_events(s3: Stubber) -> None:
    sent: list[dict[str, Any]] = []
    times = ("2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z")
    s3.add_response("put_object", {}, dict.fromkeys(PUT, ANY))
    expect(s3, sent)
    collect.handler(batch(*(event("pipeline", "STARTED", time, execution=time) for time in times)), CONTEXT)
    assert [put["Key"][:22] for put in sent] == ["records/dt=2026-11-22/", "records/dt=2026-11-23/"]


def test_what_is_no_event_comes_back_and_the_rest_is_written(s3: Stubber) -> None:
    sent: list[dict[str, Any]] = []
    expect(s3, sent)
    nested = "[" * 100_000
    answer = collect.handler(batch("{", event("pipeline", "STARTED", "10:00:00"), nested, "null"), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": name} for name in ("0", "2", "3")]}
    assert len(sent) == 1


def test_nothing_is_written_of_nothing(s3: Stubber) -> None:
    assert collect.handler(batch("{"), CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "0"}]}


def test_a_refusal_fails_the_batch(s3: Stubber) -> None:
    s3.add_client_error("put_object", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        collect.handler(batch(event("pipeline", "STARTED", "10:00:00")), CONTEXT)


def test_the_log_has_a_line_for_each_record(s3: Stubber, caplog: pytest.LogCaptureFixture) -> None:
    sent: list[dict[str, Any]] = []
    expect(s3, sent)
    failed = event("action", "FAILED", "10:00:00")
    with caplog.at_level("INFO"):
        collect.handler(batch(failed, failed), CONTEXT)
    lines = [vars(line) for line in caplog.records if line.message == collect.RECORD]
    shown = [(line["level_of"], line["pipeline"], line["state"], line["at"]) for line in lines]
    assert shown == [("action", "shop", "FAILED", "2026-11-23T10:00:00.000Z")]
