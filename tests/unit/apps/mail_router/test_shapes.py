"""Awkward mails: each goes where it should, SES accepts what goes out, and its parts are those that came in."""

from __future__ import annotations

import email
import email.policy
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.mail_router import headers, judge, outgoing
from local.patches.ses_sending import problem
from scenarios import mails

from .conftest import CONF, MARKER, World, arrived

SHAPES = mails.shapes()
TO = {"en": ["english@example.org"], "fr": ["french@example.org"]}
SENDER = outgoing.Sender(CONF.from_address, MARKER, tuple(CONF.recipients))


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_goes_where_it_should(world: World, name: str) -> None:
    shape = SHAPES[name]
    outcome = world.arrive(shape.raw, sender=shape.sender, **shape.verdicts)
    if shape.goes == mails.WITHHELD:
        assert (outcome, world.ses.sent) == ("withheld", [])
        return
    assert outcome == ("noticed" if shape.goes == mails.NOTICE else "forwarded")
    assert world.to == TO.get(shape.goes, world.to if shape.goes == mails.NOTICE else ["team@example.org"])
    if outcome == "noticed":
        assert b"s3://archive/inbox/one" in world_text(world)
        return
    assert mails.parts(world.mail) == mails.parts(shape.raw)
    section, _, body = world.mail.partition(b"\r\n\r\n")
    assert headers.split(shape.raw)[1] == body
    assert section.isascii() or b"Content-" in section
    parsed = email.message_from_bytes(section + b"\r\n\r\n", policy=email.policy.default)
    counts = [name.lower() for name in parsed.keys()]  # noqa: SIM118 - a mail has fields twice
    assert not [name for name in counts if counts.count(name) > 1 and name in headers.ONCE]
    assert [address for _, address in getaddresses([str(parsed["From"])])] == [CONF.from_address]
    assert "everyone@example.org" not in str(parsed["To"]) + str(parsed["Cc"]) + str(parsed["Bcc"])
    assert not {"bcc", "sender", "return-path", "delivered-to", "dkim-signature", "message-id"} & set(counts)
    assert not [name for name in counts if name.startswith(("x-ses-", "arc-"))]


def world_text(world: World) -> bytes:
    part = email.message_from_bytes(world.mail, policy=email.policy.default)
    return str(part.get_content()).encode()


def test_there_are_shapes_enough() -> None:
    assert len(SHAPES) >= 30


def test_answers_go_to_the_sender(world: World) -> None:
    world.arrive(mails.plain())
    parsed = email.message_from_bytes(world.mail, policy=email.policy.default)
    assert str(parsed["Reply-To"]) == "Ann Example <ann@example.net>"
    assert str(parsed["From"]) == "Ann Example via router <router@example.com>"
    world.arrive(mails.plain("Hello again, this is the order", Reply_To="Sales <sales@example.net>"))
    parsed = email.message_from_bytes(world.mail, policy=email.policy.default)
    assert str(parsed["Reply-To"]) == "Sales <sales@example.net>"
    world.arrive(mails.plain("Hello, this is the third order", Reply_To="info+x@example.com"))
    parsed = email.message_from_bytes(world.mail, policy=email.policy.default)
    assert str(parsed["Reply-To"]) == "Ann Example <ann@example.net>"


def test_answers_find_their_thread(world: World) -> None:
    fields = {"References": "<a@x.example> <b@x.example>", "In_Reply_To": "<b@x.example>"}
    world.arrive(mails.plain(**fields).replace(b"Message-ID: ", b"Message-ID: <own@example.net> x-"))
    parsed = email.message_from_bytes(world.mail, policy=email.policy.default)
    assert str(parsed["References"]).split() == ["<a@x.example>", "<b@x.example>", "<own@example.net>"]


def test_verdicts_are_shown(world: World) -> None:
    world.arrive(mails.plain(), dmarc="fail")
    assert f"\r\nX-Switchyard-Mail-Router: {MARKER}; spam=PASS virus=PASS dmarc=FAIL\r\n".encode() in world.mail


def test_verdicts_of_other_servers_do_not_count(world: World) -> None:
    hop = b"Received: from a.example by b.example\r\nX-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\n"
    assert (world.arrive(hop + hop + mails.plain()), world.to) == ("forwarded", ["english@example.org"])
    mail = arrived(hop + mails.plain("Hello, this is the forged one"))
    world.s3.objects["inbox/two"] = b"\r\n".join(
        line for number, line in enumerate(mail.split(b"\r\n")) if number > 5 or not line.startswith(b"X-SES-")
    )
    assert (world.router.route("inbox/two"), world.to) == ("noticed", ["team@example.org"])


names = st.sampled_from(
    ["From", "To", "Cc", "Subject", "Content-Type", "X-Any", "DKIM-Signature", "Reply-To", "References", "Received", ""]
)
texts = st.one_of(
    st.text(max_size=60).map(str.encode),
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"multipart/mixed; boundary=b",
            b'text/plain; charset="\xff"',
            b"=?utf-8?q?=0D=0ABcc=3A_x?=",
            b"a@example.net",
            b"x" * 1200,
            b"<a@b> " * 400,
            b" \r\n folded",
        ]
    ),
)
lines = st.tuples(names, st.sampled_from([b": ", b":", b" : ", b"\t"]), texts, st.sampled_from([b"\r\n", b"\n", b"\r"]))


@settings(max_examples=150, deadline=None)
@given(section=st.lists(lines, max_size=10), body=st.binary(max_size=300))
def test_any_header_section_becomes_a_safe_one(section: list[Any], body: bytes) -> None:
    raw = b"".join(name.encode() + colon + text + end for name, colon, text, end in section) + b"\r\n" + body
    fields, rest = headers.split(arrived(raw))
    found = judge.judge(fields, MARKER, SENDER.recipients)
    made = outgoing.forward(SENDER, fields, rest, ["team@example.org"], found.verdicts)
    head, _, after = made.partition(b"\r\n\r\n")
    assert after == rest
    again, _ = headers.split(made)
    kept = [one.name for one in again]
    assert not [name for name in kept if kept.count(name) > 1 and name in headers.ONCE]
    assert not {"bcc", "dkim-signature", "return-path", "sender"} & set(kept)
    assert [address for _, address in headers.addresses(headers.first(again, "from"))] == [CONF.from_address]
    content = b"content-" in head.lower()  # what says how to read the body stays as it is
    assert content or outgoing.too_long(rest) or not problem(made)
    notice = outgoing.notice(SENDER, fields, outgoing.Place("b", "k", "r", 1), ["a@example.org"], "why", "", named=True)
    assert not problem(notice)


@given(
    st.lists(st.tuples(st.integers(0, 1100), st.sampled_from([b"\r\n", b"\n", b"\r"])), max_size=6),
    st.integers(0, 1100),
)
def test_long_lines(given_lines: list[tuple[int, bytes]], last: int) -> None:
    body = b"".join(b"x" * length + end for length, end in given_lines) + b"x" * last
    assert outgoing.too_long(body) is (max([*(length for length, _ in given_lines), last]) > 998)
