"""What a visitor may send: the fields of the form, their limits, and what is wrong with a submission.

API Gateway checks types and sizes first (the module's request model), but only of bodies it takes for JSON. All rules
are here.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HONEYPOT = "website"
"""A field that people do not see. Programs that fill in every field fill it in, too."""
FIELDS = ("message", "name", "email", HONEYPOT)
MAXIMUM_NAME = 100
MAXIMUM_EMAIL = 254  # RFC 5321, without the angle brackets
COMPREHEND_BYTES = 5000
"""Longest text that DetectSentiment accepts, in bytes of UTF-8."""

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


class Invalid(Exception):
    """A submission that the visitor can correct: a message for each field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("Correct the fields and send the form again.")
        self.errors = dict(errors)


class Trapped(Exception):
    """The honeypot was filled in."""


@dataclass(frozen=True)
class Submission:
    """A valid submission. `name` and `email` are empty if they were not given."""

    message: str
    name: str = ""
    email: str = ""

    @property
    def digest(self) -> str:
        """Return what distinguishes this submission from another one with the same request key."""
        return hashlib.sha256(json.dumps([self.message, self.name, self.email]).encode()).hexdigest()

    @property
    def sample(self) -> str:
        """Return the beginning of the message that Amazon Comprehend accepts, cut between characters."""
        return self.message.encode()[:COMPREHEND_BYTES].decode(errors="ignore")


def parse(body: Mapping[str, Any], maximum_characters: int) -> Submission:
    """Return the submission in the body of a request. Raise Invalid or Trapped."""
    errors: dict[str, str] = {str(field): "This field does not exist." for field in body if field not in FIELDS}
    values = {field: _text(body, field, errors) for field in FIELDS}
    message = values["message"].replace("\r\n", "\n").strip()
    name, email = values["name"].strip(), values["email"].strip()
    if "message" not in errors and not _visible(message):
        errors["message"] = "Write a message."
    elif len(message) > maximum_characters:
        errors["message"] = f"Write at most {maximum_characters} characters; these are {len(message)}."
    if len(name) > MAXIMUM_NAME or any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in name):
        errors["name"] = f"Write a name of one line, with at most {MAXIMUM_NAME} characters."
    if email and (len(email) > MAXIMUM_EMAIL or not _EMAIL.fullmatch(email)):
        errors["email"] = "Write an email address such as name@example.com, or leave the field empty."
    if errors:
        raise Invalid(errors)
    if values[HONEYPOT]:
        raise Trapped
    return Submission(message, name, email)


def request_id(key: str | None, fallback: str) -> str:
    """Return the ID of a request: from the client's idempotency key, or `fallback` without one. Raise Invalid."""
    if key is None:
        return fallback
    if not _KEY.fullmatch(key):
        raise Invalid({"Idempotency-Key": "Send 16 to 64 letters, digits, hyphens and underscores, such as a UUID."})
    return hashlib.sha256(key.encode()).hexdigest()


def _text(body: Mapping[str, Any], field: str, errors: dict[str, str]) -> str:
    value = body.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        errors[field] = "This field must be text."
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can express and UTF-8 cannot
        errors[field] = "This field contains characters that are not valid."
        return ""
    return value


def _visible(text: str) -> bool:
    """Return true if the text has more than spaces, control characters and marks without a width."""
    return any(unicodedata.category(character)[0] not in "ZC" for character in text)
