"""Streams to Lambda: how a batch is split, where a mapping begins; registered consumers."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.patches import kinesis as consumers
from local.patches import lambda_kinesis as subject
from local.settings import ACCOUNT_ID, REGION

BISECTS = {
    "UUID": "1",
    "EventSourceArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT_ID}:stream/s",
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "BisectBatchOnFunctionError": True,
    "MaximumRetryAttempts": 1,
}
ERROR = {"error": True}
RECORD = {"PartitionKey": "p", "Data": "e30="}
FIVE = [{"SequenceNumber": f"{n:030d}", "ApproximateArrivalTimestamp": float(n), **RECORD} for n in range(1, 6)]


def answer(*identifiers: Any) -> dict[str, Any]:
    return {"body": {"batchItemFailures": [{"itemIdentifier": one} for one in identifiers]}}


def settled(place: subject.Place, result: dict[str, Any], given_up: list[Any]) -> list[int]:
    """Settle the next batch of FIVE. Return its numbers."""
    taken = subject._batch(place, FIVE, 5)
    batch = subject._Batch(dict(BISECTS), None, "", "shard", place, taken)
    batch.count = lambda name, value: given_up.append((name, value))  # type: ignore[method-assign]
    subject._settle(batch, result)
    return [int(one["SequenceNumber"]) for one in taken]


def test_a_failed_batch_is_split_until_a_record_is_alone_and_given_up() -> None:
    place, told = subject.Place(0), []  # type: ignore[var-annotated]
    seen = []
    while place.after < 5:
        numbers = [int(one["SequenceNumber"]) for one in subject._batch(place, FIVE, 5)]
        seen.append(settled(place, ERROR if 3 in numbers else answer(), told))
    assert seen == [[1, 2, 3, 4, 5], [1, 2], [3, 4, 5], [3], [3], [4, 5]]  # 3 alone: one retry
    assert [value for name, value in told if name == "DroppedEventCount"] == [1]


def test_a_partial_answer_is_where_the_batch_is_split() -> None:
    place = subject.Place(0)
    assert settled(place, answer(FIVE[2]["SequenceNumber"]), []) == [1, 2, 3, 4, 5]
    assert (place.after, place.ends, place.retries) == (2, [5], 0)


def test_an_answer_for_the_first_record_gives_the_whole_batch_up() -> None:
    place, told = subject.Place(0), []  # type: ignore[var-annotated]
    for _ in range(2):
        settled(place, answer(FIVE[0]["SequenceNumber"]), told)
    assert place.after == 5
    assert ("DroppedEventCount", 5) in told


@pytest.mark.parametrize(
    ("mapping", "after"),
    [
        ({"StartingPosition": "TRIM_HORIZON"}, 0),
        ({"StartingPosition": "LATEST"}, 5),
        ({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 3}, 2),
        ({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 0}, 0),
    ],
)
def test_where_a_mapping_begins(mapping: dict[str, Any], after: int) -> None:
    assert subject._start(mapping, FIVE) == after


def test_a_policy_for_a_consumer_that_is_not_active_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row X1 of the field."""
    policies: list[dict[str, Any]] = []
    monkeypatch.setattr(consumers, "_registered", {"new": time.monotonic() + 3600, "old": time.monotonic() - 3600})
    status, _, body = consumers.put_resource_policy(policies.append, {"ResourceARN": "new"})
    assert (status, b"ResourceInUseException" in body, policies) == (400, True, [])
    consumers.put_resource_policy(policies.append, {"ResourceARN": "old"})
    assert policies == [{"ResourceARN": "old"}]


def test_a_consumer_becomes_active_and_keeps_its_stream(cloud: Cloud) -> None:
    kinesis = cloud.client("kinesis", attempts=1)
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT_ID}:stream/s"
    kinesis.create_stream(StreamName="s", ShardCount=1)
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]

    def status() -> str:
        return str(kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"])

    wait_until("the consumer", lambda: status() == "ACTIVE")
    with pytest.raises(ClientError, match="ResourceInUseException"):
        kinesis.delete_stream(StreamARN=arn)
    kinesis.delete_stream(StreamARN=arn, EnforceConsumerDeletion=True)
