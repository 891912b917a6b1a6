"""What can go wrong and is expected. A message ends up in the finding's note: it must not vary from try to try."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

THROTTLES = frozenset(
    {
        "LimitExceededException",
        "OperationAborted",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
Known = Mapping[str, Callable[[], Exception]]
"""Makes the exception to raise, by AWS error code."""
# EC2 appends a text that is another one each time.
_VARYING = re.compile(r"\s*Encoded authorization failure message:.*", re.DOTALL)


class RemediationError(Exception):
    """Base of all of them."""


class Refused(RemediationError):
    """Not a case for this remediation; nothing was changed."""


class Failed(RemediationError):
    """It would fail again: somebody has to change something first."""


class Absent(RemediationError):
    """AWS has nothing of the kind; for who asks only to know."""


class Stale(RemediationError):
    """What was read has changed since; read again."""


class Transient(RemediationError):
    """A later try can succeed."""


@contextmanager
def translated(doing: str, known: Known | None = None) -> Iterator[None]:
    """Raises AWS's errors as typed ones: `known` by error code, throttling and the like as Transient, refusals of the
    request as Failed. `doing` completes the sentence "Denied while <doing>". What is no answer of AWS passes.
    """
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as LostConnection

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        message = _VARYING.sub("", error.response.get("Error", {}).get("Message", "")).rstrip(".")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if known and code in known:
            made = known[code]()
            raise made from error
        if code in THROTTLES or status in (409, 429) or status >= 500:
            raise Transient(f"{code} while {doing}, whatever the retries") from error
        if status == 403 or code.startswith(("AccessDenied", "Unauthorized")):
            raise Failed(f"Denied while {doing}: {message}") from error
        raise Failed(f"{code} while {doing}: {message}") from error
    except (LostConnection, HTTPClientError) as error:
        raise Transient(f"No connection ({type(error).__name__}) while {doing}") from error
