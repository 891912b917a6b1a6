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


class NotSent(AnalyzerError):
    """Some findings could not be sent to the queue."""


def explained(doing: str) -> AbstractContextManager[None]:
    """Raise ShutOffFailed for what AWS refuses while `doing`. What a later call can change passes unchanged."""

    def typed(failure: Failure) -> Exception | None:
        if failure.transient or failure.kind is Kind.CONFLICT:
            return None
        reason = "Denied" if failure.kind is Kind.DENIED else failure.code
        return ShutOffFailed(f"{reason} while {doing}: {failure.message}")

    return aws_errors.translated(typed)
