"""Code that the functions behind the API share: the caller's expiry, parameters and pages."""

import base64
import functools
import json
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from common.http import HttpError, answer, refusal
from common.observability import begin

Event = dict[str, Any]


def route(handle: Callable[[Event], Any]) -> Callable[[Event, Any], dict[str, Any]]:
    """Wrap *handle*, which returns the body of a 200 (or status and body) and raises HttpError, as a handler.

    The handler refuses an expired token that a cached policy still allows, and an event without an authorizer.
    """

    @functools.wraps(handle)
    def handler(event: Event, context: Any) -> dict[str, Any]:
        log = begin(context, route=f"{event.get('httpMethod')} {event.get('resource')}")
        try:
            _refuse_expired(event)
            result = handle(event)
            status, body = result if isinstance(result, tuple) else (200, result)
        except HttpError as error:
            log.info("refused", status=error.status)
            return refusal(error)
        return answer(status, body)

    return handler


def _refuse_expired(event: Event) -> None:
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    if int(authorizer.get("expires") or 0) <= time.time():
        raise HttpError(401, "Unauthorized")


def path(event: Event, name: str) -> str:
    """Return a path parameter, decoded."""
    return urllib.parse.unquote(str(event["pathParameters"][name]))


def query(event: Event, name: str) -> str | None:
    """Return a query parameter, or None."""
    return (event.get("queryStringParameters") or {}).get(name) or None


def limit(event: Event, most: int) -> int:
    """Return the query parameter `limit`, *most* by default. Raise HttpError 400 unless it is from 1 to *most*."""
    text = query(event, "limit") or str(most)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise HttpError(400, f"limit must be a number from 1 to {most}")
    return int(text)


def token_of(key: dict[str, str]) -> str:
    """Return a `next` token that continues after *key*."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def key_of(token: str, names: set[str]) -> dict[str, str]:
    """Return the key in a `next` token. Raise HttpError 400 unless it has exactly *names*, with string values."""
    try:
        key = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict) or set(key) != names or not all(isinstance(v, str) and v for v in key.values()):
        raise HttpError(400, "next must be the token of an earlier response")
    return key
