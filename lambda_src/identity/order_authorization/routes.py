"""Code that the functions behind the API share: the caller's expiry, parameters and pages."""

import base64
import dataclasses
import functools
import json
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from common.http import HttpError, answer, refusal
from common.observability import begin
from common.settings import load

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
            return _readable(refusal(error))
        return _readable(answer(status, body))

    return handler


@dataclasses.dataclass(frozen=True)
class Web:
    """The part of the environment that concerns browsers."""

    cors_origin: str | None = None


web = functools.cache(lambda: load(Web))


def _readable(response: dict[str, Any]) -> dict[str, Any]:
    """Let pages of the configured origin read a response."""
    if origin := web().cors_origin:
        response["headers"] |= {"Access-Control-Allow-Origin": origin}
    return response


def route_of(event: Event) -> str:
    """Return the event's route, as "METHOD /path" with the names of its parameters."""
    return f"{event['httpMethod']} {event['resource']}"


def permitted(event: Event) -> list[str]:
    """Return the actions that the authorizer allowed."""
    allowed = str(event["requestContext"]["authorizer"].get("actions") or "")
    return [action for action in allowed.split(",") if action]


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
    # The length first: int() raises an error for thousands of digits.
    if len(text) > len(str(most)) or not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise HttpError(400, f"limit must be a number from 1 to {most}")
    return int(text)


def token_of(key: dict[str, str]) -> str:
    """Return a `next` token that continues after *key*."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def key_of(token: str, name: str, most: int) -> str:
    """Return the text *name* in a `next` token. Raise HttpError 400 unless it is all, with 1 to *most* bytes."""
    try:
        key = json.loads(base64.urlsafe_b64decode(token))
        text = key[name] if isinstance(key, dict) and set(key) == {name} else None
        if isinstance(text, str) and 0 < len(text.encode()) <= most:
            return text
    except (ValueError, RecursionError):  # UnicodeEncodeError, of half a surrogate pair, is a ValueError
        pass
    raise HttpError(400, "next must be the token of an earlier response")
