"""Read what the config_cache extension caches: parameters, secrets and DynamoDB items.

    import config_cache

    limit = int(config_cache.parameter("limit"))
    table = config_cache.item("settings")
    connection = config_cache.with_secret("db", connect, refused=psycopg.OperationalError)

Each thread keeps its connection. There is no other dependency than the standard library.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

TIMEOUT = 10.0
"""Seconds: more than the extension takes to say that AWS does not answer."""
_local = threading.local()


class CacheError(Exception):
    """A read without a value: the extension's one-word `error`, and AWS's error `code` if there is one."""

    def __init__(self, status: int, error: str, message: str, code: str = "") -> None:
        super().__init__(f"{error}: {message}" + (f" ({code})" if code else ""))
        self.status, self.error, self.code = status, error, code


class NotFound(CacheError):
    """The name is not configured, or AWS has no such parameter, secret or item."""


class Unavailable(CacheError):
    """AWS or the extension did not answer: a later read can succeed."""


class Read(NamedTuple):
    """A value as it was served: `age` in whole seconds, and `stale` if it is past its time to live."""

    body: bytes
    content_type: str
    etag: str
    age: int
    stale: bool


def parameter(name: str) -> str:
    """Return the value of a parameter. Raise CacheError."""
    return read("parameters", name).body.decode()


def secret(name: str) -> str | bytes:
    """Return the value of a secret: text, or bytes if the secret is binary. Raise CacheError."""
    return _secret(read("secrets", name))


def item(name: str) -> dict[str, Any]:
    """Return an item of DynamoDB as plain values; numbers with a fraction are Decimal. Raise CacheError."""
    from decimal import Decimal  # other reads need not wait for it

    found: dict[str, Any] = json.loads(read("dynamodb", name).body, parse_float=Decimal)
    return found


def with_secret(
    name: str, use: Callable[[Any], T], refused: type[BaseException] | tuple[type[BaseException], ...]
) -> T:
    """Return what `use` returns for the secret's value.

    If `use` raises one of the exceptions `refused`, the secret may have been rotated: it is read again from AWS, and
    `use` is called once more if the value has changed. Otherwise the exception is the caller's.
    """
    first = read("secrets", name)
    try:
        return use(_secret(first))
    except refused:
        try:
            second = read("secrets", name, refused=first.etag)
        except CacheError:
            second = first
        if second.etag == first.etag:
            raise
    return use(_secret(second))


def read(kind: str, name: str, refused: str = "") -> Read:
    """Return a value of `parameters`, `secrets` or `dynamodb`. Raise CacheError.

    `refused` is the etag of a value that was refused where it was used: it is read again from AWS.
    """
    query = {"name": name, "refused": refused} if refused else {"name": name}
    status, headers, body = _get(f"/{kind}?{urllib.parse.urlencode(query)}")
    if status != 200:
        raise _error(status, body)
    age, etag = headers.get("Age") or "0", (headers.get("ETag") or "").strip('"')
    return Read(body, headers.get("Content-Type") or "", etag, int(age), headers.get("X-Cache") == "stale")


def state() -> dict[str, Any]:
    """Return what the extension knows about each configured name, without values. Raise CacheError."""
    status, _, body = _get("/")
    if status != 200:
        raise _error(status, body)
    found: dict[str, Any] = json.loads(body)
    return found


def _secret(found: Read) -> str | bytes:
    return found.body if found.content_type == "application/octet-stream" else found.body.decode()


def _get(path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send a request, once more if the kept connection has ended."""
    headers = {"X-Aws-Parameters-Secrets-Token": os.environ.get("AWS_SESSION_TOKEN", "")}
    for kept in (True, False):
        connection = _connection(new=not kept)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if not kept or isinstance(error, TimeoutError):
                message = f"The extension did not answer: {error}. Does the function have its layer?"
                raise Unavailable(0, "NoExtension", message) from error
    raise AssertionError


def _forget() -> None:
    """Let a forked process have connections of its own: with a shared one, it could read another's answer."""
    _local.__dict__.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _connection(*, new: bool) -> http.client.HTTPConnection:
    found: http.client.HTTPConnection | None = getattr(_local, "connection", None)
    if found is None or new:
        port = int(os.environ.get("CACHE_EXTENSION_PORT") or 4000)
        found = _local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    return found


def _error(status: int, body: bytes) -> CacheError:
    try:
        shown = json.loads(body)
    except ValueError:
        shown = {}
    kind = NotFound if status == 404 else Unavailable if status == 503 else CacheError
    return kind(
        status, str(shown.get("error") or "Error"), str(shown.get("message") or ""), str(shown.get("code") or "")
    )
