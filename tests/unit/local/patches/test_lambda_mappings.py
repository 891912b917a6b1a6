"""Event source mappings of streams: what an answer means, and where the record of a lost batch goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ministack.services import cloudwatch

from local.patches import lambda_mappings as subject

REPORTS = {"UUID": "1", "FunctionResponseTypes": ["ReportBatchItemFailures"]}
SOURCE = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"
ERROR = {"error": True}
Calls = list[tuple[str, dict[str, Any]]]


def answer(*identifiers: Any) -> dict[str, Any]:
    return {"body": {"batchItemFailures": [{"itemIdentifier": one} for one in identifiers]}}


@pytest.mark.parametrize(
    ("result", "handled"),
    [
        (answer(), 3),
        ({"body": None}, 3),
        ({"body": {}}, 3),
        ({"body": {"batchItemFailures": None}}, 3),
        ({"body": json.dumps(answer("2")["body"])}, 1),
        (answer("3", "2"), 1),
        (answer("1"), 0),
        (answer(""), None),
        (answer(None), None),
        (answer("7"), None),
        ({"body": {"batchItemFailures": [{"ItemIdentifier": "2"}]}}, None),
        ({"body": {"batchItemFailures": [{}]}}, None),
        ({"body": {"batchItemFailures": "2"}}, None),
        (ERROR, None),
    ],
)
def test_what_an_answer_means(result: dict[str, Any], handled: int | None) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html."""
    assert subject.handled(REPORTS, ["1", "2", "3"], result) == handled


def test_without_reports_an_answer_is_success() -> None:
    assert subject.handled({}, ["1", "2"], answer("1")) == 2


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[bool, Calls]]:
    """Return a function that gives a batch up. It returns what was answered, and the calls and metrics of it."""

    def run(target: str = "", refuses: str = "") -> tuple[bool, Calls]:
        calls: Calls = []

        class Api:
            def __init__(self, service: str, region: str, credentials: Any) -> None:
                calls.append((service, {"region": region, "as": credentials}))

            def __getattr__(self, operation: str) -> Callable[..., None]:
                def call(**arguments: Any) -> None:
                    calls.append((operation, arguments))
                    if operation == refuses:
                        raise PermissionError(operation)

                return call

        def record_metric(namespace: str, name: str, value: float, unit: str, dimensions: dict[str, str]) -> None:
            calls.append((f"{namespace} {name}", dimensions))

        monkeypatch.setattr(subject, "client", Api)
        monkeypatch.setattr(subject, "role_session", lambda role, session, service: (role, service))
        monkeypatch.setattr(cloudwatch, "record_metric", record_metric)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        mapping = {"UUID": "u", "EventSourceArn": SOURCE, "FunctionArn": "arn:f", "FunctionName": "f"}
        mapping["DestinationConfig"] = {"OnFailure": {"Destination": target}} if target else {}  # type: ignore[assignment]
        return subject.give_up(mapping, "role", 3, ERROR, {"Info": {"batchSize": 2}}, "payload", "shard-1"), calls

    return run


def check(text: str | bytes, **more: Any) -> None:
    """Compare a record with what Lambda's documentation shows."""
    record = json.loads(text)
    assert record["requestContext"].pop("requestId")
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "requestContext": {
            "functionArn": "arn:f",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "Info": {"batchSize": 2},
        **more,
    }


def test_a_queue_gets_the_record_without_the_payload(lose: Any) -> None:
    delivered, ((service, made), (operation, sent)) = lose("arn:aws:sqs:eu-central-1:222222222222:q")
    assert (delivered, service, operation) == (True, "sqs", "send_message")
    assert made == {"region": "eu-central-1", "as": ("role", "lambda.amazonaws.com")}
    assert sent["QueueUrl"] == "http://127.0.0.1:1/222222222222/q"
    check(sent["MessageBody"])


def test_so_does_a_topic(lose: Any) -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:t"
    delivered, ((service, _), (operation, sent)) = lose(topic)
    assert (delivered, service, operation, sent["TopicArn"]) == (True, "sns", "publish", topic)
    check(sent["Message"])


def test_a_bucket_gets_the_payload_too(lose: Any) -> None:
    delivered, ((service, made), looked, (operation, written)) = lose("arn:aws:s3:::lost")
    assert (delivered, service, made["region"], operation) == (True, "s3", "eu-west-1", "put_object")
    assert looked == ("head_bucket", {"Bucket": "lost"})
    assert written["Key"].startswith("aws/lambda/u/shard-1/2")
    check(written["Body"], payload="payload")


def test_without_a_destination_the_batch_is_dropped(lose: Any) -> None:
    assert lose() == (False, [])


def test_what_cannot_be_sent_is_counted(lose: Any) -> None:
    delivered, calls = lose("arn:aws:s3:::lost", refuses="head_bucket")
    assert not delivered
    assert calls[2:] == [("AWS/Lambda DestinationDeliveryFailures", {"FunctionName": "f"})]


def test_times_are_those_of_the_records() -> None:
    assert subject.moment(1573689486.835) == "2019-11-13T23:58:06.835Z"
    assert subject.moment(1573689486, "seconds") == "2019-11-13T23:58:06Z"
