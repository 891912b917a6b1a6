"""Expected errors. The class name is the error name that Step Functions sees."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from common import aws_errors
from common.aws_errors import Failure, Kind

Known = Callable[[Failure], Exception | None]


class ExportError(Exception):
    """Base of all expected errors. The message says what to do, in one or two sentences."""


class InvalidFilter(ExportError):
    """GetFindings does not accept the filters, or the execution's input has the wrong shape."""


class InvalidName(ExportError):
    """The execution's name cannot name a run: its objects would be mistaken for others, or not be read."""


class OverlappingRun(ExportError):
    """Another run holds the lock."""


class ResumeNotPossible(ExportError):
    """Security Hub rejected the page token, and the position cannot be found again without losing findings."""


class DestinationDenied(ExportError):
    """The bucket or its key denies access to the function."""


class DestinationMissing(ExportError):
    """The bucket does not exist."""


class HubNotEnabled(ExportError):
    """Security Hub is not enabled in this account and Region."""


class Transient(ExportError):
    """A later attempt can succeed."""


class Throttled(Transient):
    """A service still throttled after all retries."""


class ServiceUnavailable(Transient):
    """A service still failed (5xx, lost connections) after all retries."""


class TokenRefused(Exception):
    """GetFindings rejects the page token. `walk` handles this error itself."""


def translated(doing: str, known: Known | None = None) -> AbstractContextManager[None]:
    """Raise expected AWS errors as typed ones; unexpected ones pass unchanged.

    `known` returns the exception to raise for an AWS error, or None. `doing` completes the sentence
    "Throttled while <doing>".
    """

    def typed(failure: Failure) -> Exception | None:
        if known and (made := known(failure)):
            return made
        if not failure.answered:
            return ServiceUnavailable(f"No connection ({failure.code}) while {doing}; try again later.")
        if failure.kind is Kind.THROTTLED:
            return Throttled(f"Throttled ({failure.code}) while {doing} after all retries; try again later.")
        if failure.kind is Kind.UNAVAILABLE:
            return ServiceUnavailable(
                f"HTTP {failure.status} ({failure.code}) while {doing} after all retries; try again later."
            )
        return None

    return aws_errors.translated(typed)
