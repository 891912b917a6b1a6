"""Things of this stack, and the commands that are published to them."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, http, observability

KNOWN_SECONDS = 300
"""For how long a thing that was found is not looked up again."""

_NAME = re.compile(r"[A-Za-z0-9:_-]{1,128}")


def thing_of(event: Mapping[str, Any]) -> str:
    """Return the thing that a request's path names. Raise HttpError for a name that no thing can have."""
    name = str((event.get("pathParameters") or {}).get("thing", ""))
    if not _NAME.fullmatch(name):
        raise _unknown()
    return name


def _unknown() -> http.HttpError:
    return http.HttpError(404, "There is no such thing.", "not_found")


@dataclass
class Things:
    """The registry and the broker. Things of other stacks do not exist here: their names have another prefix."""

    iot: Any
    data: Any
    root: str
    prefix: str
    clock: Callable[[], float] = field(default=time.monotonic)
    known: dict[str, float] = field(default_factory=dict)

    def topic(self, thing: str) -> str:
        """Return the topic of a thing's commands."""
        return f"{self.root}/{thing}/down/command"

    def check(self, thing: str) -> None:
        """Raise HttpError if the registry does not have the thing, or does not answer."""
        now = self.clock()
        if self.known.get(thing, 0.0) > now:
            return
        if not thing.startswith(self.prefix):
            raise _unknown()
        try:
            self.iot.describe_thing(thingName=thing)
        except self.iot.exceptions.ResourceNotFoundException:
            raise _unknown() from None
        except self.iot.exceptions.ClientError as error:
            raise unavailable(error) from error
        self.known[thing] = now + KNOWN_SECONDS

    def send(self, thing: str, payload: bytes, *, retain: bool, expires_in: int) -> None:
        """Publish a command with QoS 1. Raise HttpError.

        `expires_in`: seconds after which AWS IoT no longer delivers it, retained or queued for a device that sleeps.
        """
        try:
            self.data.publish(topic=self.topic(thing), qos=1, retain=retain, payload=payload, messageExpiry=expires_in)
        except Exception as error:
            raise unavailable(error) from error

    def clear(self, thing: str) -> None:
        """Delete the retained command. Raise HttpError."""
        try:
            self.data.publish(topic=self.topic(thing), qos=1, retain=True, payload=b"")
        except Exception as error:
            raise unavailable(error) from error


def unavailable(error: Exception) -> http.HttpError:
    """Return the refusal for a failed call of AWS: 503 if another attempt can succeed. Raise any other exception."""
    failure = aws_errors.read(error)
    if failure is None:
        raise error
    observability.logger().error("call failed", extra={"code": failure.code})
    if failure.transient:
        return http.HttpError(503, "Nothing was sent. Send the request again in a moment.", "unavailable")
    return http.HttpError(500, "Nothing was sent: the service is not set up correctly.", "failed")


def envelope(command_id: str, command: Mapping[str, Any], maximum_bytes: int) -> bytes:
    """Return what the device gets: {"id", "command"}. Raise HttpError 413 if its buffer is too small.

    A device does a command once: it remembers the ID.
    """
    payload = encode(command_id, command)
    if len(payload) > maximum_bytes:
        raise http.HttpError(
            413, f"The command has {len(payload)} bytes; devices accept up to {maximum_bytes}.", "too_large"
        )
    return payload


def encode(command_id: str, command: Mapping[str, Any]) -> bytes:
    """Return an envelope of any size. Raise HttpError 400 for what is no JSON although Python reads it."""
    try:
        content = {"id": command_id, "command": command}
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:  # UnicodeEncodeError is a subclass
        problem = "The command has half a character (a lone surrogate), or a number that is NaN or infinite."
        raise http.HttpError(400, problem, "bad_request") from None
