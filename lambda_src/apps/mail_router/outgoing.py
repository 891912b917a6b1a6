"""The mails that go out: the original with a new header section, a redacted text, or a notice with the way to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from . import headers
from .headers import Field
from .judge import MARKER, authors


@dataclass(frozen=True)
class Sender:
    """Who sends: a verified address. `marker` names this router, `recipients` are those of its receipt rule."""

    address: str
    marker: str
    recipients: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where an original is kept."""

    bucket: str
    key: str
    region: str
    size: int

    def lines(self) -> list[str]:
        """Return how to get the original."""
        return [
            f"The original has {self.size:,} bytes and is kept here:",
            f"s3://{self.bucket}/{self.key}",
            f"https://{self.region}.console.aws.amazon.com/s3/object/{self.bucket}?prefix={self.key}",
        ]


def forward(sender: Sender, fields: Sequence[Field], body: bytes, to: Sequence[str], verdicts: str) -> bytes:
    """Return the mail with a new header section, and the body as it is, byte for byte."""
    lines = [
        *_ours(sender, fields, verdicts),
        headers.references(fields),
        *headers.kept(fields, to),
    ]
    return b"\r\n".join([*filter(None, lines), b"", body])


def too_long(body: bytes) -> bool:
    """Return whether a body has a line that SES refuses.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_RawMessage.html
    """
    at, most = 0, headers.LONGEST_LINE + 1
    while len(body) - at >= most:  # from one end of a line to the last one within reach, in a few thousand steps
        end = max(body.rfind(b"\n", at, at + most), body.rfind(b"\r", at, at + most))
        if end < 0:
            return True
        at = end + 1
    return False


def notice(
    sender: Sender,
    fields: Sequence[Field],
    place: Place,
    to: Sequence[str],
    why: str,
    verdicts: str,
    *,
    named: bool,
) -> bytes:
    """Return a short mail about a mail that is not forwarded itself, with its author and subject only if `named`."""
    subject = headers.decoded(headers.first(fields, "subject")) if named else ""
    shown = ", ".join(_shown(one) for one in authors(fields, sender.recipients))
    about = [f"From: {shown or 'unknown'}", f"Subject: {subject[:500]}", ""] if named else []
    text = "\n".join([f"A mail for you is not forwarded: {why}", "", *about, *place.lines(), ""])
    return _text(sender, fields, f"[not forwarded] {subject}", text, to, verdicts, named=named)


def redacted(
    sender: Sender,
    fields: Sequence[Field],
    place: Place,
    to: Sequence[str],
    content: tuple[str, str, Sequence[str]],
    verdicts: str,
) -> bytes:
    """Return a mail with the redacted subject and text of `content`, and the types of attachments that stay behind."""
    subject, text, attachments = content
    left = [f"Not forwarded: {len(attachments)} attachments."] if attachments else []
    lines = [text.rstrip(), "", "--", "Personal data was removed from this mail.", *left, *place.lines(), ""]
    return _text(sender, fields, subject, "\n".join(lines), to, verdicts, named=False)


def redact(text: str, entities: Iterable[Mapping[str, Any]], types: Iterable[str], least: float) -> str:
    """Return the text with each entity of Comprehend's DetectPiiEntities replaced by its type."""
    wanted = frozenset(types)
    chosen = [one for one in entities if one["Score"] >= least and ("ALL" in wanted or one["Type"] in wanted)]
    pieces, at = [], 0
    for one in sorted(chosen, key=lambda one: int(one["BeginOffset"])):
        if one["BeginOffset"] >= at:  # else it overlaps with the entity before it
            pieces += [text[at : one["BeginOffset"]], f"[{one['Type']}]"]
        at = max(at, int(one["EndOffset"]))
    return "".join([*pieces, text[at:]])


def _ours(sender: Sender, fields: Sequence[Field], verdicts: str, *, named: bool = True) -> list[bytes]:
    """Return the fields that are this router's: From, Reply-To and the marks."""
    writers = headers.addresses(headers.first(fields, "from"))
    shown = (writers[0][0] or writers[0][1].partition("@")[0]) if writers and named else "Mail"
    answers = authors(fields, sender.recipients)
    return [
        headers.address_field("From", [(f"{shown} via {sender.address.partition('@')[0]}", sender.address)]),
        headers.address_field("Reply-To", answers) if answers else b"",
        f"{MARKER}: {sender.marker}; {verdicts}".encode(),
    ]


def _text(
    sender: Sender, fields: Sequence[Field], subject: str, text: str, to: Sequence[str], verdicts: str, **more: bool
) -> bytes:
    message = EmailMessage(SMTP)
    message.set_content(text, charset="utf-8", cte="base64")
    lines = [
        *_ours(sender, fields, verdicts, **more),
        headers.text_field("Subject", subject),
        f"To: {', '.join(to)}".encode(),
        b"Auto-Submitted: auto-generated",
        headers.references(fields),
    ]
    return b"\r\n".join([*filter(None, lines), message.as_bytes()])


def _shown(one: tuple[str, str]) -> str:
    name, address = one
    return f"{name} <{address}>" if name else address
