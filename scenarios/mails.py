"""Awkward mails, as the outside world sends them: what a mail router must take, and where each must go."""

from __future__ import annotations

import base64
import email
import email.policy
from email.message import EmailMessage, Message
from typing import NamedTuple

ENGLISH = "Hello, this is the order that I have not received and it is late for my taste."
FRENCH = "Bonjour, je suis désolé mais la commande est en retard et je ne suis pas content avec le service."
CZECH = "Příliš žluťoučký kůň"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000049454e44ae426082")
CATCH_ALL, WITHHELD, NOTICE = "catch-all", "withheld", "notice"


class Mail(NamedTuple):
    """A mail, where it goes (a language, CATCH_ALL, WITHHELD or NOTICE), and what SES finds out about it."""

    raw: bytes
    goes: str
    verdicts: dict[str, str] = {}  # noqa: RUF012 - never changed
    sender: str = "ann@example.net"


class Part(NamedTuple):
    """What a mail program sees of a part."""

    type: str
    parameters: tuple[tuple[str, str], ...]
    disposition: str
    content_id: str
    content: bytes


def parts(raw: bytes) -> list[Part]:
    """Return the parts of a mail in order, with their decoded contents; those of a mail within it are its bytes."""
    found: list[Part] = []
    waiting: list[Message] = [email.message_from_bytes(raw, policy=email.policy.compat32)]
    while waiting:
        part = waiting.pop(0)
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting = [one for one in payload if isinstance(one, Message)] + waiting
            content = b""
        elif isinstance(payload, list):
            content = b"".join(one.as_bytes() for one in payload if isinstance(one, Message))
        else:
            decoded = part.get_payload(decode=True)
            content = decoded if isinstance(decoded, bytes) else b""
        parameters = tuple((str(name), str(value)) for name, value in part.get_params([], unquote=True))
        found.append(
            Part(
                part.get_content_type(),
                parameters,
                str(part.get("Content-Disposition", "")),
                str(part.get("Content-ID", "")),
                content,
            )
        )
    return found


def plain(text: str = ENGLISH, subject: str = "Order", **fields: str) -> bytes:
    """Return a plain mail. `fields` are further ones, with `_` for `-`."""
    message = EmailMessage(email.policy.SMTP)
    named = {"From": "Ann Example <ann@example.net>", "To": "info@example.com", "Subject": subject}
    for name, value in {**named, "Message-ID": f"<{abs(hash((text, subject)))}@example.net>"}.items():
        message[name] = value
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def lines(*given: str | bytes) -> bytes:
    """Return lines joined as in a mail; text is UTF-8."""
    return b"\r\n".join(one if isinstance(one, bytes) else one.encode() for one in given)


def head(*more: str | bytes, subject: str | bytes = "Order") -> tuple[str | bytes, ...]:
    """Return the lines of a header section, with an empty one at the end."""
    named = subject if isinstance(subject, bytes) else subject.encode()
    return (
        "From: Ann Example <ann@example.net>",
        "To: info@example.com",
        b"Subject: " + named,
        "Date: Fri, 27 Nov 2026 10:00:00 +0100",
        "MIME-Version: 1.0",
        *more,
        "",
    )


def _structured() -> EmailMessage:
    message = EmailMessage(email.policy.SMTP)
    message["From"] = "Ann Example <ann@example.net>"
    message["To"] = "info@example.com"
    message["Subject"] = "Order"
    message["Message-ID"] = "<structured@example.net>"
    return message


def _alternative() -> bytes:
    message = _structured()
    message.set_content(FRENCH)
    message.add_alternative(f"<p>{FRENCH}</p>", subtype="html")
    return message.as_bytes()


def _attachments() -> bytes:
    message = _structured()
    message.set_content(ENGLISH)
    message.add_attachment(bytes(range(256)) * 40, maintype="application", subtype="pdf", filename="bill.pdf")
    message.add_attachment("a;b\r\n", subtype="csv", filename="Přehled objednávek, 2026.csv")  # RFC 2231
    return message.as_bytes()


def _inline() -> bytes:
    message = _structured()
    message.set_content(ENGLISH)
    message.add_alternative(f'<p>{ENGLISH}</p><img src="cid:logo@example.net">', subtype="html")
    html = message.get_payload()[1]  # type: ignore[index]
    html.add_related(PNG, maintype="image", subtype="png", cid="<logo@example.net>")  # type: ignore[union-attr]
    return message.as_bytes()


