"""Cognito shows the message of a trigger's exception to the user who signs in, so triggers raise only constant ones."""

import functools
from collections.abc import Callable
from typing import Any

from common import aws_errors, observability

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class Shown(Exception):
    """An exception whose message may be shown to the user."""


class Unavailable(Shown):
    """A failure that the user cannot resolve. The log and the alarm on errors report it."""


def trigger(handler: Handler) -> Handler:
    """Replace all exceptions except `Shown` with Unavailable: AWS's messages name roles, accounts and resources."""

    @functools.wraps(handler)
    def guarded(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return handler(event, context)
        except Shown:
            raise
        except Exception as error:  # noqa: BLE001 - no other message may reach the client
            observability.logger().error("trigger failed", extra={"cause": aws_errors.name(error)})
            raise Unavailable("The service is not available. Try again later.") from None

    return guarded
