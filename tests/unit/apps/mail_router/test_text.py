"""The text of a mail: what a browser shows, what is quoted, odd charsets; and hostile documents, in time."""

from __future__ import annotations

import sys

import pytest

from apps.mail_router import headers, judge, text
from scenarios import mails

SIZE = 262_144


def html(markup: str) -> str:
    return text.read(mails.lines(*mails.head("Content-Type: text/html; charset=utf-8"), markup)).text


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("<p>a&amp;b</p><P CLASS='x'>c", "\na&b\n\nc"),
        ("<style>p{}</style>a<script>if (1<2) {}</script>b", "ab"),
        ("<!-- a > b -->c<!doctype html>d", " c d"),
        ("1 < 2 and 3 <4", "1 < 2 and 3 <4"),
        ("<b>bo</b>ld", "bold"),
        ("a<script>never closed", "a"),
        ("a<!-- never closed", "a"),
        ("a<b never closed", "a"),
    ],
)
def test_html(markup: str, shown: str) -> None:
    assert html(markup).strip("\r\n ") == shown.strip("\r\n ")


@pytest.mark.parametrize(
    "piece",
    ["<!", "<!--", "<a ", "</", "<a x='", "<script>", "<?", "<![CDATA[", "&#x", "<div>", "<script></script ", "<"],
)
def test_hostile_html_ends(piece: str) -> None:
    """Python's own parser needs minutes for some of these: the test would time out."""
    html(piece * (SIZE // len(piece)))


@pytest.mark.parametrize(
    "field",
    [
        b"To: " + b"a@b.example," * 100_000,
        b"To: " + b"(" * 100_000,
        b"From: " + b'"' * 100_000,
        b"From: " + b"<" * 100_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 20_000,
        b"Subject: " + b"=?" * 100_000,
        b"References: " + b"<" * 100_000,
        b"X: y\r\n" * 20_000,
        b"x" * 5_000 + b": y",
    ],
)
def test_hostile_fields_end(field: bytes) -> None:
    fields, _ = headers.split(field + b"\r\n\r\n")
    lines = [*headers.kept(fields, ["a@example.org"]), headers.references(fields)]
    judge.judge(fields, "m", ["info@example.com"])
    assert all(len(line) <= 998 for given in lines for line in given.split(b"\r\n"))


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7", "idna", "rot13", "base64", "undefined", "utf-16", '"'])
def test_any_charset_is_text_or_a_problem(charset: str) -> None:
    body = b"\\ud800 hello +2AA- \xff"
    raw = mails.lines(*mails.head(f"Content-Type: text/plain; charset={charset}", subject=""), body)
    content = text.read(raw)
    assert content.problem or content.sample(100).encode()


def test_quoted_lines_and_signatures_are_not_analysed() -> None:
    content = text.read(mails.plain("> theirs\nmine\n >> theirs\n-- \nAnn", subject="AW: Re[2]: Fwd: Order"))
    assert content.sample(100) == "Order\nmine"
    assert text.read(mails.plain("> all is quoted", subject="Re: Order")).sample(100) == "Order\n> all is quoted"


def test_cut_leaves_whole_characters() -> None:
    assert [text.cut("aéb", most) for most in range(5)] == ["", "a", "a", "aé", "aéb"]


def test_more_levels_than_can_be_read() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)  # Lambda's; other tests raise it
    try:
        content = text.read(mails.deep(3000))
    finally:
        sys.setrecursionlimit(limit)
    assert (content.subject, content.problem) == ("Order", "unreadable")
