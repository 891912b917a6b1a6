"""Messages: sent in batches, and consumed one by one."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from common import aws_errors, observability

from .errors import Unavailable

BATCH = 10
THREADS = 8
ATTEMPTS = 5
RETRIED = "message returned to its queue"


def send(sqs: Any, url: str, messages: Iterable[Mapping[str, Any]]) -> int:
    """Send messages, ten in a call. Return their number. Raise Unavailable if some are refused again and again."""
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(lambda batch: _send(sqs, url, batch), _batches(messages)))


def _batches(messages: Iterable[Mapping[str, Any]]) -> Iterable[list[Mapping[str, Any]]]:
    rest = iter(messages)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _send(sqs: Any, url: str, batch: Sequence[Mapping[str, Any]]) -> int:
    entries = [{"Id": str(number), "MessageBody": json.dumps(message)} for number, message in enumerate(batch)]
    for _ in range(ATTEMPTS):
        answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        failed = {entry["Id"] for entry in answer.get("Failed", ())}
        entries = [entry for entry in entries if entry["Id"] in failed]
        if not entries:
            return len(batch)
    codes = sorted({entry.get("Code", "") for entry in answer["Failed"]})
    raise Unavailable(f"SQS did not take {len(entries)} of {len(batch)} messages: {', '.join(codes)}.")


def consume(event: Mapping[str, Any], work: Callable[[dict[str, Any], Mapping[str, Any]], None]) -> dict[str, Any]:
    """Call `work` with each message and its record. Return those that failed, for Lambda to leave in the queue."""
    failed = []
    for record in event["Records"]:
        try:
            work(_parsed(record["body"]), record)
        except Exception as error:  # noqa: BLE001 - one message must not hold up the others; the queue counts attempts
            observability.logger().warning(
                RETRIED, extra={"error": type(error).__name__, "code": aws_errors.name(error)}
            )
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _parsed(body: str) -> dict[str, Any]:
    """Return a message; an empty one for what is not a JSON object, which then names no document."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
