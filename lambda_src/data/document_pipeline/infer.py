"""Send the images of a range to the endpoint, one after the other, and store the row of each page: its one audit write.

The event source's maximum concurrency bounds the calls of the endpoint. A page whose call fails for now leaves the
message in the queue; the pages that have a row are not sent again.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from common import aws_errors, observability, settings
from common.aws_errors import Kind

from . import endpoint, queues
from .document import OPEN, Document
from .errors import PageFailed, Unavailable
from .ledger import Page
from .pipeline import Pipeline
from .render import addressed
from .settings import Settings

ASKED = "range asked"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Ask about the images of each message. Return the messages that failed."""
    observability.begin(context)
    pipeline = Pipeline(settings.load(Settings))
    left = context.get_remaining_time_in_millis
    return queues.consume(event, lambda message, _: ask(pipeline, *addressed(pipeline, message), left))


def ask(pipeline: Pipeline, document: Document, number: int, left: Callable[[], int]) -> None:
    """Ask about each page of a range that has no row. Raise Unavailable after all of them if one has none then."""
    if document.status not in OPEN:
        return
    pages = document.range(number)
    rows = pipeline.ledger.pages(document, pages)
    longest = 1000 * (endpoint.ATTEMPTS * int(pipeline.config.endpoint["timeout_seconds"]) + 5)
    failed: list[str] = []
    for page in pages:
        if page in rows:
            continue
        if rows and left() < longest:  # what is done is kept, and the message comes back
            raise Unavailable("The time of the function is over.")
        try:
            rows[page] = _ask(pipeline, document, page)
            pipeline.ledger.add(document, rows[page])
        except Unavailable as error:
            failed.append(str(error))
    observability.logger().info(ASKED, extra={"document": document.id, "range": number, "failed": len(failed)})
    if failed:
        raise Unavailable(failed[0])
    pipeline.close_range(document, number)


def _ask(pipeline: Pipeline, document: Document, page: int) -> Page:
    """Return the row of a page. Raise Unavailable."""
    key, began = document.image(page), time.monotonic()
    try:
        body, kind = _request(pipeline, document, page)
        result, features = endpoint.ask(pipeline.config, body, kind)
    except PageFailed as failure:
        return Page(page, "FAILED", failure.reason, failure.detail, image=key)
    spent = round((time.monotonic() - began) * 1000)
    return Page(page, "DONE", image=key, result=result, features=features, latency_ms=spent)


def _request(pipeline: Pipeline, document: Document, page: int) -> tuple[bytes, str]:
    bucket, key = pipeline.config.bucket, document.image(page)
    if pipeline.config.endpoint["payload"] == "location":
        place: dict[str, Any] = {"document_id": document.id, "page": page, "bucket": bucket, "key": key}
        return json.dumps(place).encode(), "application/json"
    try:
        answer = pipeline.s3.get_object(Bucket=bucket, Key=key, ExpectedBucketOwner=pipeline.config.bucket_owner)
        body: bytes = answer["Body"].read()
    except Exception as error:
        failure = aws_errors.read(error)
        if failure and failure.kind is Kind.GONE:
            raise PageFailed("image_missing", "The page's image was deleted before the endpoint saw it.") from error
        raise Unavailable(f"image: {aws_errors.name(error)}") from error
    return body, "image/png"
