"""Calls of a domain's REST API, signed with the function's role.

https://docs.aws.amazon.com/opensearch-service/latest/developerguide/request-signing.html
"""

import functools
import json
import os
import random
import time
from collections.abc import Callable
from typing import Any

from .errors import DomainError

ATTEMPTS = 5
PAUSE = 0.2
TIMEOUT = 8.0  # three attempts end within API Gateway's 29 seconds


@functools.cache
def _pool() -> Any:
    import urllib3

    return urllib3.PoolManager(maxsize=4, retries=False)


@functools.cache
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


class Domain:
    """The domain at an endpoint (a host name). Retries what can succeed later, with jitter."""

    def __init__(self, endpoint: str, timeout: float = TIMEOUT, sleep: Callable[[float], None] = time.sleep) -> None:
        self.endpoint, self._timeout, self._sleep = endpoint, timeout, sleep
        # As in AWS's SDKs: requests go to another address where these variables name one.
        named = os.environ.get("AWS_ENDPOINT_URL_OPENSEARCH") or os.environ.get("AWS_ENDPOINT_URL")
        self._address = (named or f"https://{endpoint}").rstrip("/")

    def call(self, method: str, path: str, body: Any = None, attempts: int = ATTEMPTS) -> dict[str, Any]:
        """Return the JSON answer. `body` is JSON, or bytes of newline-delimited JSON. Raise DomainError."""
        lines = isinstance(body, bytes)
        data = body if lines else b"" if body is None else json.dumps(body).encode()
        kind = "application/x-ndjson" if lines else "application/json"
        for attempt in range(attempts):
            try:
                return self._once(method, path, data, kind)
            except DomainError as error:
                if not error.transient or attempt == attempts - 1:
                    raise
            self._sleep(random.uniform(0, PAUSE * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise AssertionError("attempts must be at least 1")

    def _once(self, method: str, path: str, data: bytes, kind: str) -> dict[str, Any]:
        import urllib3

        headers = self._signed(method, path, data, kind)
        try:
            answer = _pool().request(method, self._address + path, body=data, headers=headers, timeout=self._timeout)
        except urllib3.exceptions.HTTPError as error:
            raise DomainError(0, type(error).__name__, "The domain was not reached.") from error
        try:
            found = json.loads(answer.data)
        except ValueError:
            found = None
        if answer.status >= 400 or not isinstance(found, dict):
            raise _refusal(answer.status, found)
        return found

    def _signed(self, method: str, path: str, data: bytes, kind: str) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        url = f"https://{self.endpoint}{path}"
        request = AWSRequest(method, url, data=data, headers={"Content-Type": kind, "Host": self.endpoint})
        session = _session()
        SigV4Auth(session.get_credentials(), "es", session.get_config_variable("region")).add_auth(request)
        return dict(request.headers.items())


def _refusal(status: int, answer: Any) -> DomainError:
    """Return the error in an answer of OpenSearch, or of IAM in front of it."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict):
        return DomainError(status, str(error.get("type", "")), str(error.get("reason", "")))
    if status in (401, 403):
        message = answer.get("Message") or answer.get("message") if isinstance(answer, dict) else ""
        return DomainError(status, "AccessDenied", str(message or "A policy denies the request."))
    # 200 without JSON is an answer that broke off: another attempt can succeed.
    return DomainError(status if status >= 400 else 502, "unreadable_answer", str(error or "The answer is not JSON."))
