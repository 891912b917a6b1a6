"""Lambda reads a queue with the function's own role and waits for a batch, as on AWS; MiniStack does neither.

A mapping with a batching window gathers messages for that long, here for one second at most. Messages that the
function did not handle come back when their visibility timeout ends, here after five seconds at most, so that a
retry comes soon. A mapping whose role lacks a permission, on the queue or on its key, delivers nothing and reports
it in its LastProcessingResult.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
"""

from __future__ import annotations

import math
import time
from typing import Any

from ministack.services import lambda_svc, sqs

from local.patches.lambda_mappings import function_of
from local.patches.registry import Original, patch
from local.permissions import role_may

NEEDED = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_LIFETIME, _IDLE_LIFETIME = 0.5, 5.0
_LONGEST_WINDOW = 1.0
_LONGEST_TIMEOUT = 5.0
_checked: dict[tuple[str, str], tuple[float, str]] = {}
"""(role, queue) -> when it was checked, and the result. Polling asks many times a second, mostly for nothing."""


def refusal(role: str, queue_arn: str, lifetime: float = _LIFETIME) -> str:
    """Return why the role may not read the queue; empty if it may. The answer is at most `lifetime` seconds old."""
    at, reason = _checked.get((role, queue_arn), (-math.inf, ""))
    if time.monotonic() < at + lifetime:
        return reason
    asked = [(f"sqs:{operation}", queue_arn) for operation in NEEDED]
    reason = role_may(role, "lambda.amazonaws.com", asked, queue_arn.split(":")[3])
    _checked[role, queue_arn] = time.monotonic(), reason
    return reason


def gathering(messages: list[dict[str, Any]], mapping: dict[str, Any], now: float) -> bool:
    """Return whether a batch is within its window and not full. `messages` are MiniStack's, `now` is in seconds."""
    window = min(mapping.get("MaximumBatchingWindowInSeconds") or 0, _LONGEST_WINDOW)
    since = [max(message["sent_at"], at) for message in messages if (at := message.get("visible_at", 0.0)) <= now]
    full = len(since) >= mapping.get("BatchSize", 10)
    return bool(since) and not full and now - min(since) < window


@patch(
    "ministack.services.sqs",
    "_receive_messages_for_esm",
    because="MiniStack reads a queue without the function's permissions, and does not wait for a batch.",
)
def receive_messages_for_esm(original: Original, queue_url: str, max_number: int) -> list[dict[str, Any]]:
    """Return the next batch of a queue if it is due and permitted."""
    queue = sqs._get_q(queue_url)
    arn = queue["attributes"]["QueueArn"]
    mappings = [m for _, _, m in lambda_svc._iter_all_esms() if m.get("EventSourceArn") == arn]
    for mapping in mappings:
        if gathering(queue["messages"], mapping, time.time()):
            return []
        _, role = function_of(mapping)
        if role and (reason := refusal(role, arn, _LIFETIME if queue["messages"] else _IDLE_LIFETIME)):
            mapping["LastProcessingResult"] = f"PROBLEM: {reason}"
            return []
    found: list[dict[str, Any]] = original(queue_url, max_number)
    return found


@patch(
    "ministack.services.lambda_svc",
    "_run_sqs_batch",
    because="Messages that a function did not handle come back after seconds, not after a long visibility timeout.",
)
def run_sqs_batch(
    original: Original,
    esm: Any,
    func_rec: Any,
    event: Any,
    batch: list[dict[str, Any]],
    queue_url: str,
    queue_name: str,
) -> None:
    """Send a batch to its function."""
    received = [message["receipt_handle"] for message in batch]
    original(esm, func_rec, event, batch, queue_url, queue_name)
    latest = time.time() + _LONGEST_TIMEOUT
    for message, receipt in zip(batch, received, strict=True):  # the queue's own; handled ones are deleted
        if message["receipt_handle"] == receipt:
            message["visible_at"] = min(message["visible_at"], latest)
