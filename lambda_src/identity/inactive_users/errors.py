"""Errors that the functions expect."""

from contextlib import AbstractContextManager

from common import aws_errors


class Transient(Exception):
    """A service still throttled or failed after all retries. A later attempt can succeed."""


class Malformed(Exception):
    """A stream record does not have the shape of the table's items."""


def transient() -> AbstractContextManager[None]:
    """Raise Transient for throttling, HTTP 5xx and lost connections; other errors pass unchanged."""

    def typed(failure: aws_errors.Failure) -> Exception | None:
        return Transient(failure.code or str(failure.status)) if failure.transient else None

    return aws_errors.translated(typed)
