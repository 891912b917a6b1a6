"""Expected errors. Each message says what to do."""

from contextlib import AbstractContextManager

from common import aws_errors
from common.aws_errors import Failure, Kind


class AnalyzerError(Exception):
    """Base of all expected errors."""


class NotAFinding(AnalyzerError):
    """The message is not an event of this analyzer's findings."""


class Busy(AnalyzerError):
    """Another call is working on the same finding. A later attempt finds it handled."""


class ShutOffFailed(AnalyzerError):
    """Access could not be shut off."""


class StillOpen(ShutOffFailed):
    """A call succeeded, but reading back shows that access is not shut off."""


def explained(doing: str) -> AbstractContextManager[None]:
    """Raise ShutOffFailed if AWS denies a call while `doing`; throttling and other errors pass unchanged."""

    def typed(failure: Failure) -> Exception | None:
        return ShutOffFailed(f"Denied while {doing}: {failure.message}") if failure.kind is Kind.DENIED else None

    return aws_errors.translated(typed)
