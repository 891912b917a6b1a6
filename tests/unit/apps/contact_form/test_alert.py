"""Mails: one for a ticket, parsed as a mail program does; what is refused, and what comes again."""

from __future__ import annotations

import email
import email.policy
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from apps.contact_form import alert, mail
from apps.contact_form.alert import Settings
from apps.contact_form.tickets import Ticket, Tickets

from .conftest import Printed

CONF = Settings("tickets", "contact@example.com", ["a@example.com", "b@example.com"], True)
EVIL = "<script>alert(1)</script>\r\nBcc: x@example.com\r\nSentiment: POSITIVE\u202e\"'&\x00\x1b[2J"


class Ses:
    """SES: accepts mails, or fails with the errors that are left."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.sent = list(errors), []  # type: ignore[var-annotated]

    def send_email(self, **arguments: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(arguments)


def error(code: str, status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "a@example.com"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "x")


def stored(dynamodb: Any, *ids: str, **fields: Any) -> list[dict[str, Any]]:
    """Store tickets. Return the stream's records of them."""
    for one in ids:
        ticket = Ticket(**{"message": "This is bad service", "sentiment": "NEGATIVE", "language": "en", **fields})
        Tickets(dynamodb, "tickets", "requests", 90, lambda one=one: one).store(one, "d", ticket, alert=True)  # type: ignore[misc]
    return [record(one) for one in ids]


def record(ticket_id: str, name: str = "INSERT", due: bool = True) -> dict[str, Any]:
    image = {"ticketId": {"S": ticket_id}, "alert": {"BOOL": due}}
    return {"eventName": name, "dynamodb": {"SequenceNumber": f"at-{ticket_id}", "NewImage": image}}


def run(monkeypatch: pytest.MonkeyPatch, dynamodb: Any, ses: Ses, event: Any, conf: Settings = CONF) -> Any:
    monkeypatch.setattr(alert, "_conf", lambda: conf)
    monkeypatch.setattr("common.clients.client", lambda name: dynamodb if name == "dynamodb" else ses)
    payload = {"Records": event} if isinstance(event, list) else event
    return alert.handler(payload, SimpleNamespace(aws_request_id="r"))


def failures(*ids: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": f"at-{one}"} for one in ids]}


def test_each_ticket_has_one_mail(monkeypatch: pytest.MonkeyPatch, dynamodb: Any) -> None:
    records, ses = stored(dynamodb, "one", "two", email="ann@example.org"), Ses()
    for _ in range(2):
        assert run(monkeypatch, dynamodb, ses, records + records) == failures()
    assert [sent["Content"]["Simple"]["Subject"]["Data"].split()[1] for sent in ses.sent] == ["one:", "two:"]
    assert ses.sent[0]["Destination"] == {"ToAddresses": ["a@example.com", "b@example.com"]}
    assert (ses.sent[0]["FromEmailAddress"], ses.sent[0]["ReplyToAddresses"]) == (
        "contact@example.com",
        ["ann@example.org"],
    )
    assert "ConfigurationSetName" not in ses.sent[0]


def test_a_failure_is_delivered_again_from_its_place(monkeypatch: pytest.MonkeyPatch, dynamodb: Any) -> None:
    records = stored(dynamodb, "one", "two", "three")
    ses = Ses()
    for failure in (error("TooManyRequestsException", 429), error("InternalFailure", 500)):
        ses.errors = [failure]
        assert run(monkeypatch, dynamodb, ses, records) == failures("one")
    assert run(monkeypatch, dynamodb, ses, records) == failures()
    assert len(ses.sent) == 3


def test_what_ses_refuses_for_good_is_named_and_does_not_delay_others(
    monkeypatch: pytest.MonkeyPatch, dynamodb: Any, printed: Printed
) -> None:
    records, ses = stored(dynamodb, "one", "two"), Ses(error("MessageRejected"))
    assert run(monkeypatch, dynamodb, ses, records) == failures()
    text = printed()
    assert all(word in text for word in ('"AlertsRefused"', "MessageRejected", "'one'"))
    assert "example.com" not in text
    assert len(ses.sent) == 1
    assert run(monkeypatch, dynamodb, ses, {"ticketIds": ["one", "two", "gone"]}) == {
        "outcomes": {"sent": 1, "duplicate": 1, "gone": 1}
    }


def test_odd_records_do_not_end_the_batch(monkeypatch: pytest.MonkeyPatch, dynamodb: Any, printed: Printed) -> None:
    good = stored(dynamodb, "one")
    odd: list[Any] = [
        {},
        {"dynamodb": {}},
        None,
        {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "1", "NewImage": {}}},
    ]
    ses = Ses()
    assert (
        run(monkeypatch, dynamodb, ses, [*odd, record("one", "MODIFY"), record("one", due=False), *good]) == failures()
    )
    assert len(ses.sent) == 1
    assert '"AlertsMalformed":[4.0]' in printed().replace(" ", "")


def test_a_ticket_that_expired_has_no_mail(monkeypatch: pytest.MonkeyPatch, dynamodb: Any) -> None:
    ses = Ses()
    assert run(monkeypatch, dynamodb, ses, [record("gone")]) == failures()
    assert ses.sent == []


def test_without_the_message(monkeypatch: pytest.MonkeyPatch, dynamodb: Any) -> None:
    records, ses = stored(dynamodb, "one", name="Ann Example", email="ann@example.org"), Ses()
    run(monkeypatch, dynamodb, ses, records, Settings("tickets", "c@example.com", ["a@example.com"], False, "mails"))
    (sent,) = ses.sent
    assert not any(word in str(sent) for word in ("bad service", "Ann", "ann@"))
    assert sent["ConfigurationSetName"] == "mails"


def built(item: dict[str, Any]) -> email.message.EmailMessage:
    """Return the mail as a mail program parses it."""
    simple = mail.content(item, include_message=True)["Simple"]
    made = email.message.EmailMessage()
    made["Subject"] = simple["Subject"]["Data"]
    made.set_content(simple["Body"]["Text"]["Data"])
    made.add_alternative(simple["Body"]["Html"]["Data"], subtype="html")
    parsed = email.message_from_bytes(made.as_bytes(), policy=email.policy.default)
    assert isinstance(parsed, email.message.EmailMessage)
    return parsed


def test_hostile_text_stays_text() -> None:
    item = {
        name: {"S": value}
        for name, value in {
            "ticketId": "jc4t8iab",
            "sentiment": "NEGATIVE",
            "createdAt": "now",
            "message": EVIL,
            "senderName": EVIL,
            "languageCode": "en",
        }.items()
    }
    parsed = built(item)
    assert dict(parsed.items()).keys() == {"Subject", "MIME-Version", "Content-Type"}
    assert parsed["Subject"] == "Ticket jc4t8iab: negative message"
    html = parsed.get_body(["html"]).get_content()  # type: ignore[union-attr]
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            tags.append(tag)

    Tags().feed(html)
    assert set(tags) <= {"html", "body", "h1", "dl", "dt", "dd", "pre"}
    text = parsed.get_body(["plain"]).get_content()  # type: ignore[union-attr]
    assert [line for line in text.splitlines() if line.startswith("Sentiment:")] == ["Sentiment: NEGATIVE"]
    for part in (html, text):
        assert not any(character in part for character in "\x00\x1b\u202e\r")


def test_joined_emoji_survive() -> None:
    family = "👨\u200d👩\u200d👧"
    assert mail.printable(family) == family
