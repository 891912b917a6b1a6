"""The header section of a mail, as bytes. The body is never decoded here, and never changed.

What names our sender, what no longer holds after a change (signatures, results of checks) and what would command SES
(`X-SES-…`) is left out; what SES accepts once occurs once. Fields that SES cannot carry (raw 8-bit text, lines of more
than 998 bytes) are encoded again.
https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
"""

from __future__ import annotations

import contextlib
import email.errors
import email.header
import re
from collections.abc import Iterable, Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from typing import NamedTuple

LONGEST_LINE = 998
_LONGEST_TEXT = 4_000
_LONGEST_NAME = 100
_LONGEST_FIELD = 20_000
"""Characters of a field that are looked at."""
_ADDRESSES = 50
_END = re.compile(rb"\r\n|\n|\r")
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_PLAIN = re.compile(rb"[\t -~]*")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


DROPPED = _names(
    "authentication-results bcc bounces-to delivered-to dkim-signature domainkey-signature errors-to from message-id "
    "received-spf reply-to resent-bcc return-path sender"
)
DROPPED_PREFIXES = ("arc-", "x-ses-")
ONCE = _names(
    "accept-language acceptlanguage archived-at auto-submitted bounces-to cc comments content-alternative "
    "content-base content-class content-description content-disposition content-duration content-id content-language "
    "content-length content-location content-md5 content-transfer-encoding content-type date delivered-to "
    "delivery-date disposition-notification-options disposition-notification-to dkim-signature domainkey-signature "
    "errors-to from importance in-reply-to keywords list-archive list-help list-id list-owner list-post "
    "list-subscribe list-unsubscribe list-unsubscribe-post message-context message-id mime-version organization "
    "original-from original-message-id original-recipient original-subject precedence priority references reply-to "
    "return-path return-receipt-to sender sensitivity solicitation subject thread-index thread-topic to user-agent "
    "vbr-info"
)
_ADDRESS_FIELDS = frozenset({"to", "cc"})
_ID_FIELDS = frozenset({"references", "in-reply-to"})


class Field(NamedTuple):
    """One field: its name in lower case, and its lines without their ends."""

    name: str
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """Return the unfolded value; raw 8-bit text as UTF-8, else as Latin-1."""
        joined = b" ".join(line.strip() for line in self.lines)
        return _decode(joined.partition(b":")[2]).strip()


def split(raw: bytes) -> tuple[list[Field], bytes]:
    """Return the fields of a mail and its body. Lines may end as in any system; other lines than fields end them."""
    found: list[tuple[str, list[bytes]]] = []
    at = 0
    while at < len(raw):
        ends = _END.search(raw, at)
        line, end = (raw[at : ends.start()], ends.end()) if ends else (raw[at:], len(raw))
        if not line:
            at = end
            break
        named = _NAME.match(line)
        if line[:1] in (b" ", b"\t"):
            if found:
                found[-1][1].append(line)
        elif named:
            found.append((named[1].decode().lower(), [named[1] + b":" + line[named.end() :]]))
        elif not line.startswith((b"From ", b":")):  # mbox's separator, and a field without a name
            break
        at = end
    return [Field(name, tuple(lines)) for name, lines in found], raw[at:]


def first(fields: Iterable[Field], name: str) -> str:
    """Return the unfolded value of the first field of that name, or ""."""
    return next((field.text for field in fields if field.name == name), "")


def kept(fields: Iterable[Field], to: Iterable[str]) -> Iterator[bytes]:
    """Yield the lines of a forward's fields that are the original's. `to` stands in for a missing or unusable To."""
    seen: set[str] = set()
    for field in fields:
        if field.name in DROPPED or field.name.startswith(DROPPED_PREFIXES) or len(field.name) > _LONGEST_NAME:
            continue
        if field.name in ONCE and field.name in seen:
            continue
        seen.add(field.name)
        if field.name == "references":
            continue  # `references` writes it
        if lines := list(_fitting(field)):
            yield from lines
        elif field.name == "to":
            seen.discard("to")
    if "to" not in seen:
        yield f"To: {', '.join(to)}".encode()


