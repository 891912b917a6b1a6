"""What a mail says, for Comprehend: its subject and its first text, as far as they can be read."""

from __future__ import annotations

import email
import email.policy
import html
import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple

from . import headers

READ_BYTES = 262_144
"""Bytes of a mail that are read for its text. A text that begins later counts as none."""

_REPLY = re.compile(r"^\s*((re|fwd?|aw|wg|tr|rv|sv|vs)\s*(\[\d+\])?:\s*)+", re.IGNORECASE)
_SIGNATURE = "-- "


class Content(NamedTuple):
    """A mail's subject and text; `attachments` are the names of other parts, `problem` why a text is missing."""

    subject: str
    text: str
    attachments: list[str]
    problem: str = ""

    def sample(self, most: int) -> str:
        """Return subject and text without what is quoted, at most `most` bytes of UTF-8."""
        lines = _own_lines(self.text) or self.text.splitlines()
        text = "\n".join([_REPLY.sub("", self.subject), *lines]).strip()
        return cut(text, most)


def cut(text: str, most: int) -> str:
    """Return the beginning of a text that has at most `most` bytes in UTF-8."""
    return text.encode()[:most].decode(errors="ignore")


def read(raw: bytes) -> Content:
    """Return what a mail says. A mail that cannot be read has a `problem`, and never raises."""
    subject = headers.decoded(headers.first(headers.split(raw[:READ_BYTES])[0], "subject"))
    try:
        parsed = email.message_from_bytes(raw[:READ_BYTES], policy=email.policy.compat32)
        leaves = list(_leaves(parsed))
        names = [name for leaf in leaves if (name := _name(leaf))]
        texts = [leaf for leaf in leaves if leaf.get_content_maintype() == "text" and not _attached(leaf)]
        plain = [leaf for leaf in texts if leaf.get_content_subtype() == "plain"]
        rich = [leaf for leaf in texts if leaf.get_content_subtype() == "html"]
        for leaf in [*plain[:1], *rich[:1]]:
            text = _text(leaf)
            if text.strip():
                return Content(subject, text, names)
    except LookupError:
        return Content(subject, "", [], "unknown_charset")
    except Exception:  # noqa: BLE001 - the parser's faults are many; the mail goes to people as it is
        return Content(subject, "", [], "unreadable")
    return Content(subject, "", names, "" if subject else "no_text")


def _leaves(message: Message) -> Iterator[Message]:
    """Yield the parts without parts, in order. A mail within the mail is an attachment."""
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        payload = part.get_payload()
        if part.is_multipart() and part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting = [one for one in payload if isinstance(one, Message)] + waiting
        else:
            yield part


def _attached(part: Message) -> bool:
    return str(part.get("Content-Disposition") or "").lower().lstrip().startswith("attachment")


def _name(part: Message) -> str:
    """Return the file name of a part, or its type if it is an attachment without a name; otherwise ""."""
    name = part.get_filename()
    if name:
        return headers.decoded(str(name))[:100]
    return part.get_content_type() if _attached(part) or part.get_content_maintype() != "text" else ""


def _text(part: Message) -> str:
    """Return a part's text. Raise LookupError if its charset is unknown."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = str(part.get_content_charset() or "")
    text = _guessed(data) if charset in ("", "us-ascii", "ascii") else data.decode(charset, "replace")
    text = text.encode(errors="replace").decode()  # some codecs of Python make what no encoding of a request has
    return _shown(text) if part.get_content_subtype() == "html" else text


def _guessed(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _own_lines(text: str) -> list[str]:
    lines = []
    for line in text.splitlines():
        if line == _SIGNATURE:
            break
        if line.strip() and not line.lstrip().startswith(">"):
            lines.append(line)
    return lines


_HIDDEN = frozenset({"head", "noscript", "script", "style", "template", "title"})
_BLOCKS = frozenset({"br", "div", "li", "p", "td", "tr"})
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)|<[!?]")


def _shown(markup: str) -> str:
    """Return what a browser shows, in one pass: `html.parser` can take minutes for a hostile document of this size."""
    lower, pieces, at = markup.lower(), [], 0
    while (start := markup.find("<", at)) >= 0:
        pieces.append(markup[at:start])
        tag = _TAG.match(lower, start)
        if not tag:
            pieces.append("<")
            at = start + 1
            continue
        name = tag[1] or ""
        comment = lower.startswith("<!--", start)
        end = markup.find("-->" if comment else ">", start)
        if end >= 0 and name in _HIDDEN and lower[start + 1] != "/":
            end = lower.find(f"</{name}", end)
            at = end
        else:
            at = end + (3 if comment else 1)
            pieces.append("\n" if name in _BLOCKS else " " if comment or not name else "")
        if end < 0:  # what is not closed hides the rest
            at = len(markup)
    return html.unescape("".join([*pieces, markup[at:]]))
