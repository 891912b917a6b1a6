"""Webhooks: signatures, rotated secrets, replays, and texts for small printers."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.iot_messaging import webhook
from apps.iot_messaging.signatures import Secrets, signed
from apps.iot_messaging.things import Things
from common import http
from common.settings import SettingsError, load
from tools.bootstrap import ROOT

from .conftest import CONTEXT, Client, failure

NOW = 1_000_000.0
THING = "prod-printer"
SETTINGS = webhook.Settings(
    topic_root="prod",
    thing_prefix="prod-",
    request_table="requests",
    maximum_bytes=256,
    expiry_seconds=3600,
    secret_arn="arn:secret",
    signature_header="X-Hub-Signature-256",
    signature_prefix="sha256=",
    message="body.text",
    retain=False,
    previous_secret_hours=24,
)
BODY = b'{"text": "hello"}'


def value(text: str, age: float = 1e6) -> dict[str, Any]:
    return {"SecretString": text, "CreatedDate": dt.datetime.fromtimestamp(NOW - age, dt.UTC)}


def secrets(*answers: Any, clock: Any = lambda: NOW, grace: int = 86400) -> Secrets:
    return Secrets(Client(get_secret_value=list(answers)), "arn:secret", grace, clock)


def signature(body: bytes, secret: str = "s3cret") -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_github_s_own_example() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation"""
    example = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret = "It's a Secret to Every" + "body"  # its second half alone is no word of ours
    assert signed(b"Hello, World!", example, "sha256=", secrets(value(secret)))


@pytest.mark.parametrize(
    "given_",
    [
        "",
        "sha256=",
        "sha256=é",
        signature(BODY)[:-1],
        signature(BODY) + "0",
        signature(BODY).removeprefix("sha256="),
        "sha1=" + signature(BODY).removeprefix("sha256="),
        signature(BODY + b" "),
        signature(BODY, "another"),
        signature(BODY, ""),
    ],
)
def test_wrong_signatures(given_: str) -> None:
    assert not signed(BODY, given_, "sha256=", secrets(value("s3cret")))


def test_an_empty_secret_accepts_nothing() -> None:
    assert not signed(BODY, signature(BODY, ""), "sha256=", secrets(value("")))


def test_a_signature_without_prefix_and_in_capitals() -> None:
    assert signed(BODY, signature(BODY).removeprefix("sha256=").upper(), "", secrets(value("s3cret")))


def test_the_secret_is_fetched_once_in_five_minutes() -> None:
    now = [NOW]
    found = secrets(value("s3cret"), clock=lambda: now[0])
    for _ in range(3):
        assert signed(BODY, signature(BODY), "sha256=", found)
    assert len(found.client.calls) == 1
    now[0] += 301
    assert signed(BODY, signature(BODY), "sha256=", found)
    assert len(found.client.calls) == 2


def test_a_rotation_is_noticed_at_the_first_new_signature() -> None:
    now = [NOW]
    found = secrets(value("old"), value("new", age=0), value("old"), clock=lambda: now[0])
    assert signed(BODY, signature(BODY, "old"), "sha256=", found)
    now[0] += 11
    assert signed(BODY, signature(BODY, "new"), "sha256=", found)
    assert signed(BODY, signature(BODY, "old"), "sha256=", found), "for a day, the old one too"
    assert [call[1].get("VersionStage") for call in found.client.calls] == [None, None, "AWSPREVIOUS"]


def test_wrong_signatures_cannot_make_many_calls() -> None:
    found = secrets(value("s3cret"))
    for _ in range(20):
        assert not signed(BODY, signature(BODY, "guess"), "sha256=", found)
    assert len(found.client.calls) == 1


def test_the_previous_secret_ends() -> None:
    assert secrets(value("new", age=86401), value("old")).values() == (b"new",)
    assert secrets(value("new", age=86399), value("old")).values() == (b"new", b"old")
    assert secrets(value("new", age=0), value("old"), grace=0).values() == (b"new",)


def test_a_secret_that_was_never_rotated() -> None:
    assert secrets(value("new", age=0), failure("ResourceNotFoundException")).values() == (b"new",)


def test_a_clock_that_goes_back_fetches_again() -> None:
    now = [NOW]
    found = secrets(value("s3cret"), clock=lambda: now[0])
    found.values()
    now[0] -= 1000
    found.values()
    assert len(found.client.calls) == 2


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 503), ("AccessDeniedException", 500)])
def test_a_secret_that_is_not_available(code: str, status: int) -> None:
    with pytest.raises(http.HttpError) as error:
        secrets(failure(code)).values()
    assert error.value.status == status


def respond(
    body: bytes = BODY, data: Any = None, iot: Any = None, conf: webhook.Settings = SETTINGS, **changed: Any
) -> dict[str, Any]:
    event = {
        "pathParameters": {"thing": THING},
        "headers": {"x-hub-signature-256": signature(body), "X-GitHub-Event": "push"},
        "body": body.decode(),
        **changed,
    }
    found = Things(iot or Client(describe_thing={}), data or Client(publish={}), "prod", "prod-")
    return webhook.respond(event, CONTEXT, conf, found, secrets(value("s3cret")))


