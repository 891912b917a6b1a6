"""Answers of the functions behind API Gateway."""

import json
from collections.abc import Mapping
from typing import Any

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Type": "application/json",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


class Refused(Exception):
    """An expected refusal: `status` and a one-word `reason` for programs, with the message for people."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


def answer(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON answer in API Gateway's proxy format."""
    return {"statusCode": status, "headers": dict(HEADERS), "body": json.dumps(body)}


def refusal(refused: Refused) -> dict[str, Any]:
    """The answer to a refused request."""
    return answer(refused.status, {"message": str(refused), "reason": refused.reason})


def body_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object a request carries; {} for none. Raises Refused (400)."""
    try:
        body = json.loads(event.get("body") or "{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "bad_request", "The body must be a JSON object.")
    return body
