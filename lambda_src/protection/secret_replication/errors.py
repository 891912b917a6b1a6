"""Expected errors. Their messages never contain values of secrets."""

from contextlib import AbstractContextManager

from common import aws_errors
from common.aws_errors import Failure, Kind

KEY_ERRORS = frozenset(
    {"DecryptionFailure", "EncryptionFailure", "KMSAccessDeniedException", "KMSInvalidStateException"}
)

QUOTA_ERRORS = frozenset({"LimitExceededException"})
"""Secrets Manager's quotas do not refill: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"""
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


class ReplicationError(Exception):
    """Base class of the expected errors."""

    retried = True
    """Whether the queue delivers the message again. A refusal is found again by the next comparison."""


class Refused(ReplicationError):
    """The copy is refused, and fails again until a user fixes the cause."""

    retried = False


class KeyKindMismatch(Refused):
    """Only one side has a customer managed key, or the replica's key is not the target's key."""


class NotAReplica(Refused):
    """The target has a secret with the replica's name that is not a replica of the source."""


class TargetUnusable(Refused):
    """The secret at the target cannot be written: a native replica, owned by a service, deleted, or rotating."""


class SourceUnusable(Refused):
    """The source would be a replica of itself, is a replica, or has a name that its replica cannot have."""


class Diverged(Refused):
    """The target has a version with the same ID and a different value. Versions cannot be changed."""


class BothChanged(Refused):
    """A promoted replica and its source have new values."""


class Denied(Refused):
    """A policy or a key denies a call. It is retried, because a change of a policy takes effect with a delay."""

    retried = True


class Rejected(Refused):
    """AWS refuses the request itself, for example because of a quota."""


class Stale(ReplicationError):
    """The source or the target has changed since it was read. Read both again."""


class Transient(ReplicationError):
    """A later attempt can succeed."""


def translated(doing: str, *stale: str, value: bool = False) -> AbstractContextManager[None]:
    """Raise errors of AWS as typed errors. Other exceptions pass unchanged.

    `doing` completes the sentence "Denied while <doing>". Error codes in `stale` become Stale. `value` says that the
    request contains a secret value, which the message of a ValidationException could quote.
    """

    def typed(failure: Failure) -> Exception | None:
        code, message, denied = failure.code, failure.message, failure.kind is Kind.DENIED
        if code in stale:
            return Stale(f"{code} while {doing}: {message}")
        if code in KEY_ERRORS or (denied and "kms" in message.lower()):
            return Denied(
                f"The key cannot be used while {doing} ({message}). Enable it, and allow the role to use it "
                "(kms:Decrypt, and kms:GenerateDataKey at the target)."
            )
        if denied:
            return Denied(f"Denied while {doing}: {message}")
        if not failure.answered:
            return Transient(f"No connection ({code}) while {doing}.")
        if code not in QUOTA_ERRORS and (failure.transient or failure.kind is Kind.CONFLICT or code in EXPIRED):
            return Transient(f"{code} ({failure.status}) while {doing}, after all retries.")
        reason = "" if value and code == "ValidationException" else f": {message}"
        return Rejected(f"{code} while {doing}{reason}")

    return aws_errors.translated(typed)
