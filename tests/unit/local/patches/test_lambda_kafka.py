"""MSK to Lambda: what a call has not handled, bisection, retries with an end, and what is given up."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.services import lambda_svc

from local.patches import lambda_kafka
from local.patches.lambda_kafka import unhandled

PARTIAL = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
BROKEN = b"broken"


class Message:
    """A message as confluent_kafka gives it."""

    def __init__(self, offset: int, value: bytes | None = b"{}", partition: int = 0) -> None:
        self._place, self._value = (partition, offset), value

    def topic(self) -> str:
        """Return the topic."""
        return "t"

    def partition(self) -> int:
        """Return the partition."""
        return self._place[0]

    def offset(self) -> int:
        """Return the offset."""
        return self._place[1]

    def key(self) -> bytes:
        """Return the key."""
        return b"k"

    def value(self) -> bytes | None:
        """Return the value, None for a deletion marker."""
        return self._value

    def timestamp(self) -> tuple[int, int]:
        """Return the kind and the milliseconds."""
        return 1, 1000

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the headers."""
        return [("h", b"a")]


BATCH = [Message(1), Message(2), Message(7, partition=1), Message(8, partition=1)]


def answer(*failures: Any) -> dict[str, Any]:
    return {"body": json.dumps({"batchItemFailures": [{"itemIdentifier": one} for one in failures]})}


def offsets(messages: list[Any]) -> list[int]:
    return [one.offset() for one in messages]


@pytest.mark.parametrize(
    ("result", "left"),
    [
        ({"error": True}, [1, 2, 7, 8]),
        ({"body": None}, []),
        ({"body": {}}, []),
        (answer(), []),
        (answer({"partition": "t-0", "offset": 2}), [2]),
        (answer({"partition": "t-1", "offset": 8}, {"partition": "t-1", "offset": 7}), [7, 8]),
        (answer({"partition": "t-0", "offset": 1}, {"partition": "t-1", "offset": 8}), [1, 2, 8]),
        (answer({"partition": "t-0", "offset": 3}), [1, 2, 7, 8]),
        (answer({"topic-partition": "t-0", "offset": 2}), [1, 2, 7, 8]),
        (answer({"partition": "t-0", "offset": "2"}), [1, 2, 7, 8]),
        (answer(""), [1, 2, 7, 8]),
        (answer(None), [1, 2, 7, 8]),
        ({"body": {"batchItemFailures": [{"ItemIdentifier": {}}]}}, [1, 2, 7, 8]),
    ],
)
def test_what_a_call_has_not_handled(result: dict[str, Any], left: list[int]) -> None:
    assert offsets(unhandled(PARTIAL, BATCH, result)) == left


def test_without_partial_answers_only_an_error_fails() -> None:
    assert unhandled({}, BATCH, answer({"partition": "t-0", "offset": 2})) == []


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[list[int]], list[list[int]]]]:
    """Return a function that delivers messages, and returns the offsets of each call and of each batch given up."""

    def run(messages: list[Message], function: Callable[[Any], dict[str, Any]], **settings: Any) -> Any:
        calls: list[list[int]] = []
        lost: list[list[int]] = []

        def execute(_function: Any, event: dict[str, Any]) -> dict[str, Any]:
            calls.append([one["offset"] for found in event["records"].values() for one in found])
            return function(event)

        poller: Any = object.__new__(lambda_kafka._Poller)
        poller.mapping = {"UUID": "u", "FunctionName": "f", "MaximumRetryAttempts": 0, **PARTIAL, **settings}
        poller.source, poller.bootstrap, poller.lives = "arn", "b:9098", lambda: True
        poller._give_up = lambda role, batch, left, result: lost.append(offsets(left))
        monkeypatch.setattr(lambda_svc, "_execute_function", execute)
        monkeypatch.setattr(lambda_kafka, "time", SimpleNamespace(sleep=lambda _: None))
        poller._handle(None, "role", messages)
        return calls, lost

    return run


def fails_on_broken(event: dict[str, Any]) -> dict[str, Any]:
    texts = [one["value"] for found in event["records"].values() for one in found]
    return {"error": True} if base64.b64encode(BROKEN).decode() in texts else {"body": {}}


def test_a_batch_that_fails_is_split_until_the_record_is_alone(handle: Any) -> None:
    messages = [Message(n, BROKEN if n == 5 else b"{}") for n in range(8)]
    calls, lost = handle(messages, fails_on_broken, BisectBatchOnFunctionError=True)
    assert lost == [[5]]
    assert calls == [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [6, 7]]


def test_without_bisection_the_whole_batch_is_given_up(handle: Any) -> None:
    messages = [Message(n, BROKEN if n == 1 else b"{}") for n in range(3)]
    assert handle(messages, fails_on_broken) == ([[0, 1, 2]], [[0, 1, 2]])


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        ({"MaximumRetryAttempts": 3}, 4),
        ({"MaximumRetryAttempts": -1, "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::b"}}}, 11),
    ],
)
def test_retries_end(handle: Any, settings: dict[str, Any], calls: int) -> None:
    found, lost = handle([Message(1, BROKEN)], fails_on_broken, **settings)
    assert (len(found), lost) == (calls, [[1]])


def test_a_partial_answer_delivers_the_rest_of_the_partition_again(handle: Any) -> None:
    answers = iter([answer({"partition": "t-0", "offset": 2}), answer()])
    assert handle(BATCH, lambda _: next(answers)) == ([[1, 2, 7, 8], [2]], [])


def test_a_record_has_what_aws_documents() -> None:
    record = lambda_kafka._record(Message(15, b"v", 3))
    assert record == {
        "topic": "t",
        "partition": 3,
        "offset": 15,
        "timestamp": 1000,
        "timestampType": "CREATE_TIME",
        "key": "aw==",
        "value": "dg==",
        "headers": [{"h": [97]}],
    }
    assert "value" not in lambda_kafka._record(Message(16, None))
