"""What can go wrong and is expected; each message says what to do."""

from contextlib import AbstractContextManager

from common import aws_errors
from common.aws_errors import Failure, Kind


class AnalyzerError(Exception):
    """Base of all of them."""


class NotAFinding(AnalyzerError):
    """A message that is no event of this analyzer's findings."""


class Busy(AnalyzerError):
    """Another call is at work on the same finding; a later try finds it done."""


class ShutOffFailed(AnalyzerError):
    """Access could not be shut off."""


class StillOpen(ShutOffFailed):
    """A call answered success, and what was read back says otherwise."""


def explained(doing: str) -> AbstractContextManager[None]:
    """Raise what a service refuses while `doing` it as ShutOffFailed; throttles and the like pass unchanged."""

    def typed(failure: Failure) -> Exception | None:
        return ShutOffFailed(f"Denied while {doing}: {failure.message}") if failure.kind is Kind.DENIED else None

    return aws_errors.translated(typed)
