"""What can go wrong and is expected; each message says what to do. Values of secrets never get into one."""

from contextlib import AbstractContextManager

from common import aws_errors
from common.aws_errors import Failure, Kind

KEY_ERRORS = frozenset(
    {"DecryptionFailure", "EncryptionFailure", "KMSAccessDeniedException", "KMSInvalidStateException"}
)


class ReplicationError(Exception):
    """Base of all of them."""


class Refused(ReplicationError):
    """It would fail again, until something is changed by hand."""


class KeyKindMismatch(Refused):
    """Customer managed key on one side only, or another key than the target's."""


class NotAReplica(Refused):
    """A secret of the name at the target is not a replica of the source."""


class TargetUnusable(Refused):
    """The secret at the target cannot be written: a native replica, awaiting deletion, or rotating by itself."""


class SourceUnusable(Refused):
    """The source would be its own replica."""


class Diverged(Refused):
    """The target has a version of the same id and another value; versions cannot be changed."""


class Denied(Refused):
    """A policy, or a key, refuses a call."""


class Stale(ReplicationError):
    """Source or target changed since they were read; read again."""


class Transient(ReplicationError):
    """A later try can succeed."""


def translated(doing: str, *stale: str) -> AbstractContextManager[None]:
    """Raise expected AWS errors as typed ones; unexpected ones pass unchanged.

    `doing` completes the sentence "Denied while <doing>"; codes in `stale` become Stale.
    """

    def typed(failure: Failure) -> Exception | None:
        code, message, denied = failure.code, failure.message, failure.kind is Kind.DENIED
        if code in stale:
            return Stale(f"{code} while {doing}: {message}")
        if code in KEY_ERRORS or (denied and "kms" in message.lower()):
            return Denied(
                f"The key cannot be used while {doing} ({message}); enable it and let the role use it "
                "(kms:Decrypt, and kms:GenerateDataKey at the target)."
            )
        if denied:
            return Denied(f"Denied while {doing}: {message}")
        if not failure.answered:
            return Transient(f"No connection ({code}) while {doing}.")
        if failure.transient:
            return Transient(f"{code} ({failure.status}) while {doing}, whatever the retries.")
        return None

    return aws_errors.translated(typed)
