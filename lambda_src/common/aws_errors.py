"""Classify AWS errors by what a caller can do about them.

A capability maps kinds to its own typed errors, and checks single codes only where a code has a special meaning for
it. botocore retries throttled calls and unavailable services; an error that arrives here has used up those retries.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import enum
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class Kind(enum.Enum):
    """Kinds of errors, by the effect of another attempt."""

    THROTTLED = "throttled"
    """Too many calls: a later call can succeed."""
    UNAVAILABLE = "unavailable"
    """The service failed, timed out or was unreachable: a later call can succeed."""
    CONFLICT = "conflict"
    """Another request is changing the same resource: read the resource again before another attempt."""
    DENIED = "denied"
    """A policy denies the call: it fails until the policy is changed."""
    GONE = "gone"
    """The resource does not exist."""
    OTHER = "other"
    """Any other error, usually of a request that fails again unless it is changed."""


CODES: dict[Kind, frozenset[str]] = {
    Kind.THROTTLED: frozenset(
        {
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            # KMS throttles another service's call: as S3 and SQS, SNS, Kinesis, SQS and Step Functions report it.
            "KMS.ThrottlingException",
            "KMSThrottling",
            "KMSThrottlingException",
            "KmsThrottled",
            "KmsThrottlingException",
            # In some services this is a quota that does not refill: their callers check the code before the kind.
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
            "403",  # the code for a HEAD request, whose response has no body
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
    """An error of an AWS call."""

    code: str
    """AWS's error code, or the name of the exception's class if AWS did not answer."""
    message: str = ""
    status: int = 0
    """The HTTP status, or 0 if AWS did not answer."""
    answered: bool = True

    @property
    def kind(self) -> Kind:
        """Return the kind by the error code, or by the HTTP status if the code is unknown."""
        if not self.answered or self.status >= 500:
            return _BY_CODE.get(self.code, Kind.UNAVAILABLE)
        return _BY_CODE.get(self.code) or _BY_STATUS.get(self.status, Kind.OTHER)

    @property
    def transient(self) -> bool:
        """Return true if the same call can succeed later."""
        return self.kind in (Kind.THROTTLED, Kind.UNAVAILABLE)


def read(error: BaseException) -> Failure | None:
    """Return the failure that a boto3 exception describes, or None for any other exception."""
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
    """Return the kind of a boto3 exception, or OTHER for any other exception."""
    failure = read(error)
    return failure.kind if failure else Kind.OTHER


def name(error: BaseException) -> str:
    """Return AWS's error code, or the exception's class. Log this instead of the message, which can contain data."""
    failure = read(error)
    return (failure.code if failure else "") or type(error).__name__


@contextmanager
def translated(typed: Callable[[Failure], Exception | None]) -> Iterator[None]:
    """Raise the exception that `typed` returns for an AWS error.

    Raise the original exception if `typed` returns None, and if it is not an AWS error.
    """
    try:
        yield
    except Exception as error:
        failure = read(error)
        made = typed(failure) if failure else None
        if made is None:
            raise
        raise made from error
