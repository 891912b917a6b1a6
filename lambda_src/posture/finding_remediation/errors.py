"""Expected errors. The message becomes part of the finding's note, so it must not vary between attempts."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from common import aws_errors
from common.aws_errors import Failure, Kind

Known = Mapping[str, Callable[[], Exception]]
"""For each AWS error code, a function that returns the exception to raise."""
# EC2 appends a text that differs each time.
_VARYING = re.compile(r"\s*Encoded authorization failure message:.*", re.DOTALL)


class RemediationError(Exception):
    """Base of all expected errors."""


class Refused(RemediationError):
    """The remediation does not apply to the finding or resource. Nothing was changed."""


class Failed(RemediationError):
    """Every attempt would fail until a user changes something."""


class Absent(RemediationError):
    """The resource does not exist. Raised only where absence is a valid answer."""


class Stale(RemediationError):
    """The resource has changed since it was read. Read it again."""


class Transient(RemediationError):
    """A later attempt can succeed."""


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
            return Transient(f"{code} while {doing} after all retries")
        if failure.kind is Kind.DENIED or failure.status == 403:
            return Failed(f"Denied while {doing}: {message}")
        return Failed(f"{code} while {doing}: {message}")

    return aws_errors.translated(typed)
