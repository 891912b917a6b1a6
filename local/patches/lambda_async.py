"""Asynchronous calls of functions: those that Lambda throttles wait, and do not count as attempts."""

from __future__ import annotations

import contextvars
import time
from typing import Any

from local.patches.registry import Original, patch

TARGET = "ministack.services.lambda_svc"
FIRST_WAIT, LONGEST_WAIT = 0.1, 1.0
"""Seconds between attempts; AWS waits for one second, and up to five minutes."""

_until: contextvars.ContextVar[float] = contextvars.ContextVar("switchyard_async_until", default=0.0)
"""When the event of the asynchronous call that the thread makes is too old."""


@patch(TARGET, "invoke_async_with_retry", because="The attempts of an asynchronous call must be known as such.")
def invoke_async_with_retry(original: Original, func: dict[str, Any], event: Any) -> None:
    """Start an asynchronous call."""
    configured = func.get("event_invoke_config") or (func.get("event_invoke_configs") or {}).get("$LATEST") or {}
    token = _until.set(time.monotonic() + int(configured.get("MaximumEventAgeInSeconds", 21600)))
    try:
        original(func, event)  # in a thread of its own, with a copy of this context
    finally:
        _until.reset(token)


@patch(
    TARGET,
    "_execute_function",
    because="MiniStack takes a throttled attempt of an asynchronous call for a failed one, and gives up after three.",
)
def execute_function(original: Original, func: dict[str, Any], event: Any) -> Any:
    """Run a function. While an asynchronous call is throttled, its event stays in the queue.

    "For throttling errors (429) and system errors (500-series), Lambda returns the event to the queue and attempts to
    run the function again for up to 6 hours by default."
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    result, wait = original(func, event), FIRST_WAIT
    while result.get("throttle") and time.monotonic() + wait < _until.get():
        time.sleep(wait)
        result, wait = original(func, event), min(wait * 2, LONGEST_WAIT)
    return result
