"""Signed calls of AWS's JSON services, with the standard library.

A test holds each signature against botocore's. What a signature gets wrong is refused by AWS.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import http.client
import json
import os
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

ATTEMPTS = 3
BACKOFF = 0.1
"""Seconds: the most that the first pause takes; each further one at most twice as long, with full jitter."""
SLOWEST = 1.0
"""Seconds that an attempt has at least, if there is time. One that hangs leaves time for another."""
LARGEST_ANSWER = 8_000_000
"""Bytes. AWS's largest answer here has 10 parameters of 8 KB, or an item of 400 KB."""
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}
_SERVICE_IDS = {"secretsmanager": "SECRETS_MANAGER"}
# Where Linux distributions have the certificates of authorities, if OpenSSL was built for another one.
_AUTHORITIES = ("/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem")
# AWS answers these with status 400, although the same call can succeed later.
_TRANSIENT = frozenset(
    {
        "ExpiredTokenException",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "InternalServiceErrorException",
        "InvalidClientTokenId",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeTooSkewed",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TooManyUpdates",
        "TransactionInProgressException",
        "UnrecognizedClientException",
    }
)


class CallFailed(Exception):
    """A call without a result: AWS's error code, and whether the same call can succeed later."""

    def __init__(self, code: str, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.code, self.transient = code, transient


class Credentials(NamedTuple):
    """The credentials of the function's role."""

    key: str
    secret: str
    token: str

    @classmethod
    def of_environment(cls, environ: Mapping[str, str] = os.environ) -> "Credentials":
        """Return what Lambda sets for each environment, for as long as it lives."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return cls(*(environ.get(name, "") for name in names))


def endpoint(service: str, region: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of a service: of the SDKs' variables, or AWS's own, with FIPS if the function asks for it."""
    variable = f"AWS_ENDPOINT_URL_{_SERVICE_IDS.get(service, service.upper())}"
    own = environ.get(variable) or environ.get("AWS_ENDPOINT_URL")
    if own and environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        return own
    suffix = next((suffix for start, suffix in _SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    fips = "-fips" if environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true" else ""
    return f"https://{service}{fips}.{region}.{suffix}"


def signed(
    credentials: Credentials, service: str, region: str, host: str, headers: Mapping[str, str], body: bytes, now: float
) -> dict[str, str]:
    """Return the headers of a POST to `/` with those of its signature (Signature Version 4)."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    every = {**headers, "Host": host, "X-Amz-Date": stamp}
    if credentials.token:
        every["X-Amz-Security-Token"] = credentials.token
    lines = {name.lower(): " ".join(value.split()) for name, value in every.items()}
    names = ";".join(sorted(lines))
    canonical = "\n".join(
        ["POST", "/", "", *(f"{name}:{lines[name]}" for name in sorted(lines)), "", names, _sha256(body)]
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{_sha256(canonical.encode())}"
    key = f"AWS4{credentials.secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={credentials.key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    )
    return {**every, "Authorization": authorization}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Client:
    """Calls AWS. Each call has a connection of its own: one that outlives a freeze would be dead."""

    def __init__(
        self,
        timeout: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set the most that a call takes with all its attempts, in seconds."""
        self._timeout, self._clock, self._sleep = timeout, clock, sleep
        self._tls: ssl.SSLContext | None = None
        self._trusting = threading.Lock()

    def call(self, service: str, region: str, target: str, version: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of an operation such as `AmazonSSM.GetParameters`. Raise CallFailed.

        Throttled calls, errors of the service and of the network are retried while there is time.
        """
        ends, body = time.monotonic() + self._timeout, json.dumps(request).encode()
        attempt = 0
        while True:
            attempt += 1
            try:
                left = ends - time.monotonic()
                seconds = min(left, max(SLOWEST, left / (ATTEMPTS - attempt + 1)))
                return self._once(service, region, target, version, body, seconds)
            except CallFailed as failed:
                pause = jitter(0, BACKOFF * 2 ** (attempt - 1))
                if not failed.transient or attempt == ATTEMPTS or time.monotonic() + pause >= ends:
                    raise
            self._sleep(pause)

    def _once(
        self, service: str, region: str, target: str, version: str, body: bytes, seconds: float
    ) -> dict[str, Any]:
        address = urllib.parse.urlsplit(endpoint(service, region))
        headers = {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": target}
        headers = signed(Credentials.of_environment(), service, region, address.netloc, headers, body, self._clock())
        connection = self._connection(address, max(0.1, seconds))
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            status, content = response.status, response.read(LARGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise CallFailed(type(error).__name__, f"{service} was not reached: {error}", transient=True) from error
        finally:
            connection.close()
        answer = _json(content)
        if status == 200 and answer is not None:
            return answer
        raise _failed(status, answer or {}, dict(response.getheaders()))

    def _connection(self, address: urllib.parse.SplitResult, seconds: float) -> http.client.HTTPConnection:
        host = address.hostname or ""
        if address.scheme == "http":  # a local cloud or a test
            return http.client.HTTPConnection(host, address.port, timeout=seconds)
        with self._trusting:  # once, though several calls begin with the first one: it takes 20 ms
            self._tls = self._tls or trust()
        return http.client.HTTPSConnection(host, address.port, timeout=seconds, context=self._tls)


def jitter(least: float, most: float) -> float:
    """Return a number between the two. Only failures need it; since Python 3.13, nothing else imports the library."""
    import random

    return random.uniform(least, most)  # noqa: S311 - not a secret


def trust(environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return a TLS context that checks certificates against the system's authorities, or those of AWS_CA_BUNDLE."""
    paths = ssl.get_default_verify_paths()
    file = environ.get("AWS_CA_BUNDLE") or None
    if not file and not paths.cafile and not (paths.capath and os.listdir(paths.capath)):  # noqa: PTH208 - pathlib takes 10 ms
        file = next((path for path in _AUTHORITIES if os.path.exists(path)), None)  # noqa: PTH110
    return ssl.create_default_context(cafile=file)


def _json(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _failed(status: int, answer: Mapping[str, Any], headers: Mapping[str, str]) -> CallFailed:
    named = answer.get("__type") or answer.get("code") or headers.get("x-amzn-ErrorType") or f"Status{status}"
    code = str(named).partition(":")[0].rpartition("#")[2]
    message = str(answer.get("message") or answer.get("Message") or "")
    expired = code == "InvalidSignatureException" and "expired" in message  # the clock just after a freeze
    transient = status >= 500 or status in (200, 429) or code in _TRANSIENT or expired
    return CallFailed(code, message, transient=transient)
