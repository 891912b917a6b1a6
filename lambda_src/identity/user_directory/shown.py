"""Cognito shows whoever signs in the message of a trigger's exception: only constant ones may leave a trigger."""

import functools
from collections.abc import Callable
from typing import Any

from common import aws_errors, observability

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class Shown(Exception):
    """An exception whose message is meant to be shown."""


class Unavailable(Shown):
    """Something failed that a user can do nothing about; the log and the Errors alarm tell what."""


def trigger(handler: Handler) -> Handler:
    """Turns what is not `Shown` into Unavailable: AWS's messages name roles, accounts and resources."""

    @functools.wraps(handler)
    def guarded(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return handler(event, context)
        except Shown:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its message must not reach the client
            observability.logger().error("trigger failed", extra={"cause": aws_errors.name(error)})
            raise Unavailable("The service is not available. Try again later.") from None

    return guarded
