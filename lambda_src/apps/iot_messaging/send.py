"""POST and DELETE /things/{thing}/commands: publish a command, or delete the retained one."""

import functools
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import clients, http, observability, settings

from .once import once
from .things import Things, envelope, thing_of

_KEY = re.compile(r"[!-~]{8,128}")
_FLAGS = {"true": True, "false": False}
LONGEST_EXPIRY = 604800
REMEMBERED_SECONDS = 86400
"""For how long an Idempotency-Key belongs to its request."""


@dataclass(frozen=True)
class Settings:
    """The environment. THING_PREFIX: with which the names of this stack's things begin."""

    topic_root: str
    thing_prefix: str
    request_table: str
    maximum_bytes: int
    expiry_seconds: int


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


@functools.cache
def _things() -> Things:
    conf = _conf()
    return Things(
        clients.client("iot", attempts=4), clients.client("iot-data", attempts=4), conf.topic_root, conf.thing_prefix
    )


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request. The log has outcomes and the thing, and not the command."""
    log = observability.begin(context)
    try:
        answer = http.answer(200, respond(event, context, _conf(), _things()))
    except http.HttpError as refused:
        answer = http.refusal(refused)
        if refused.status in (409, 503):
            answer["headers"]["Retry-After"] = "5"
    log.info("request answered", extra={"status": answer["statusCode"], "path": event.get("path")})
    return answer


def respond(event: Mapping[str, Any], context: Any, conf: Settings, things: Things) -> dict[str, Any]:
    """Return {"id", "thing", "topic", "retained", "expiresIn", "command"}, or {"thing", "cleared"}. Raise HttpError."""
    thing = thing_of(event)
    if event["httpMethod"] == "DELETE":
        things.check(thing)
        things.clear(thing)
        return {"thing": thing, "cleared": True}
    command = http.json_body(event)
    if not command:
        raise http.HttpError(400, 'The body must be the command: a JSON object such as {"message": "hello"}.', "empty")
    retain, expires_in = _options(event.get("queryStringParameters") or {}, conf.expiry_seconds)
    key = _key({name.lower(): value for name, value in (event.get("headers") or {}).items()})
    command_id = hashlib.sha256(f"{thing}\0{key}".encode()).hexdigest()[:32] if key else uuid.uuid4().hex
    payload = envelope(command_id, command, conf.maximum_bytes)
    things.check(thing)

    def publish() -> dict[str, Any]:
        things.send(thing, payload, retain=retain, expires_in=expires_in)
        return {
            "id": command_id,
            "thing": thing,
            "topic": things.topic(thing),
            "retained": retain,
            "expiresIn": expires_in,
            "command": command,
        }

    if not key:
        return publish()
    request = json.dumps([command, retain, expires_in], sort_keys=True)
    return once(context, conf.request_table, f"{thing}/{key}", request, publish, REMEMBERED_SECONDS)


def _options(query: Mapping[str, str], expiry_seconds: int) -> tuple[bool, int]:
    """Return (whether to retain, seconds until expiry) of a query string. Raise HttpError."""
    if unknown := sorted(set(query) - {"retain", "expires_in"}):
        raise http.HttpError(400, f"Unknown parameters: {', '.join(unknown)}.", "bad_request")
    retain = _FLAGS.get(query.get("retain", "false"))
    if retain is None:
        raise http.HttpError(400, "retain must be true or false.", "bad_request")
    text = query.get("expires_in", str(expiry_seconds))
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= LONGEST_EXPIRY:
        raise http.HttpError(400, f"expires_in must be 1 to {LONGEST_EXPIRY} seconds.", "bad_request")
    return retain, int(text)


def _key(headers: Mapping[str, str]) -> str:
    key = headers.get("idempotency-key", "")
    if key and not _KEY.fullmatch(key):
        raise http.HttpError(400, "Idempotency-Key must have 8 to 128 visible ASCII characters.", "bad_request")
    return key
