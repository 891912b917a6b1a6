"""Routing: destinations, doubts, notices, repeats, lost answers, SES's reports, odd messages, the number of calls."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import json
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from apps.mail_router import outgoing
from apps.mail_router.errors import Uncertain
from scenarios import mails

from .conftest import CONF, Printed, World, arrival, arrived, client_error, report

TEAM, ENGLISH = ["team@example.org"], ["english@example.org"]


def text(world: World) -> str:
    """Return the text of the last mail."""
    parsed = email.message_from_bytes(world.mail, policy=email.policy.default)
    return str(parsed.get_content())


def test_the_table_is_edited_while_it_runs(world: World) -> None:
    assert (world.arrive(mails.plain()), world.to) == ("forwarded", ENGLISH)
    world.destination("en", {"SS": ["b@example.org", "a@example.org"]})
    assert (world.arrive(mails.plain("Hello, this is the second order")), world.to) == (
        "forwarded",
        ["a@example.org", "b@example.org"],
    )
    world.dynamodb.delete_item(TableName="destinations", Key={"language": {"S": "en"}})
    assert (world.arrive(mails.plain("Hello, this is the third order")), world.to) == ("forwarded", TEAM)


def test_a_language_with_a_region_has_its_own_destination_or_its_languages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"Languages": [{"LanguageCode": "zh-TW", "Score": 0.9}]}
    monkeypatch.setattr(world.comprehend, "detect_dominant_language", lambda **_: answer)
    world.destination("zh", "chinese@example.org")
    world.arrive(mails.plain("one"))
    assert world.to == ["chinese@example.org"]
    world.destination("zh-TW", "taiwan@example.org")
    world.arrive(mails.plain("two"))
    assert world.to == ["taiwan@example.org"]


@pytest.mark.parametrize(
    "value",
    [
        "info@example.com",
        "Info+x@example.com",
        "english",
        "a@example.org, b@example.org",
        "a@example.org\r\nBcc: b@x",
        "",
        {"N": "5"},
        {"SS": ["a@example.org", "info@example.com"]},
        {"SS": [f"a{n}@example.org" for n in range(51)]},
    ],
)
def test_a_destination_that_cannot_be_goes_to_the_catch_all(world: World, value: Any, printed: Printed) -> None:
    world.destination("en", value)
    assert (world.arrive(mails.plain()), world.to) == ("forwarded", TEAM)
    assert '"DestinationsRefused"' in printed()


def test_an_uncertain_language_goes_to_the_catch_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"Languages": [{"LanguageCode": "en", "Score": 0.49}, {"LanguageCode": "fr", "Score": 0.4}]}
    monkeypatch.setattr(world.comprehend, "detect_dominant_language", lambda **_: answer)
    assert (world.arrive(mails.plain()), world.to) == ("forwarded", TEAM)


def test_without_comprehend_the_catch_all_gets_all(world: World, printed: Printed) -> None:
    world.comprehend.error = client_error("AccessDeniedException")
    assert (world.arrive(mails.plain()), world.to) == ("forwarded", TEAM)
    shown = printed()
    assert all(word in shown for word in ('"LanguageUnavailable"', "AccessDeniedException", "comprehend_failed"))


def test_entities_come_before_languages(world: World) -> None:
    world.conf = dataclasses.replace(CONF, entity_endpoint_arn="arn:aws:comprehend:x")
    world.comprehend.entities = [
        {"Type": "PRODUCT", "Text": "AB-1", "Score": 0.9},
        {"Type": "CITY", "Text": "Bern", "Score": 0.1},
    ]
    world.destination("entity:CITY", "city@example.org")
    world.arrive(mails.plain("Hello, this is the first order"))
    assert world.to == ENGLISH
    world.destination("entity:PRODUCT", "products@example.org")
    world.arrive(mails.plain("Hello, this is the second order"))
    assert world.to == ["products@example.org"]
    world.destination("entity:PRODUCT:AB-1", "ab@example.org")
    world.arrive(mails.plain("Hello, this is the third order"))
    assert world.to == ["ab@example.org"]


def test_only_the_beginning_is_analysed(world: World) -> None:
    world.arrive(mails.plain("ひ" * 9000))
    (sample,) = world.comprehend.texts
    assert 4990 <= len(sample.encode()) <= 5000


def test_a_mail_that_is_too_large_leaves_a_notice(world: World) -> None:
    body = f"{mails.ENGLISH}\r\n" * 20_000
    assert world.arrive(mails.plain(body, subject="Large order"), "inbox/large") == "noticed"
    assert (world.to, len(world.mail) < 5_000) == (ENGLISH, True)
    assert all(
        part in text(world) for part in ("larger than", "s3://archive/inbox/large", "Ann Example", "Large order", "1,6")
    )


def test_what_ses_refuses_leaves_a_notice_and_at_last_stays(world: World, printed: Printed) -> None:
    world.ses.errors = [client_error("MessageRejected")]
    assert (world.arrive(mails.plain()), world.to) == ("noticed", ENGLISH)
    assert "MessageRejected" in printed()
    world.ses.errors = [client_error("MessageRejected"), client_error("MessageRejected")]
    with pytest.raises(Exception, match="inbox/two"):
        world.arrive(mails.plain("Hello, this is another order"), "inbox/two")
    assert world.router.route("inbox/two") == "forwarded"  # it was released


def test_a_mail_goes_out_once(world: World) -> None:
    assert world.arrive(mails.plain()) == "forwarded"
    with pytest.raises(Uncertain):  # SES has not reported it yet
        world.router.route("inbox/one")
    (mail_id,) = world.items()
    assert world.router.reported("Send", mail_id) == "reported"
    assert world.router.route("inbox/one") == "duplicate"
    assert world.arrive(mails.plain(), "inbox/again") == "duplicate"  # the sender's server repeated it
    assert len(world.ses.sent) == 1


def test_a_mail_without_message_id_is_known_by_its_object(world: World) -> None:
    raw = mails.lines(*mails.head("Content-Type: text/plain"), mails.ENGLISH)
    assert [world.arrive(raw, key) for key in ("inbox/one", "inbox/two")] == ["forwarded", "forwarded"]


@pytest.mark.parametrize("error", [client_error("InternalFailure", 500), ConnectionClosedError(endpoint_url="x")])
@pytest.mark.parametrize("accepted", [True, False])
def test_a_lost_answer_is_settled_by_ses_report_or_by_time(world: World, error: Exception, accepted: bool) -> None:
    world.ses.errors, world.ses.after = [error], accepted
    with pytest.raises(Uncertain):
        world.arrive(mails.plain())
    world.now += 299
    with pytest.raises(Uncertain):
        world.router.route("inbox/one")
    if accepted:
        world.router.reported("Send", world.ses.sent[0]["EmailTags"][0]["Value"])
        world.now += 3600
        assert world.router.route("inbox/one") == "duplicate"
    else:
        world.now += 2
        assert world.router.route("inbox/one") == "forwarded"
    assert len(world.ses.sent) == 1


def test_reports_come_before_mails_of_the_same_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.arrive(mails.plain())
    (mail_id,) = world.items()
    world.now += 301
    batch = [arrival("inbox/one", "mail"), report(mail_id, message_id="report")]
    assert world.handle(monkeypatch, {"Records": batch}) == {"batchItemFailures": []}
    assert len(world.ses.sent) == 1


def test_throttled_sends_are_repeated_at_once_then_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    throttled = client_error("TooManyRequestsException", 429)
    world.ses.errors = [throttled] * 3
    assert world.arrive(mails.plain()) == "forwarded"
    world.ses.errors = [throttled] * 4
    with pytest.raises(type(throttled)):
        world.arrive(mails.plain("Hello, the other one"), "inbox/two")
    assert world.router.route("inbox/two") == "forwarded"
    assert len(world.ses.sent) == 2


def test_a_denied_send_waits_for_the_permission(world: World) -> None:
    world.ses.errors = [client_error("AccessDeniedException", 403)]
    with pytest.raises(Exception, match="AccessDenied"):
        world.arrive(mails.plain())
    assert world.items() == {}


def test_a_bounce_sends_the_mail_to_the_catch_all(world: World, printed: Printed) -> None:
    world.arrive(mails.plain())
    (mail_id,) = world.items()
    assert world.router.reported("Send", mail_id) == "reported"
    world.ses.errors = [client_error("AccessDeniedException", 403)]
    with pytest.raises(Exception, match="AccessDenied"):  # the queue delivers the report again
        world.router.reported("Bounce", mail_id)
    assert (world.router.reported("Bounce", mail_id), world.to) == ("forwarded", TEAM)
    assert '"ForwardsBounced"' in printed()
    assert world.router.reported("Send", f"{mail_id}-bounced") == "reported"
    assert world.router.reported("Bounce", mail_id) == "duplicate"  # it comes twice
    assert world.router.reported("Bounce", f"{mail_id}-bounced") == "reported"
    assert world.router.reported("Send", mail_id) == "reported"  # late
    assert (len(world.ses.sent), world.items()[mail_id]) == (2, "bounced")
    assert world.router.reported("Open", mail_id) == world.router.reported("Bounce", "unknown") == "reported"


def test_loops_end(world: World, printed: Printed) -> None:
    world.arrive(mails.plain())
    assert world.arrive(world.mail, "inbox/back") == "withheld"
    assert "loop" in printed()
    others = b"".join(b"X-Switchyard-Mail-Router: other%d; x\r\n" % n for n in range(5))
    assert world.arrive(others + mails.plain("Hello, the fifth router"), "inbox/many") == "withheld"
    assert world.arrive(others[:-40] + b"\r\n" + mails.plain("Hello, the fourth"), "inbox/few") == "forwarded"


def test_the_trial_object_and_other_folders_are_no_mails(world: World) -> None:
    for key in ("inbox/AMAZON_SES_SETUP_NOTIFICATION", "english/one", "other"):
        assert world.arrive(mails.plain(), key) == "ignored"
    assert world.router.route("inbox/gone") == "gone"
    assert world.ses.sent == []


def test_one_odd_message_does_not_end_the_batch(
    world: World, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    world.s3.objects |= {"inbox/a b": b"", "inbox/two": b""}
    world.arrive(mails.plain("Hello, this is the seed"), "inbox/seed")
    world.s3.objects["inbox/a b"] = world.s3.objects["inbox/seed"].replace(b"seed", b"spaced")
    odd: list[Any] = [
        "{",
        "[]",
        '"x"',
        "{}",
        '{"source": "aws.s3", "detail": {}}',
        '{"source": "aws.ses", "detail": 5}',
        "",
    ]
    records = [{"messageId": f"odd{n}", "body": body} for n, body in enumerate(odd)]
    event = {"Records": [*records, arrival("inbox/a b", "good")]}
    answer = world.handle(monkeypatch, event)
    failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
    assert failed == {f"odd{n}" for n in range(len(odd))}
    assert len(world.ses.sent) == 2
    shown = printed()
    assert '"MailsForwarded"' in shown
    assert "NotAnEvent" in shown
    assert "example.net" not in shown


def test_an_operator_names_mails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.s3.objects["inbox/one"] = b""
    world.arrive(mails.plain())
    world.handle(monkeypatch, {"Records": [report(next(iter(world.items())))]})
    assert world.handle(monkeypatch, {"keys": ["inbox/one", "inbox/none"]}) == {"outcomes": {"duplicate": 1, "gone": 1}}


def test_each_mail_takes_six_calls(world: World) -> None:
    """GetObject, DetectDominantLanguage, BatchGetItem, PutItem, SendEmail; and UpdateItem for SES's report."""
    world.calls = 0
    world.arrive(mails.plain())
    assert (world.calls, len(world.comprehend.texts), len(world.ses.sent)) == (2, 1, 1)
    world.router.reported("Send", world.ses.sent[0]["EmailTags"][0]["Value"])
    assert world.calls == 3
    world.calls = 0
    world.arrive(mails.plain(subject="Spam"), spam="FAIL")
    assert (world.calls, len(world.comprehend.texts)) == (0, 1)


