"""The bucket: the document, what was told of last, and the history.

- the document itself; its versions are kept by the bucket
- applied.json: the embargo that the last notice told of
- history/<time>-<version>.json: a record of every change
- refused/<version>.json: a record of every document that was refused
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common import aws_errors

from .document import MAX_BYTES, Embargo
from .errors import DocumentMissing, InvalidDocument

APPLIED = "applied.json"
ATTEMPTS = 5


@dataclass(frozen=True)
class Document:
    """One version of the document; `body` is None when it is too large to be read."""

    version: str
    size: int
    body: bytes | None

    def content(self) -> bytes:
        """The bytes. Raises InvalidDocument when there are too many."""
        if self.body is None:
            raise InvalidDocument([f"It has {self.size:,} bytes; {MAX_BYTES:,} is the most."])
        return self.body


@dataclass(frozen=True)
class Applied:
    """What the last notice told of: the embargo, and how it was enforced."""

    embargo: Embargo
    settings: dict[str, Any] | None


class Store:
    """`owner` is the account that must own the bucket."""

    def __init__(self, client: Any, bucket: str, owner: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client, self._sleep = client, sleep
        self._where = {"Bucket": bucket, "ExpectedBucketOwner": owner}

    def document(self, key: str) -> Document:
        """The latest version. Raises DocumentMissing."""
        found = self._get(key)
        if not found:
            raise DocumentMissing(f"There is no {key} in the bucket. What is in force stays in force.")
        return found

    def version(self, key: str) -> str:
        """The latest version's id of an object; empty when there is none."""
        from botocore.exceptions import ClientError

        try:
            return str(self._client.head_object(**self._where, Key=key).get("VersionId", "null"))
        except ClientError as error:
            if aws_errors.kind(error) is aws_errors.Kind.GONE:
                return ""
            raise

    def applied(self) -> Applied:
        """What was told of last; nothing at first."""
        found = self._get(APPLIED)
        if not found:
            return Applied(Embargo(), None)
        value = json.loads(found.content())
        return Applied(Embargo(frozenset(value["countries"]), frozenset(value["ranges"])), value["settings"])

    def keep_applied(self, embargo: Embargo, settings: dict[str, Any], version: str) -> None:
        """Notes what was told of."""
        value = {
            "document_version": version,
            "settings": settings,
            "countries": sorted(embargo.countries),
            "ranges": sorted(embargo.ranges),
        }
        self._put(APPLIED, value)

    def keep_change(self, at: str, version: str, record: dict[str, Any]) -> str:
        """Adds to the history; the record's key."""
        key = f"history/{at}-{version}.json"
        self._put(key, record)
        return key

    def keep_refusal(self, key: str, record: dict[str, Any]) -> None:
        """Notes what was told of a refused document."""
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
            except (HTTPClientError, IncompleteReadError):  # lost in the body, which botocore does not retry
                if attempt == ATTEMPTS - 1:
                    raise
                self._sleep(0.2 * 2**attempt)
        raise AssertionError
