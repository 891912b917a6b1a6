"""The bucket: the document, the state that was last reported, and the history.

- the document itself; the bucket keeps its versions
- applied.json: the embargo that was accepted last, and the one that the last notice reported, if that is another
- history/<time>-<version>.json: a record of every change
- refused/<version>.json: a record of every refused document
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors

from .document import MAX_BYTES, Embargo
from .errors import DocumentMissing, InvalidDocument

APPLIED = "applied.json"
ATTEMPTS = 5


@dataclass(frozen=True)
class Document:
    """One version of the document. `body` is None if the document is too large."""

    version: str
    size: int
    body: bytes | None

    def content(self) -> bytes:
        """Return the body. Raise InvalidDocument if the document is too large."""
        if self.body is None:
            raise InvalidDocument([f"The document has {self.size:,} bytes; the maximum is {MAX_BYTES:,}."])
        return self.body


@dataclass(frozen=True)
class Applied:
    """State that the last notice reported: the embargo, and the settings that enforced it (None before the first)."""

    embargo: Embargo
    settings: dict[str, Any] | None
    version: str = ""
    """Version of the document that was accepted last, or "" if there was none."""
    accepted: Embargo = field(default_factory=Embargo)
    """Its embargo, which a call that was interrupted may not have reported yet."""


class Store:
    """The bucket's objects. `owner` is the account that must own the bucket."""

    def __init__(self, client: Any, bucket: str, owner: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client, self._sleep = client, sleep
        self._where = {"Bucket": bucket, "ExpectedBucketOwner": owner}

    def document(self, key: str) -> Document:
        """Return the latest version of the document. Raise DocumentMissing if there is none."""
        found = self._get(key)
        if not found:
            raise DocumentMissing(f"The bucket has no {key}. The embargo in force does not change.")
        return found

    def version(self, key: str) -> str:
        """Return the ID of an object's latest version, or "" if there is no object."""
        from botocore.exceptions import ClientError

        try:
            return str(self._client.head_object(**self._where, Key=key).get("VersionId", "null"))
        except ClientError as error:
            if aws_errors.kind(error) is aws_errors.Kind.GONE:
                return ""
            raise

    def applied(self) -> Applied:
        """Return the state that was last reported, which is empty at first."""
        found = self._get(APPLIED)
        if not found:
            return Applied(Embargo(), None)
        value = json.loads(found.content())
        embargo = _read(value)
        return Applied(embargo, value["settings"], value["document_version"], _read(value.get("accepted", value)))

    def keep_applied(self, applied: Applied) -> None:
        """Store the state. Store an accepted embargo before it is enforced, and a notice after it was sent."""
        more = {} if applied.accepted == applied.embargo else {"accepted": _written(applied.accepted)}
        value = {"document_version": applied.version, "settings": applied.settings, **_written(applied.embargo), **more}
        self._put(APPLIED, value)

    def keep_change(self, at: str, version: str, record: dict[str, Any]) -> str:
        """Add a record to the history and return its key."""
        key = f"history/{at}-{version}.json"
        self._put(key, record)
        return key

    def keep_refusal(self, key: str, record: dict[str, Any]) -> None:
        """Store the record of a refused document that was reported."""
        self._put(key, record)

    def _put(self, key: str, value: dict[str, Any]) -> None:
        body = json.dumps(value, indent=1).encode()
        self._client.put_object(**self._where, Key=key, Body=body, ContentType="application/json")

    def _get(self, key: str) -> Document | None:
        from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

        for attempt in range(ATTEMPTS):
            try:
                answer = self._client.get_object(**self._where, Key=key)
                size = answer["ContentLength"]
                body = answer["Body"].read() if size <= MAX_BYTES else None
                return Document(str(answer.get("VersionId", "null")), size, body)
            except ClientError as error:
                if aws_errors.name(error) == "NoSuchKey":
                    return None
                raise
            except (HTTPClientError, IncompleteReadError):  # lost while reading the body, which botocore does not retry
                if attempt == ATTEMPTS - 1:
                    raise
                self._sleep(0.2 * 2**attempt)
        raise AssertionError


def _written(embargo: Embargo) -> dict[str, list[str]]:
    return {"countries": sorted(embargo.countries), "ranges": sorted(embargo.ranges)}


def _read(value: dict[str, Any]) -> Embargo:
    return Embargo(frozenset(value["countries"]), frozenset(value["ranges"]))
