"""Batches of imported-findings events from SQS."""

import gzip
import json
from types import SimpleNamespace
from typing import Any

import pytest

from common import clients, observability
from posture.finding_export import continuous
from posture.finding_export.errors import DestinationMissing

from .fakes import Cloud, aws_error, finding

CONTEXT = SimpleNamespace(aws_request_id="r")


def message(number: int, *found: Any, time: str = "2026-11-20T12:00:00Z", **more: Any) -> dict[str, Any]:
    body = {
        "detail-type": "Security Hub Findings - Imported",
        "source": "aws.securityhub",
        "time": time,
        "detail": {"findings": list(found)},
    }
    return {"messageId": f"m-{number}", "body": json.dumps(body), **more}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Cloud:
    cloud = Cloud([])
    monkeypatch.setenv("BUCKET", "findings")
    # A name of its own: Python keeps loggers by name, with the standard output that they began with.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", request.node.name)
    observability.logger.cache_clear()
    monkeypatch.setattr(clients, "client", cloud.client)
    return cloud


def records(cloud: Cloud) -> list[dict[str, Any]]:
    return [json.loads(line) for body in cloud.objects.values() for line in gzip.decompress(body).splitlines()]


def call(*messages: dict[str, Any]) -> Any:
    return continuous.handler({"Records": list(messages)}, CONTEXT)


def test_one_object_for_a_batch_with_every_finding_of_every_event(cloud: Cloud) -> None:
    later = "2026-11-21T00:00:05Z"
    answer = call(message(1, finding(1), finding(2)), message(2, finding(3), time=later))
    assert answer == {"batchItemFailures": []}
    assert [(line["Id"], line["ExportRunId"], line["ExportedAt"]) for line in records(cloud)] == [
        ("finding-1", "continuous", "2026-11-20T12:00:00.000Z"),
        ("finding-2", "continuous", "2026-11-20T12:00:00.000Z"),
        ("finding-3", "continuous", "2026-11-21T00:00:05.000Z"),
    ]
    # printf 'm-1\nm-2' | sha256sum
    (key,) = cloud.objects
    assert key == "findings/dt=2026-11-20/continuous-4221f5d04c26d00f.ndjson.gz"


def test_batch_delivered_again_in_another_order_overwrites_itself(cloud: Cloud) -> None:
    one, two = message(1, finding(1)), message(2, finding(2))
    call(one, two)
    before = dict(cloud.objects)
    call(two, one)
    assert cloud.objects == before
    assert cloud.calls["PutObject"] == 2


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "[]",
        "5",
        json.dumps({"time": "2026-11-20T12:00:00Z", "detail": {}}),
        json.dumps({"time": "2026-11-20T12:00:00Z", "detail": {"findings": []}}),
        json.dumps({"time": "2026-11-20T12:00:00Z", "detail": {"findings": [1]}}),
        json.dumps({"time": "noon", "detail": {"findings": [{}]}}),
        json.dumps({"detail": {"findings": [{}]}}),
    ],
)
def test_malformed_messages_alone_are_reported(cloud: Cloud, body: str) -> None:
    answer = call({"messageId": "bad", "body": body}, message(1, finding(1)))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert [line["Id"] for line in records(cloud)] == ["finding-1"]


def test_nothing_usable_puts_nothing(cloud: Cloud) -> None:
    assert call({"messageId": "bad", "body": "x"}) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert cloud.calls.total() == 0


def test_failed_put_fails_the_whole_batch(cloud: Cloud) -> None:
    def put_object(**arguments: Any) -> None:
        raise aws_error("s3", "NoSuchBucket")

    cloud.client("s3").put_object = put_object
    with pytest.raises(DestinationMissing):
        call(message(1, finding(1)), {"messageId": "bad", "body": "x"})


def test_findings_are_never_logged(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    call(message(1, finding(1, Title="SECRET")), {"messageId": "bad", "body": "SECRET"})
    out = capsys.readouterr().out
    assert "m-1" not in out
    assert '"message_id":"bad"' in out
    assert "SECRET" not in out