def _invitation() -> bytes:
    message = _structured()
    message.set_content(ENGLISH)
    event = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@example.net\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    message.add_alternative(event, subtype="calendar", params={"method": "REQUEST"})
    return message.as_bytes()


def _within() -> bytes:
    message = _structured()
    message.set_content(ENGLISH)
    message.add_attachment(email.message_from_bytes(plain("inner"), policy=email.policy.SMTP))
    return message.as_bytes()


def _signed(kind: str, protocol: str) -> bytes:
    return lines(
        *head(f'Content-Type: multipart/signed; protocol="{protocol}"; micalg=sha-256; boundary="s"'),
        "--s",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        f"{ENGLISH} é \t ",
        "",
        "--s",
        f"Content-Type: {protocol}; name={kind}",
        "Content-Transfer-Encoding: base64",
        "",
        base64.b64encode(bytes(range(200))).decode(),
        "--s--",
        "",
    )


def deep(depth: int) -> bytes:
    """Return a mail whose text is within that many levels of parts."""
    opened = [f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}' for n in range(depth)]
    closed = [f"--b{n}--" for n in reversed(range(depth))]
    return lines(*head()[:-1], *opened, "Content-Type: text/plain", "", ENGLISH, *closed, "")


def shapes() -> dict[str, Mail]:
    """Return the mails by their name."""
    boundary = 'Content-Type: multipart/mixed; boundary="b"'
    text = "Content-Type: text/plain; charset=utf-8"
    return {
        "plain English": Mail(plain(subject="I need help"), "en"),
        "plain French": Mail(plain(FRENCH, subject="j'ai besoin d'aide"), "fr"),
        "another language": Mail(
            plain("Das ist eine Bestellung und ich bin nicht zufrieden mit der Lieferung"), CATCH_ALL
        ),
        "text and HTML": Mail(_alternative(), "fr"),
        "HTML only": Mail(
            lines(*head("Content-Type: text/html; charset=utf-8"), f"<style>a{{}}</style><p>{FRENCH}</p>", ""), "fr"
        ),
        "attachments, one with an RFC 2231 name": Mail(_attachments(), "en"),
        "an inline image": Mail(_inline(), "en"),
        "a calendar invitation": Mail(_invitation(), "en"),
        "a mail within": Mail(_within(), "en"),
        "an S/MIME signature": Mail(_signed("smime.p7s", "application/pkcs7-signature"), "en"),
        "a PGP signature": Mail(_signed("signature.asc", "application/pgp-signature"), "en"),
        "8 bits in windows-1250": Mail(
            lines(
                *head("Content-Type: text/plain; charset=windows-1250", "Content-Transfer-Encoding: 8bit", subject="x"),
                CZECH.encode("windows-1250"),
                "",
            ),
            CATCH_ALL,
        ),
        "8 bits in UTF-8, declared as ASCII": Mail(lines(*head("Content-Type: text/plain"), FRENCH, ""), "fr"),
        "ISO-2022-JP": Mail(
            lines(*head("Content-Type: text/plain; charset=iso-2022-jp"), "これは注文です".encode("iso-2022-jp"), ""),
            CATCH_ALL,
        ),
        "UTF-16 in base64": Mail(
            lines(
                *head("Content-Type: text/plain; charset=utf-16", "Content-Transfer-Encoding: base64"),
                base64.encodebytes(FRENCH.encode("utf-16")).replace(b"\n", b"\r\n"),
            ),
            "fr",
        ),
        "an unknown charset": Mail(lines(*head("Content-Type: text/plain; charset=klingon-1"), ENGLISH, ""), CATCH_ALL),
        "raw 8-bit header fields": Mail(
            lines(
                "From: Zoë Exämple <zoe@example.net>", *head(text, subject="Größe".encode("latin-1"))[1:], ENGLISH, ""
            ),
            "en",
        ),
        "two folded DKIM signatures, two Delivered-To": Mail(
            lines(
                "DKIM-Signature: v=1; d=one.example;",
                "\tb=abc",
                "DKIM-Signature: v=1; d=two.example;",
                " b=def",
                "Delivered-To: a@example.net",
                "Delivered-To: info@example.com",
                "ARC-Seal: i=1; a=rsa-sha256",
                "X-SES-CONFIGURATION-SET: theirs",
                "X-SES-SOURCE-ARN: arn:aws:ses:eu-west-1:999999999999:identity/evil.example",
                "Sender: evil@example.org",
                "Bcc: everyone@example.org",
                *head(text),
                ENGLISH,
                "",
            ),
            "en",
        ),
        "every field twice": Mail(lines(*head(text)[:-1], *head(text, subject="Second"), ENGLISH, ""), "en"),
        "an injected line in an encoded name": Mail(
            lines(
                "From: =?utf-8?q?Ann=0D=0ABcc=3A_everyone=40example=2Eorg?= <ann@example.net>",
                *head(text)[1:],
                ENGLISH,
                "",
            ),
            "en",
        ),
        "a bare carriage return in the subject": Mail(
            lines(*head(text, subject=b"Order\rBcc: everyone@example.org"), ENGLISH, ""), "en"
        ),
        "lines that end in LF": Mail(plain().replace(b"\r\n", b"\n"), "en"),
        "no header at all": Mail(b"\r\n" + ENGLISH.encode(), CATCH_ALL),
        "no text": Mail(lines(*head(text, subject=""), "", ""), CATCH_ALL),
        "a subject only": Mail(lines(*head(text, subject="I have not received the order and it is late"), ""), "en"),
        "nothing": Mail(b"", CATCH_ALL),
        "no end of the parts": Mail(lines(*head(boundary), "--b", text, "", ENGLISH, ""), "en"),
        "no boundary": Mail(lines(*head("Content-Type: multipart/mixed"), ENGLISH, ""), CATCH_ALL),
        "three hundred levels": Mail(deep(300), "en"),
        "six hundred levels": Mail(deep(600), NOTICE),
        "a body of random bytes": Mail(
            lines(*head("Content-Type: application/octet-stream", subject="\U0001f600"), bytes(range(256)) * 3),
            CATCH_ALL,
        ),
        "receivers that are no addresses": Mail(
            lines(
                "From: ann@example.net",
                'To: undisclosed-recipients:;, "info" <info>, Info <info@example.com>',
                "Cc: team",
                "Subject: Order",
                text,
                "",
                ENGLISH,
                "",
            ),
            "en",
        ),
        "a header line of 5,000 characters": Mail(lines(*head(text, f"X-Long: {'x' * 5000}"), ENGLISH, ""), "en"),
        "quoted French, answered in English": Mail(
            plain(f"{ENGLISH}\n" + f"> {FRENCH}\n" * 9, subject="Re: Order"), "en"
        ),
        "from a mailing list": Mail(plain(List_Id="<list.example.net>", Precedence="list"), "en"),
        "a newsletter": Mail(plain(Precedence="bulk", subject="The news are here"), CATCH_ALL),
        "out of office": Mail(plain(Precedence="bulk", subject="Out of office"), WITHHELD),
        "an automatic answer": Mail(plain(Auto_Submitted="auto-replied"), WITHHELD),
        "a bounce": Mail(
            lines(*head('Content-Type: multipart/report; report-type=delivery-status; boundary="b"'), "--b--", ""),
            WITHHELD,
            sender="",
        ),
        "spam": Mail(plain(subject="Spam"), WITHHELD, {"spam": "FAIL"}),
        "a virus": Mail(plain(subject="Virus"), WITHHELD, {"virus": "FAIL"}),
        "a virus that vouches for itself": Mail(
            lines("X-SES-Virus-Verdict: PASS", *head(text, subject="Virus 2"), ENGLISH), WITHHELD, {"virus": "FAIL"}
        ),
        "perhaps spam": Mail(plain(subject="Perhaps spam"), CATCH_ALL, {"spam": "GRAY"}),
        "perhaps a virus": Mail(plain(subject="Perhaps a virus"), NOTICE, {"virus": "PROCESSING_FAILED"}),
        "a forged sender": Mail(plain(subject="Forged"), CATCH_ALL, {"dmarc": "fail"}),
        "no sender": Mail(lines("From: ann", *head(text, subject="No sender")[1:], ENGLISH, ""), CATCH_ALL),
        "a program": Mail(
            lines(*head("Content-Type: application/x-msdownload; name=a.exe", subject="The program is here"), "MZ"),
            NOTICE,
        ),
        "a line of 2,000 characters": Mail(lines(*head(text, subject="The long line"), "x" * 2000, ""), NOTICE),
    }
