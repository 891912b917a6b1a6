"""Tickets: IDs that never collide, one ticket for a request, and the workflow's input."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.services._dynamodb_keywords import AWS_KEYWORDS

from apps.contact_form import ticket, tickets
from apps.contact_form.errors import NoFreeTicketId, NotATicket, RequestConflict
from apps.contact_form.tickets import Ticket, Tickets, of_input

from .conftest import Printed

NOW = 1_800_000_000.5
COMPLAINT = Ticket("This is bad service", "NEGATIVE", "en", score=0.98765432)


def store_of(dynamodb: Any, ids: Iterator[str] | None = None) -> Tickets:
    choose = (lambda: next(ids)) if ids else tickets.new_id
    return Tickets(dynamodb, "tickets", "requests", 90, choose, lambda: NOW)


def items(dynamodb: Any, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dynamodb.scan(TableName=table)["Items"]
    return found


def test_a_ticket_is_stored_with_its_expiry(dynamodb: Any) -> None:
    answer = store_of(dynamodb, iter(["jc4t8iab"])).store("r", "d", COMPLAINT, alert=True)
    assert answer == {"ticketId": "jc4t8iab", "sentiment": "NEGATIVE", "language": "en"}
    assert items(dynamodb, "tickets") == [
        {
            "ticketId": {"S": "jc4t8iab"},
            "createdAt": {"S": "2027-01-15T08:00:00.500+00:00"},
            "message": {"S": "This is bad service"},
            "sentiment": {"S": "NEGATIVE"},
            "languageCode": {"S": "en"},
            "score": {"N": "0.987654"},
            "alert": {"BOOL": True},
            "messageCut": {"BOOL": False},
            "expiresAt": {"N": str(1_800_000_000 + 90 * 86400)},
        }
    ]
    (request,) = items(dynamodb, "requests")
    assert request["expiresAt"] == {"N": str(1_800_000_000 + 86400)}
    assert "message" not in request


def test_ids_are_random_and_readable() -> None:
    made = {tickets.new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[2-9a-hjkmnp-z]{8}", one) for one in made)


def test_an_id_that_is_taken_is_never_given_again(dynamodb: Any) -> None:
    store = store_of(dynamodb, iter(["a", "a", "a", "b"]))
    assert store.store("one", "d", COMPLAINT, alert=False)["ticketId"] == "a"
    other = Ticket("Other", "NEUTRAL", "en")
    assert store.store("two", "e", other, alert=False)["ticketId"] == "b"
    assert {item["ticketId"]["S"]: item["message"]["S"] for item in items(dynamodb, "tickets")} == {
        "a": "This is bad service",
        "b": "Other",
    }
    with pytest.raises(NoFreeTicketId):
        store_of(dynamodb, itertools.repeat("a")).store("three", "f", other, alert=False)
    assert len(items(dynamodb, "requests")) == 2


def test_a_repeated_request_gets_the_first_ticket(dynamodb: Any) -> None:
    store = store_of(dynamodb)
    first = store.store("r", "d", COMPLAINT, alert=True)
    assert store.store("r", "d", Ticket("This is bad service", "UNKNOWN", "unknown"), alert=False) == first
    assert len(items(dynamodb, "tickets")) == 1


def test_a_key_with_another_message_is_refused(dynamodb: Any) -> None:
    store = store_of(dynamodb)
    store.store("r", "d", COMPLAINT, alert=True)
    with pytest.raises(RequestConflict) as refused:
        store.store("r", "another", COMPLAINT, alert=True)
    assert str(refused.value) == ""  # Step Functions passes the text on as the cause
    assert len(items(dynamodb, "tickets")) == 1


def test_a_transaction_that_conflicts_is_left_to_the_workflow() -> None:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
    }

    class Canceled(ClientError):
        pass

    def write(**_: Any) -> None:
        raise Canceled(response, "TransactWriteItems")

    exceptions = SimpleNamespace(TransactionCanceledException=Canceled)
    busy = SimpleNamespace(exceptions=exceptions, transact_write_items=write)
    with pytest.raises(Canceled):
        store_of(busy).store("r", "d", COMPLAINT, alert=True)


def test_no_reserved_word_is_the_name_of_an_attribute_in_an_expression(dynamodb: Any) -> None:
    store_of(dynamodb).store("r", "d", Ticket("m", "UNKNOWN", "x", "n", "e", 0.5, "r"), alert=True)
    names = {name for table in ("tickets", "requests") for item in items(dynamodb, table) for name in item}
    assert {name for name in names | {"alertedAt"} if name.upper() in AWS_KEYWORDS} == set()


INPUT = {
    "requestId": "r",
    "digest": "d",
    "message": "Hello",
    "name": "",
    "email": "",
    "sample": "Hel",
    "language": "en",
    "sentiment": "POSITIVE",
    "score": 0.5,
}


def test_the_workflows_input() -> None:
    assert of_input(INPUT) == Ticket("Hello", "POSITIVE", "en", score=0.5, cut=True)
    unknown = {key: value for key, value in INPUT.items() if key != "score"} | {"sentiment": "UNKNOWN", "reason": "x"}
    assert of_input(unknown) == Ticket("Hello", "UNKNOWN", "en", reason="x", cut=True)
    for change in ({"message": 5}, {"message": ""}, {"sentiment": None}, {"score": "high"}, {"sample": 5}):
        with pytest.raises(NotATicket):
            of_input(INPUT | change)
    for name in ("message", "name", "email", "sample", "language", "sentiment"):
        with pytest.raises(NotATicket):
            of_input({key: value for key, value in INPUT.items() if key != name})


@pytest.mark.parametrize(("sentiment", "alert"), [("POSITIVE", False), ("NEGATIVE", True)])
def test_the_function(dynamodb: Any, monkeypatch: pytest.MonkeyPatch, sentiment: str, alert: bool) -> None:
    monkeypatch.setattr(ticket, "_conf", lambda: ticket.Settings("tickets", "requests", 1, ["NEGATIVE"]))
    monkeypatch.setattr("common.clients.client", lambda _: dynamodb)
    answer = ticket.handler(INPUT | {"sentiment": sentiment}, SimpleNamespace(aws_request_id="r"))
    (item,) = items(dynamodb, "tickets")
    assert (answer["ticketId"], item["alert"]["BOOL"]) == (item["ticketId"]["S"], alert)


def test_a_missing_sentiment_is_counted_if_comprehend_failed(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    monkeypatch.setattr(ticket, "_conf", lambda: ticket.Settings("tickets", "requests", 1, []))
    monkeypatch.setattr("common.clients.client", lambda _: dynamodb)
    for reason, counted in (("language_not_supported", False), ("detect_sentiment_failed", True)):
        ticket.handler(INPUT | {"requestId": reason, "reason": reason}, SimpleNamespace(aws_request_id="r"))
        text = printed()
        assert ('"SentimentUnavailable"' in text) is counted
        assert "Hello" not in text
