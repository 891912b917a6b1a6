"""What can go wrong and is expected. The class name is the error name that Step Functions sees."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Known = Callable[[str, str], Exception | None]

THROTTLES = frozenset(
    {
        "KMS.ThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TooManyUpdates",
    }
)


class ExportError(Exception):
    """Base of all of them; the message is one or two sentences that say what to do."""


class InvalidFilter(ExportError):
    """The filters, or the execution's input around them, are not what GetFindings takes."""


class OverlappingRun(ExportError):
    """Another run holds the lock."""


class ResumeNotPossible(ExportError):
    """Security Hub dropped the page token, and the place in the walk cannot be found again without loss."""


class DestinationDenied(ExportError):
    """The bucket or its key refuses the function."""


class DestinationMissing(ExportError):
    """The bucket does not exist."""


class HubNotEnabled(ExportError):
    """Security Hub is off in this account and Region."""


class Transient(ExportError):
    """A later try can succeed."""


class Throttled(Transient):
    """A service still throttled after all retries."""


class ServiceUnavailable(Transient):
    """A service still failed (5xx, lost connections) after all retries."""


class TokenRefused(Exception):
    """GetFindings refuses the page token; never leaves the walk."""


@contextmanager
def translated(doing: str, known: Known | None = None) -> Iterator[None]:
    """Raises expected AWS errors as typed ones; unexpected ones pass unchanged.

    `known(code, message)` gives the exception to raise for an AWS error code, or None. `doing` completes the
    sentence "Throttled while <doing>".
    """
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as LostConnection

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        typed = known(code, error.response.get("Error", {}).get("Message", "")) if known else None
        if typed is None and (code in THROTTLES or status == 429):
            typed = Throttled(f"Throttled ({code}) while {doing}, whatever the retries; try again later.")
        elif typed is None and status >= 500:
            typed = ServiceUnavailable(f"HTTP {status} ({code}) while {doing}, whatever the retries; try again later.")
        if typed is None:
            raise
        raise typed from error
    except (LostConnection, HTTPClientError) as error:
        name = type(error).__name__
        raise ServiceUnavailable(f"No connection ({name}) while {doing}; try again later.") from error