def references(fields: Iterable[Field]) -> bytes:
    """Return the References of a forward: the original's, then the original itself; so that answers find their thread.

    SES replaces the Message-ID.
    """
    fields = list(fields)
    ids = _MESSAGE_ID.findall(first(fields, "references")) or _MESSAGE_ID.findall(first(fields, "in-reply-to"))
    own = _MESSAGE_ID.findall(first(fields, "message-id"))[:1]
    ascii_ids = [one for one in [*ids[-20:], *own] if one.isascii()]
    return ("References: " + "\r\n ".join(ascii_ids)).encode() if ascii_ids else b""


def addresses(text: str) -> list[tuple[str, str]]:
    """Return the names and the ASCII addresses of a field's value, without what is no plain address."""
    found = []
    for name, address in _pairs(text[:_LONGEST_FIELD])[:_ADDRESSES]:
        local, _, domain = address.rpartition("@")
        if not domain.isascii():
            try:
                domain = domain.encode("idna").decode()
            except UnicodeError:
                continue
        if is_address(f"{local}@{domain}"):
            found.append((decoded(name), f"{local}@{domain}"))
    return found


def is_address(text: str) -> bool:
    """Return whether SES takes this as an address: ASCII, with a domain, without a name."""
    return len(text) <= 320 and _ADDRESS.fullmatch(text) is not None


def decoded(text: str) -> str:
    """Return a value with its encoded words decoded, on one line, without control characters."""
    with contextlib.suppress(LookupError, ValueError, email.errors.HeaderParseError):  # as of an unknown charset
        text = str(email.header.make_header(email.header.decode_header(text[:_LONGEST_FIELD])))
    return printable(text)


def printable(text: str) -> str:
    """Return the text on one line, without characters that are not shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def address_field(name: str, values: Iterable[tuple[str, str]]) -> bytes:
    """Return the lines of an address field, folded and encoded."""
    made = EmailMessage(SMTP)
    made[name] = tuple(Address(_cut(shown), *address.rsplit("@", 1)) for shown, address in values)
    return made.as_bytes().rstrip(b"\r\n")


def text_field(name: str, text: str) -> bytes:
    """Return the lines of a field of plain text, folded and encoded."""
    value = email.header.Header(_cut(printable(text), _LONGEST_TEXT), _charset(text), 76, name).encode(linesep="\r\n")
    return f"{name}: {value}".encode()


def _fitting(field: Field) -> Iterator[bytes]:
    """Yield the lines of a field as SES accepts them; none for what cannot be mended."""
    fits = all(len(line) <= LONGEST_LINE and _PLAIN.fullmatch(line) for line in field.lines)
    if field.name in _ADDRESS_FIELDS and not (fits and _all_addresses(field.text)):
        if found := addresses(field.text):
            yield address_field(field.name.capitalize(), found)
    elif fits:
        yield from field.lines
    elif field.name.startswith("content-"):
        yield from (line.replace(b"\0", b"") for line in field.lines)  # part of how the body is read
    elif field.name in _ID_FIELDS:
        if ids := [one for one in _MESSAGE_ID.findall(field.text) if one.isascii()]:
            yield f"{field.name}: {ids[-1]}".encode()
    elif field.name != "received":
        yield text_field(field.lines[0].partition(b":")[0].decode(), field.text)


def _all_addresses(text: str) -> bool:
    if not text or len(text) > _LONGEST_FIELD:
        return False
    found = _pairs(text)
    return all(is_address(address) for _, address in found) and len(found) <= _ADDRESSES


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return getaddresses([text])
    except RecursionError:  # as of thousands of parentheses
        return []


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _charset(text: str) -> str:
    """Return the charset of a field; ASCII cannot be folded within a word."""
    return "us-ascii" if text.isascii() and max(map(len, text.split()), default=0) < LONGEST_LINE // 2 else "utf-8"


def _cut(text: str, most: int = 80) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
