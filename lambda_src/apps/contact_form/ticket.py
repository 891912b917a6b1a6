"""The workflow's last step: give the message a ticket ID and store it. Safe to repeat: see `tickets`."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import clients, observability, settings

from .tickets import Tickets, of_input

FAILURES = frozenset({"detect_language_failed", "detect_sentiment_failed"})


@dataclass(frozen=True)
class Settings:
    """The environment. ALERT_SENTIMENTS: the sentiments of which the administrators are notified."""

    table: str
    request_table: str
    retention_days: int
    alert_sentiments: list[str]


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """Return {"ticketId", "sentiment", "language"} of the request's ticket. Raise the errors of `tickets`."""
    log, conf = observability.begin(context), _conf()
    ticket = of_input(event)
    tickets = Tickets(clients.client("dynamodb"), conf.table, conf.request_table, conf.retention_days)
    stored = tickets.store(event["requestId"], event["digest"], ticket, alert=ticket.sentiment in conf.alert_sentiments)
    if ticket.reason in FAILURES:
        observability.count("SentimentUnavailable", 1)
    log.info("ticket stored", extra={"ticketId": stored["ticketId"], "reason": ticket.reason})
    return stored
