"""Tickets in the table: IDs that never collide, and one ticket for each request, however often it arrives."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .errors import NoFreeTicketId, NotATicket, RequestConflict

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # without characters that look alike on paper or sound alike
LENGTH = 8
ATTEMPTS = 5
REQUEST_SECONDS = 86400
"""For how long a repeated request gets the ticket of the first one, at least."""

Item = dict[str, Any]


def new_id() -> str:
    """Return a random ticket ID: one of 850 thousand million."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


@dataclass(frozen=True)
class Ticket:
    """What the workflow knows of a message. `score` is Comprehend's confidence, 0 to 1, or None without an answer."""

    message: str
    sentiment: str
    language: str
    name: str = ""
    email: str = ""
    score: float | None = None
    reason: str = ""
    """Why the sentiment is UNKNOWN."""
    cut: bool = False
    """Whether Comprehend saw only the beginning of the message."""


@dataclass
class Tickets:
    """The table of tickets, and the table that remembers which request made which ticket."""

    dynamodb: Any
    table: str
    request_table: str
    retention_days: int
    ids: Callable[[], str] = field(default=new_id)
    clock: Callable[[], float] = field(default=time.time)

    def store(self, request_id: str, digest: str, ticket: Ticket, *, alert: bool) -> dict[str, str]:
        """Store a ticket, unless the request has one. Return {"ticketId", "sentiment", "language"} of the stored one.

        One transaction writes the ticket, on condition that its ID is free, and the request, on condition that it is
        new: of two requests at the same time with one key, one makes the ticket and the other gets its ID. Raise
        RequestConflict if the request's key was used for another message, NoFreeTicketId, or boto3's error.
        """
        for _ in range(ATTEMPTS):
            ticket_id = self.ids()
            items = (self._ticket(ticket_id, ticket, alert), self._request(request_id, digest, ticket_id, ticket))
            try:
                self.dynamodb.transact_write_items(
                    TransactItems=[
                        _put(self.table, items[0], "ticketId"),
                        _put(self.request_table, items[1], "requestId"),
                    ]
                )
            except self.dynamodb.exceptions.TransactionCanceledException as error:
                taken, repeated = error.response["CancellationReasons"]
                if repeated.get("Code") == "ConditionalCheckFailed":
                    return _answer(repeated["Item"], digest)
                if taken.get("Code") == "ConditionalCheckFailed":
                    continue
                raise
            return _answer(items[1], digest)
        raise NoFreeTicketId

    def _ticket(self, ticket_id: str, ticket: Ticket, alert: bool) -> Item:
        now = self.clock()
        texts = {
            "ticketId": ticket_id,
            "createdAt": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
            "message": ticket.message,
            "senderName": ticket.name,
            "senderEmail": ticket.email,
            "sentiment": ticket.sentiment,
            "languageCode": ticket.language,
            "sentimentReason": ticket.reason,
        }
        item: Item = {name: {"S": text} for name, text in texts.items() if text}
        if ticket.score is not None:
            item["score"] = {"N": f"{ticket.score:.6f}"}
        return item | {
            "alert": {"BOOL": alert},
            "messageCut": {"BOOL": ticket.cut},
            "expiresAt": {"N": str(int(now) + self.retention_days * 86400)},
        }

    def _request(self, request_id: str, digest: str, ticket_id: str, ticket: Ticket) -> Item:
        return {
            "requestId": {"S": request_id},
            "digest": {"S": digest},
            "ticketId": {"S": ticket_id},
            "sentiment": {"S": ticket.sentiment},
            "languageCode": {"S": ticket.language},
            "expiresAt": {"N": str(int(self.clock()) + REQUEST_SECONDS)},
        }


def of_input(event: Mapping[str, Any]) -> Ticket:
    """Return the ticket in the workflow's input of the function. Raise NotATicket."""
    try:
        sample, score = event["sample"], event.get("score")
        ticket = Ticket(
            message=event["message"],
            sentiment=event["sentiment"],
            language=event["language"],
            name=event["name"],
            email=event["email"],
            score=None if score is None else float(score),
            reason=event.get("reason", ""),
            cut=len(sample) < len(event["message"]),
        )
        texts = [ticket.message, ticket.sentiment, ticket.language, ticket.name, ticket.email, ticket.reason]
    except (KeyError, TypeError, ValueError):
        raise NotATicket from None
    if not all(isinstance(text, str) for text in texts) or not ticket.message:
        raise NotATicket
    return ticket


def _put(table: str, item: Item, key: str) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": table,
            "Item": item,
            "ConditionExpression": f"attribute_not_exists({key})",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _answer(request: Item, digest: str) -> dict[str, str]:
    if request["digest"]["S"] != digest:
        raise RequestConflict
    return {
        "ticketId": request["ticketId"]["S"],
        "sentiment": request["sentiment"]["S"],
        "language": request["languageCode"]["S"],
    }
