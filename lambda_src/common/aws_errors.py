"""AWS's errors, sorted once by what a caller can do about them.

A capability maps kinds to typed errors of its own and looks at single codes only where one means something particular
to it. botocore retries what is throttled and unavailable; an error that arrives here has used up those retries.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import enum
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class Kind(enum.Enum):
    """What an error says about another try."""

    THROTTLED = "throttled"
    """Too many calls: a later one can succeed."""
    UNAVAILABLE = "unavailable"
    """The service failed, timed out or could not be reached: a later call can succeed."""
    CONFLICT = "conflict"
    """Another request is changing the same resource: read it again, then try again."""
    DENIED = "denied"
    """A policy refuses the call: it fails until the policy is changed."""
    GONE = "gone"
    """The resource does not exist."""
    OTHER = "other"
    """Anything else; most often a request that fails again unless it is changed."""


CODES: dict[Kind, frozenset[str]] = {
    Kind.THROTTLED: frozenset(
        {
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            # KMS throttles in another service's call: S3 and SQS, SNS, Kinesis, SQS, Step Functions spell it so.
            "KMS.ThrottlingException",
            "KMSThrottling",
            "KMSThrottlingException",
            "KmsThrottled",
            "KmsThrottlingException",
            # For some services a quota that does not refill; who calls those handles this code before its kind.
            "LimitExceededException",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "Throttled",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
            "TooManyUpdates",
            "TransactionInProgressException",
        }
    ),
    Kind.UNAVAILABLE: frozenset({"RequestTimeout", "RequestTimeoutException"}),
    Kind.CONFLICT: frozenset(
        {"ConcurrentModificationException", "ConditionalRequestConflict", "ConflictException", "OperationAborted"}
    ),
    Kind.DENIED: frozenset(
        {
            "403",  # of a HEAD request, which has no body
            "AccessDenied",
            "AccessDeniedException",
            "AllAccessDisabled",
            "AuthorizationError",
            "Forbidden",
            "UnauthorizedException",
            "UnauthorizedOperation",
        }
    ),
    Kind.GONE: frozenset(
        {
            "404",
            "NoSuchBucket",
            "NoSuchEntity",
            "NoSuchKey",
            "NotFound",
            "NotFoundException",
            "ResourceNotFoundException",
        }
    ),
}
_BY_CODE = {code: kind for kind, codes in CODES.items() for code in codes}
_BY_STATUS = {404: Kind.GONE, 409: Kind.CONFLICT, 429: Kind.THROTTLED}


@dataclass(frozen=True)
class Failure:
    """One error of a call."""

    code: str
    """AWS's error code; the exception's class where AWS did not answer."""
    message: str = ""
    status: int = 0
    """The HTTP status; 0 where there was no answer."""
    answered: bool = True

    @property
    def kind(self) -> Kind:
        """By the code; for unknown codes by the HTTP status."""
        if not self.answered or self.status >= 500:
            return _BY_CODE.get(self.code, Kind.UNAVAILABLE)
        return _BY_CODE.get(self.code) or _BY_STATUS.get(self.status, Kind.OTHER)

    @property
    def transient(self) -> bool:
        """True if the same call can succeed later."""
        return self.kind in (Kind.THROTTLED, Kind.UNAVAILABLE)


def read(error: BaseException) -> Failure | None:
    """Return what an exception of boto3 says; None for any other exception."""
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as LostConnection

    if isinstance(error, ClientError):
        answer: dict[str, Any] = dict(error.response)
        said = answer.get("Error") or {}
        status = (answer.get("ResponseMetadata") or {}).get("HTTPStatusCode", 0)
        return Failure(str(said.get("Code", "")), str(said.get("Message", "")), int(status))
    if isinstance(error, (LostConnection, HTTPClientError)):
        return Failure(type(error).__name__, answered=False)
    return None


def kind(error: BaseException) -> Kind:
    """Return the kind of an exception of boto3; OTHER for any other exception."""
    failure = read(error)
    return failure.kind if failure else Kind.OTHER


def name(error: BaseException) -> str:
    """Return AWS's error code, or the exception's class: fit for logs, unlike the message, which may quote data."""
    failure = read(error)
    return (failure.code if failure else "") or type(error).__name__


@contextmanager
def translated(typed: Callable[[Failure], Exception | None]) -> Iterator[None]:
    """Raise what `typed` makes of an AWS error; where it returns None, and for all other exceptions, the original."""
    try:
        yield
    except Exception as error:
        failure = read(error)
        made = typed(failure) if failure else None
        if made is None:
            raise
        raise made from error
