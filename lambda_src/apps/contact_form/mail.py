"""The mail that notifies administrators of a ticket, without a visitor's text in a header, or unescaped in HTML."""

import html
import unicodedata
from collections.abc import Mapping
from typing import Any

Item = Mapping[str, Mapping[str, Any]]

_HTML = """<!doctype html>
<html lang="en"><body>
<h1>{subject}</h1>
<dl>
{rows}
</dl>
<pre style="white-space: pre-wrap">{message}</pre>
</body></html>
"""


def content(item: Item, *, include_message: bool) -> dict[str, Any]:
    """Return SES's `Content` for a ticket's item."""
    subject = f"Ticket {item['ticketId']['S']}: {item['sentiment']['S'].lower()} message"
    facts = {
        "Received": _get(item, "createdAt"),
        "Sentiment": f"{_get(item, 'sentiment')} {_get(item, 'score', 'N')}".strip(),
        "Language": _get(item, "languageCode"),
    }
    if include_message:
        facts |= {"Name": _get(item, "senderName"), "Email": _get(item, "senderEmail")}
        message = _get(item, "message")
    else:
        message = "The message is in the table of tickets."
    shown = {name: " ".join(printable(value).split()) for name, value in facts.items() if value}
    message = printable(message)
    rows = "\n".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in shown.items())
    lines = [f"{name}: {value}" for name, value in shown.items()]
    # Each line of the message is quoted: the visitor cannot imitate the lines above it.
    quoted = [f"> {line}" for line in message.split("\n")]
    return {
        "Simple": {
            "Subject": _utf8(subject),
            "Body": {
                "Text": _utf8("\n".join([subject, "", *lines, "", *quoted, ""])),
                "Html": _utf8(_HTML.format(subject=html.escape(subject), rows=rows, message=html.escape(message))),
            },
        }
    }


def printable(text: str) -> str:
    """Return the text without characters that mail programs interpret: controls, and those that reorder the text."""
    text = "\n".join(text.splitlines())
    kept = (c for c in text if c in "\n\t\u200d" or unicodedata.category(c) not in ("Cc", "Cf"))
    return "".join(kept)


def _get(item: Item, name: str, kind: str = "S") -> str:
    return str(item.get(name, {}).get(kind, ""))


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
