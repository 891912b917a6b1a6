"""What can go wrong and is expected."""

from collections.abc import Iterator
from contextlib import contextmanager

_THROTTLES = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class Transient(Exception):
    """A service throttled or failed, whatever the retries: a later try can succeed."""


class Malformed(Exception):
    """A stream record that is not of the table's shape."""


@contextmanager
def transient() -> Iterator[None]:
    """Raises Transient for throttling, HTTP 5xx and lost connections; other errors pass unchanged."""
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as LostConnection

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLES or status == 429 or status >= 500:
            raise Transient(code or str(status)) from error
        raise
    except (LostConnection, HTTPClientError) as error:
        raise Transient(type(error).__name__) from error
