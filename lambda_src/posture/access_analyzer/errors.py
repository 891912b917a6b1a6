"""What can go wrong and is expected; each message says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


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


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Raises what a service refuses while `doing` it as ShutOffFailed; throttles and the like pass unchanged."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if not code.startswith("AccessDenied"):
            raise
        message = error.response.get("Error", {}).get("Message", "")
        raise ShutOffFailed(f"Denied while {doing}: {message}") from error
