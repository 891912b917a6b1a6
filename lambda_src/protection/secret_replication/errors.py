"""Expected errors. Their messages never contain values of secrets."""

from contextlib import AbstractContextManager

from common import aws_errors
from common.aws_errors import Failure, Kind

KEY_ERRORS = frozenset(
    {"DecryptionFailure", "EncryptionFailure", "KMSAccessDeniedException", "KMSInvalidStateException"}
)


class ReplicationError(Exception):
    """Base class of the expected errors."""


class Refused(ReplicationError):
    """The copy is refused, and fails again until a user fixes the cause."""


class KeyKindMismatch(Refused):
    """Only one side has a customer managed key, or the replica's key is not the target's key."""


class NotAReplica(Refused):
    """The target has a secret with the replica's name that is not a replica of the source."""


class TargetUnusable(Refused):
    """The secret at the target cannot be written: it is a native replica, awaits deletion, or rotates."""


class SourceUnusable(Refused):
    """The source would be a replica of itself."""


class Diverged(Refused):
    """The target has a version with the same ID and a different value. Versions cannot be changed."""


class Denied(Refused):
    """A policy or a key denies a call."""


class Stale(ReplicationError):
    """The source or the target has changed since it was read. Read both again."""


class Transient(ReplicationError):
    """A later attempt can succeed."""


def translated(doing: str, *stale: str) -> AbstractContextManager[None]:
    """Raise expected AWS errors as typed errors. Unexpected errors pass unchanged.

    `doing` completes the sentence "Denied while <doing>". Error codes in `stale` become Stale.
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
        if failure.transient:
            return Transient(f"{code} ({failure.status}) while {doing}, after all retries.")
        return None

    return aws_errors.translated(typed)
