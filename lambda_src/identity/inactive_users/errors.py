"""What can go wrong and is expected."""

from contextlib import AbstractContextManager

from common import aws_errors


class Transient(Exception):
    """A service throttled or failed, whatever the retries: a later try can succeed."""


class Malformed(Exception):
    """A stream record that is not of the table's shape."""


def transient() -> AbstractContextManager[None]:
    """Raise Transient for throttling, HTTP 5xx and lost connections; other errors pass unchanged."""

    def typed(failure: aws_errors.Failure) -> Exception | None:
        return Transient(failure.code or str(failure.status)) if failure.transient else None

    return aws_errors.translated(typed)
