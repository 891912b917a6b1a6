"""What can go wrong and is expected. A message ends up in the finding's note: it must not vary from try to try."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from common import aws_errors
from common.aws_errors import Failure, Kind

Known = Mapping[str, Callable[[], Exception]]
"""Makes the exception to raise, by AWS error code."""
# EC2 appends a text that is another one each time.
_VARYING = re.compile(r"\s*Encoded authorization failure message:.*", re.DOTALL)


class RemediationError(Exception):
    """Base of all of them."""


class Refused(RemediationError):
    """Not a case for this remediation; nothing was changed."""


class Failed(RemediationError):
    """It would fail again, until something is changed by hand."""


class Absent(RemediationError):
    """The resource does not exist. Raised only where absence is a valid answer."""


class Stale(RemediationError):
    """What was read has changed since; read again."""


class Transient(RemediationError):
    """A later try can succeed."""


def translated(doing: str, known: Known | None = None) -> AbstractContextManager[None]:
    """Raise AWS's errors as typed ones: `known` by error code, throttling and the like as Transient, refusals of the
    request as Failed. `doing` completes the sentence "Denied while <doing>". Other exceptions pass unchanged.
    """

    def typed(failure: Failure) -> Exception:
        code, message = failure.code, _VARYING.sub("", failure.message).rstrip(".")
        if known and code in known:
            return known[code]()
        if not failure.answered:
            return Transient(f"No connection ({code}) while {doing}")
        if failure.transient or failure.kind is Kind.CONFLICT:
            return Transient(f"{code} while {doing}, whatever the retries")
        if failure.kind is Kind.DENIED or failure.status == 403:
            return Failed(f"Denied while {doing}: {message}")
        return Failed(f"{code} while {doing}: {message}")

    return aws_errors.translated(typed)
