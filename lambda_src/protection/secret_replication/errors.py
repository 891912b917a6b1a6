"""What can go wrong and is expected; each message says what to do. Values of secrets never get into one."""

from collections.abc import Iterator
from contextlib import contextmanager

THROTTLES = frozenset({"LimitExceededException", "Throttling", "ThrottlingException", "TooManyRequestsException"})
KEY_ERRORS = frozenset(
    {"DecryptionFailure", "EncryptionFailure", "KMSAccessDeniedException", "KMSInvalidStateException"}
)


class ReplicationError(Exception):
    """Base of all of them."""


class Refused(ReplicationError):
    """It would fail again: somebody has to change something first."""


class KeyKindMismatch(Refused):
    """Customer managed key on one side only, or another key than the target's."""


class NotAReplica(Refused):
    """A secret of the target's name is somebody else's."""


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


@contextmanager
def translated(doing: str, *stale: str) -> Iterator[None]:
    """Raises expected AWS errors as typed ones; unexpected ones pass unchanged.

    `doing` completes the sentence "Denied while <doing>"; codes in `stale` become Stale.
    """
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as LostConnection

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        message = error.response.get("Error", {}).get("Message", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in stale:
            raise Stale(f"{code} while {doing}: {message}") from error
        if code in KEY_ERRORS or (code.startswith("AccessDenied") and "kms" in message.lower()):
            raise Denied(
                f"The key cannot be used while {doing} ({message}); enable it and let the role use it "
                "(kms:Decrypt, and kms:GenerateDataKey at the target)."
            ) from error
        if code.startswith("AccessDenied"):
            raise Denied(f"Denied while {doing}: {message}") from error
        if code in THROTTLES or status == 429 or status >= 500:
            raise Transient(f"{code} ({status}) while {doing}, whatever the retries.") from error
        raise
    except (LostConnection, HTTPClientError) as error:
        raise Transient(f"No connection ({type(error).__name__}) while {doing}.") from error
