"""What the functions behind the API share: the caller, parameters, pages."""

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
    """A handler of *handle*, which returns the body of a 200 (or status and body) and raises HttpError.

    Refuses what an expired token is still allowed by a cached policy, and an event that no authorizer saw.
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
    """A path parameter, decoded."""
    return urllib.parse.unquote(str(event["pathParameters"][name]))


def query(event: Event, name: str) -> str | None:
    """A query parameter, or None."""
    return (event.get("queryStringParameters") or {}).get(name) or None


def limit(event: Event, most: int) -> int:
    """The query parameter `limit`, at most and by default *most*. Raises HttpError 400."""
    text = query(event, "limit") or str(most)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise HttpError(400, f"limit must be a number from 1 to {most}")
    return int(text)


def token_of(key: dict[str, str]) -> str:
    """A `next` token that continues after *key*."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def key_of(token: str, names: set[str]) -> dict[str, str]:
    """The key in a `next` token. Raises HttpError 400 when it has other names or values than strings."""
    try:
        key = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict) or set(key) != names or not all(isinstance(v, str) and v for v in key.values()):
        raise HttpError(400, "next must be the token of an earlier answer")
    return key