def test_mails_of_a_batch_share_what_is_read_of_the_table(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    router = world.router  # of one process of the function
    monkeypatch.setattr(type(world), "router", router)

    def batch(name: str, *texts: str) -> tuple[int, list[list[str]]]:
        """Return the calls of DynamoDB, and the receivers."""
        keys = [f"inbox/{name}-{n}" for n in range(len(texts))]
        for key, words in zip(keys, texts, strict=True):
            world.s3.objects[key] = arrived(mails.plain(f"{words} {key}", subject=""))
        world.calls, before = 0, len(world.ses.sent)
        answer = world.handle(monkeypatch, {"Records": [arrival(key, key) for key in keys]})
        assert answer == {"batchItemFailures": []}
        return world.calls, [one["Destination"]["ToAddresses"] for one in world.ses.sent[before:]]

    german, team, english = "Das ist eine Bestellung und ich bin nicht zufrieden", ["team@example.org"], mails.ENGLISH
    calls, to = batch("one", english, english, german, german, english)
    assert (calls, to) == (2 + 5, [["english@example.org"]] * 2 + [team] * 2 + [["english@example.org"]])
    world.destination("de", "german@example.org")
    assert batch("two", german, german) == (1 + 2, [["german@example.org"]] * 2)


def test_personal_data_is_removed(world: World) -> None:
    world.conf = dataclasses.replace(CONF, redaction={"types": ["EMAIL", "PHONE"], "minimum_score": 0.5})
    body = "Hello, this is my number: +41 44 123 45 67, and my card is 4111 1111 1111 1111, b.b@example.net"
    world.arrive(mails.plain(body, subject="I am ann@example.net"))
    shown = text(world)
    assert "[PHONE], and my card is 4111 1111 1111 1111, [EMAIL]" in shown
    parsed = email.message_from_bytes(world.mail, policy=email.policy.default)
    assert str(parsed["Subject"]) == "I am [EMAIL]"
    assert str(parsed["From"]) == "Mail via router <router@example.com>"
    raw = mails.shapes()["attachments, one with an RFC 2231 name"].raw
    world.arrive(raw, "inbox/two")
    assert "2 attachments" in text(world)
    assert "bill" not in text(world)


@pytest.mark.parametrize(
    ("to", "redacted"),
    [
        ("English@example.org", False),
        ("partner@example.net", True),
        ({"SS": ["english@example.org", "team@example.org"]}, False),
        ({"SS": ["english@example.org", "partner@example.net"]}, True),
    ],
)
def test_only_exempt_destinations_get_personal_data(world: World, to: Any, redacted: bool) -> None:
    exempt = ["english@example.org", "TEAM@example.org"]
    redaction = {"types": ["ALL"], "minimum_score": 0.5, "exempt_destinations": exempt}
    world.conf = dataclasses.replace(CONF, redaction=redaction)
    world.destination("en", to)
    raw = mails.plain("Hello, this is my number: +41 44 123 45 67")
    assert world.arrive(raw) == "forwarded"
    assert ("[PHONE]" in text(world)) is redacted
    assert (mails.parts(world.mail) == mails.parts(raw)) is not redacted
    named = str(email.message_from_bytes(world.mail, policy=email.policy.default)["From"])
    assert ("Ann" in named) is not redacted


def test_a_notice_names_the_author_to_exempt_destinations_only(world: World) -> None:
    redaction = {"types": ["ALL"], "minimum_score": 0.5, "exempt_destinations": ["english@example.org"]}
    world.conf = dataclasses.replace(CONF, redaction=redaction, maximum_bytes=10)
    for to, named in (("english@example.org", True), ("partner@example.net", False)):
        world.destination("en", to)
        assert world.arrive(mails.plain(), f"inbox/{to}") == "noticed"
        assert ("ann@example.net" in text(world)) is named


@pytest.mark.parametrize("reason", ["language", "comprehend", "charset"])
def test_what_cannot_be_redacted_stays(world: World, reason: str) -> None:
    world.conf = dataclasses.replace(CONF, redaction={"types": ["ALL"], "minimum_score": 0.5})
    if reason == "comprehend":
        world.comprehend.detect_dominant_language = lambda **_: {  # type: ignore[method-assign]
            "Languages": [{"LanguageCode": "en", "Score": 1.0}]
        }
        world.comprehend.error = client_error("InternalServerException", 500)
    raw = mails.plain(mails.FRENCH) if reason == "language" else mails.plain(subject="Secret")
    if reason == "charset":
        raw = mails.shapes()["an unknown charset"].raw
    assert world.arrive(raw) == "noticed"
    parsed = email.message_from_bytes(world.mail, policy=email.policy.default)
    assert "personal data could not be removed" in text(world)
    assert mails.ENGLISH not in text(world)
    assert not any(word in text(world) + str(parsed["Subject"]) for word in ("Secret", "Order", "Ann"))
    assert str(parsed["Reply-To"]) == "Ann Example <ann@example.net>"


def test_overlapping_entities() -> None:
    found = [
        {"Type": "A", "BeginOffset": 2, "EndOffset": 8, "Score": 1},
        {"Type": "B", "BeginOffset": 4, "EndOffset": 6, "Score": 1},
        {"Type": "C", "BeginOffset": 8, "EndOffset": 9, "Score": 0.1},
    ]
    assert outgoing.redact("0123456789", found, ["ALL"], 0.5) == "01[A]89"


def test_a_table_that_cannot_be_read_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.conf = dataclasses.replace(CONF, destination_table="missing")
    world.s3.objects["inbox/one"] = b""
    with pytest.raises(Exception, match="ResourceNotFound"):
        world.arrive(mails.plain())
    answer = world.handle(monkeypatch, {"Records": [arrival("inbox/one", "again")]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "again"}]}
    assert json.dumps(world.items()) == "{}"