@pytest.fixture
def first_time(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """Requests as `once` gets them; each runs."""
    asked: list[tuple[str, str, int]] = []

    def once(_context: Any, _table: str, key: str, body: str, work: Any, seconds: int) -> Any:
        asked.append((key, body, seconds))
        return work()

    monkeypatch.setattr(webhook, "once", once)
    return asked


def test_a_signed_request_is_a_command(first_time: list[tuple[str, str, int]]) -> None:
    data = Client(publish={})
    answer = respond(data=data)
    ((_, published),) = data.calls
    assert json.loads(published["payload"]) == {"id": answer["id"], "command": {"message": "hello"}}
    assert (published["topic"], published["messageExpiry"]) == ("prod/prod-printer/down/command", 3600)
    ((key, body, seconds),) = first_time
    digest = hashlib.sha256(BODY).hexdigest()
    assert (key, body, seconds) == (f"{THING}/webhook/{digest}", digest, 90 * 86400)


def test_a_replay_with_another_delivery_id_is_the_same_request(first_time: list[tuple[str, str, int]]) -> None:
    """The signature does not cover the headers: anyone who repeats a body can invent the ID of a delivery."""
    headers = {"X-Hub-Signature-256": signature(BODY)}
    answers = [respond(headers={**headers, "X-GitHub-Delivery": delivery}) for delivery in ("1", "2")]
    assert answers[0] == answers[1]
    assert first_time[0] == first_time[1]


def test_a_body_in_base64(first_time: list[tuple[str, str, int]]) -> None:
    event_body = base64.b64encode(BODY).decode()
    found = Things(Client(describe_thing={}), Client(publish={}), "prod", "prod-")
    event = {
        "pathParameters": {"thing": THING},
        "headers": {"X-Hub-Signature-256": signature(BODY)},
        "body": event_body,
        "isBase64Encoded": True,
    }
    assert webhook.respond(event, CONTEXT, SETTINGS, found, secrets(value("s3cret")))["thing"] == THING
    with pytest.raises(http.HttpError):
        webhook.respond({**event, "body": "?"}, CONTEXT, SETTINGS, found, secrets(value("s3cret")))


def test_nothing_is_read_before_the_signature_is_checked() -> None:
    iot, data = Client(), Client()
    unsigned: list[dict[str, Any]] = [
        {"headers": {}},
        {"headers": None},
        {"pathParameters": {"thing": "a/b"}, "headers": {}},
    ]
    for changed in unsigned:
        with pytest.raises(http.HttpError) as error:
            respond(data=data, iot=iot, **changed)
        assert error.value.status == 401
    assert (iot.calls, data.calls) == ([], [])


def test_a_form_is_refused() -> None:
    with pytest.raises(http.HttpError) as error:
        respond(b"payload=%7B%7D")
    assert error.value.status == 415


def test_an_expression_can_ignore_events(first_time: list[tuple[str, str, int]]) -> None:
    assert respond(b"{}") == {"thing": THING, "ignored": True}
    assert respond(b"[]") == {"thing": THING, "ignored": True}
    assert first_time == []


@pytest.mark.parametrize("body", [b'{"text": 5}', b'{"text": {"a": 1}}', b'{"text": []}'])
def test_a_message_must_be_a_text(body: bytes) -> None:
    with pytest.raises(http.HttpError) as error:
        respond(body)
    assert error.value.status == 422


def test_an_expression_that_does_not_fit_the_body() -> None:
    with pytest.raises(http.HttpError) as error:
        webhook.message("join(' ', body.list)", {}, {"list": [1]})
    assert error.value.status == 422


def default_expression() -> str:
    text = (ROOT / "modules/apps/iot_messaging/variables.tf").read_text()
    found = re.search(r'message\s+= optional\(string, ("(?:[^"\\]|\\.)*")\)', text)
    assert found
    return str(json.loads(found[1]))


def test_the_default_expression_suits_github() -> None:
    push = {
        "repository": {"full_name": "o/r"},
        "sender": {"login": "ann"},
        "head_commit": {"message": "Fix\x1b@ it\n\nBecause."},
    }
    headers = {"x-github-event": "push"}
    assert webhook.message(default_expression(), headers, push) == "push o/r ann Fix @ it Because."
    issue = {**push, "action": "opened", "head_commit": None, "issue": {"title": "Broken"}}
    assert webhook.message(default_expression(), {"x-github-event": "issues"}, issue) == "issues opened o/r ann Broken"
    assert webhook.message(default_expression(), {"x-github-event": "ping"}, {"zen": "x"}) == "ping"
    assert webhook.message(default_expression(), {}, []) == ""


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400), st.integers(128, 300))
def test_each_text_fits_into_the_buffer(text: str, maximum: int) -> None:
    shown = webhook.message("body", {}, text)
    assert all(c.isprintable() for c in shown)
    payload = webhook.shortened("x" * 32, shown, maximum)
    assert len(payload) <= maximum
    got = json.loads(payload)["command"]["message"]
    assert got == shown or (got.endswith("…") and shown.startswith(got[:-1]))


def test_as_much_as_fits_is_kept() -> None:
    assert len(webhook.shortened("x" * 32, "y" * 500, 256)) == 256


def test_an_expression_that_is_none_is_reported_at_the_start() -> None:
    environment = {name.upper(): str(found) for name, found in vars(SETTINGS).items()}
    assert load(webhook.Settings, environment | {"RETAIN": "false"}) == SETTINGS
    with pytest.raises(SettingsError, match="JMESPath"):
        load(webhook.Settings, environment | {"RETAIN": "false", "MESSAGE": "join("})


def test_refusals_are_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(webhook, "_conf", lambda: SETTINGS)
    monkeypatch.setattr(webhook, "_things", lambda: None)
    monkeypatch.setattr(webhook, "_secrets", lambda: secrets(value("s3cret")))
    answer = webhook.handler({"body": "{}", "headers": {}}, CONTEXT)
    assert answer["statusCode"] == 401
    assert "SignaturesRefused" in capsys.readouterr().out
