"""POST /things/{thing}/webhook: a signed request of another service, such as GitHub, becomes a command.

The signature is all that authorizes a request. It covers the body alone, so everything else in the request could be
someone else's: a repeated request is recognized by its body, not by the delivery's ID in a header.
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import clients, http, observability, settings

from .once import once
from .signatures import Secrets, signed
from .things import Things, encode, thing_of

REMEMBERED_SECONDS = 90 * 86400
"""For how long the same body is not published again."""


@dataclass(frozen=True)
class Settings:
    """The environment. MESSAGE: a JMESPath expression of {"headers", "body"}: the text of the command, or null."""

    topic_root: str
    thing_prefix: str
    request_table: str
    maximum_bytes: int
    expiry_seconds: int
    secret_arn: str
    signature_header: str
    message: str
    retain: bool
    previous_secret_hours: int
    signature_prefix: str = ""

    def __post_init__(self) -> None:
        import jmespath  # type: ignore[import-untyped]

        try:
            jmespath.compile(self.message)
        except jmespath.exceptions.JMESPathError:
            raise ValueError("MESSAGE must be a JMESPath expression") from None


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


@functools.cache
def _things() -> Things:
    conf = _conf()
    return Things(
        clients.client("iot", attempts=4), clients.client("iot-data", attempts=4), conf.topic_root, conf.thing_prefix
    )


@functools.cache
def _secrets() -> Secrets:
    conf = _conf()
    return Secrets(clients.client("secretsmanager", attempts=4), conf.secret_arn, conf.previous_secret_hours * 3600)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request. The log has outcomes and the thing, and nothing of the body."""
    log = observability.begin(context)
    try:
        answer = http.answer(200, respond(event, context, _conf(), _things(), _secrets()))
    except http.HttpError as refused:
        if refused.status == 401:
            observability.count("SignaturesRefused", 1)
        answer = http.refusal(refused)
        if refused.status in (409, 503):
            answer["headers"]["Retry-After"] = "5"
    log.info("webhook answered", extra={"status": answer["statusCode"], "path": event.get("path")})
    return answer


def respond(event: Mapping[str, Any], context: Any, conf: Settings, things: Things, secrets: Secrets) -> dict[str, Any]:
    """Return {"id", "thing", "message"}, or {"thing", "ignored"} if there is nothing to say. Raise HttpError."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    body = _raw(event)
    signature = headers.get(conf.signature_header.lower(), "")
    if not signed(body, signature, conf.signature_prefix, secrets):
        raise http.HttpError(401, "The signature is missing or wrong.", "signature")
    thing = thing_of(event)
    text = message(conf.message, headers, _json(body))
    if not text:
        return {"thing": thing, "ignored": True}
    digest = hashlib.sha256(body).hexdigest()
    command_id = hashlib.sha256(f"{thing}\0{digest}".encode()).hexdigest()[:32]
    payload = shortened(command_id, text, conf.maximum_bytes)
    things.check(thing)

    def publish() -> dict[str, Any]:
        things.send(thing, payload, retain=conf.retain, expires_in=conf.expiry_seconds)
        return {"id": command_id, "thing": thing}

    return once(context, conf.request_table, f"{thing}/webhook/{digest}", digest, publish, REMEMBERED_SECONDS)


def message(expression: str, headers: Mapping[str, str], body: Any) -> str:
    """Return the text that an expression selects, or "" for null. Raise HttpError if it cannot be a text.

    Control characters become blanks: a printer would take them for orders.
    """
    import jmespath

    try:
        found = jmespath.search(expression, {"headers": headers, "body": body})
    except jmespath.exceptions.JMESPathError:
        raise http.HttpError(422, "The body lacks what the message is made of.", "no_message") from None
    if found is None:
        return ""
    if not isinstance(found, str):
        raise http.HttpError(422, "The message would not be a text.", "no_message")
    # Also half characters, which JSON can express and UTF-8 cannot.
    return " ".join("".join(c if c.isprintable() else " " for c in found).split())


def shortened(command_id: str, text: str, maximum_bytes: int) -> bytes:
    """Return the envelope of a text that is cut, with "…" at its end, if a device's buffer is too small for it."""
    payload = encode(command_id, {"message": text})
    low, high = 0, len(text)
    if len(payload) <= maximum_bytes:
        return payload
    while low < high:
        middle = (low + high + 1) // 2
        if len(encode(command_id, {"message": text[:middle] + "…"})) <= maximum_bytes:
            low = middle
        else:
            high = middle - 1
    return encode(command_id, {"message": text[:low] + "…"})


def _raw(event: Mapping[str, Any]) -> bytes:
    """Return the bytes of the body, which the signature covers. Raise HttpError."""
    text = event.get("body") or ""
    try:
        return base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError:
        raise http.HttpError(401, "The signature is missing or wrong.", "signature") from None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise http.HttpError(415, "Set the webhook's content type to application/json.", "media_type") from None
