"""A document, its route and its ranges of pages. Nothing here calls AWS."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .settings import Settings

SINGLE, SMALL, LARGE = "single", "small", "large"
RECEIVED, PROCESSING, PROCESSED, PARTIAL, FAILED, REFUSED = (
    "RECEIVED", "PROCESSING", "PROCESSED", "PARTIAL", "FAILED", "REFUSED",
)  # fmt: skip
OPEN = frozenset({RECEIVED, PROCESSING})


@dataclasses.dataclass(frozen=True)
class Document:
    """One version of an object in one batch. `pages` and what follows are empty until the pages are counted."""

    id: str
    batch: str
    bucket: str
    key: str
    etag: str
    size: int
    received_at: str
    status: str = RECEIVED
    reason: str = ""
    pages: int = 0
    route: str = ""
    range_pages: int = 0
    truncated: bool = False
    classified_at: str = ""

    @property
    def ranges(self) -> int:
        """Return the number of its ranges."""
        return -(-self.pages // self.range_pages) if self.range_pages else 0

    def range(self, number: int) -> range:
        """Return the pages of a range, counted from 1. Raise ValueError if it has no such range."""
        if not 0 <= number < self.ranges:
            raise ValueError(f"Document {self.id} has no range {number}.")
        first = number * self.range_pages + 1
        return range(first, min(first + self.range_pages, self.pages + 1))

    def image(self, page: int) -> str:
        """Return the key of a page's image."""
        return f"images/{self.id}/{page:06d}.png"

    @property
    def is_folder(self) -> bool:
        """Return true for what the console of S3 creates as a folder."""
        return self.key.endswith("/") and not self.size

    @property
    def day(self) -> str:
        """Return the day on which it was received: its partition in SQL."""
        return self.received_at[:10]


def now() -> str:
    """Return the time, UTC, ISO 8601."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def found(batch: str, bucket: str, key: str, etag: str, size: int) -> dict[str, Any]:
    """Return the message about a document that was found."""
    return {"batch": batch, "bucket": bucket, "key": key, "etag": etag.strip('"'), "size": size}


def read(message: Any) -> Document:
    """Return the document of a message of `listing`, or of S3's event about a new object. Raise ValueError.

    The ID follows from the batch and the version of the object: the same message gives the same document.
    """
    try:
        if "detail" in message:
            detail, at = message["detail"], datetime.fromisoformat(message["time"]).astimezone(UTC)
            thing = detail["object"]
            message = found(
                f"arrivals-{at:%Y-%m-%d}", detail["bucket"]["name"], thing["key"], thing["etag"], thing["size"]
            )
        batch, bucket, key, etag = (str(message[name]) for name in ("batch", "bucket", "key", "etag"))
        size = int(message["size"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"Not a message about a document: {type(error).__name__} {error}.") from None
    name = hashlib.sha256(json.dumps([batch, bucket, key, etag]).encode()).hexdigest()[:32]
    return Document(name, batch, bucket, key, etag, size, now())


def classified(document: Document, pages: int, truncated: bool, config: Settings) -> Document:
    """Return a document with its route. The size is looked at here and nowhere else: nothing is routed twice."""
    if document.size > config.small_bytes or pages > config.small_pages:
        route = LARGE
    else:
        route = SINGLE if pages == 1 else SMALL
    return dataclasses.replace(
        document,
        status=PROCESSING,
        pages=pages,
        route=route,
        range_pages=config.small_pages,
        truncated=truncated,
        classified_at=now(),
    )


def ended(document: Document, statuses: Mapping[str, int]) -> tuple[str, str]:
    """Return the final status and its reason, from the number of its pages by their status."""
    done, failed = statuses.get("DONE", 0), statuses.get("FAILED", 0)
    if done + failed != document.pages:
        raise AssertionError(f"{done} done and {failed} failed of {document.pages} pages of {document.id}")
    if not done:
        return FAILED, "no page could be processed"
    if failed:
        return PARTIAL, f"{failed} of {document.pages} pages failed"
    return (PARTIAL, "truncated") if document.truncated else (PROCESSED, "")
