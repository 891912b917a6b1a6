"""Events that our services send, as AWS services send them to the account's default event bus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Sink = Callable[..., object]
"""(source, detail type, detail, resources, account id, Region) and, of an event that did not happen now, its time."""


class Event(NamedTuple):
    """One event, as handed to the sink."""

    source: str
    detail_type: str
    detail: dict[str, Any]
    resources: list[str]
    account_id: str
    region: str
    at: float | None = None


sent: list[Event] = []
"""Events emitted while no sink was set."""


def _keep(*event: Any) -> None:
    sent.append(Event(*event))


sink: Sink = _keep


def set_sink(new: Sink | None) -> None:
    """Send events to `new`, or with None keep them in `sent` again."""
    global sink  # noqa: PLW0603 - one event bus per process
    sink = new or _keep


def emit(
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    resources: list[str],
    account_id: str,
    region: str,
    at: float | None = None,
) -> None:
    """Pass one event to the sink, which must not change `detail`. `at` is its time in Unix seconds, if not now."""
    sink(source, detail_type, detail, resources, account_id, region, *(() if at is None else (at,)))
