"""Draw a range of a document's pages, and pass the images on.

Events: messages of the pages queue, or {"document", "range"} from the state machine. A page that has a row is done; one
that cannot be drawn gets its row here. The others get theirs from `infer`, or here if there is no endpoint.
"""

from collections.abc import Mapping
from typing import Any

from common import observability, settings

from . import queues
from .document import OPEN, Document
from .errors import DocumentRefused, PageFailed
from .ledger import Page
from .pipeline import Pipeline
from .sandbox import Sandbox
from .settings import Settings
from .source import Source

DRAWN = "range drawn"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Draw. Return the messages that failed; for the state machine, raise what is wrong."""
    observability.begin(context)
    pipeline = Pipeline(settings.load(Settings))
    if "Records" not in event:
        draw(pipeline, *addressed(pipeline, event))
        return {}
    return queues.consume(event, lambda message, _: draw(pipeline, *addressed(pipeline, message)))


def addressed(pipeline: Pipeline, message: Mapping[str, Any]) -> tuple[Document, int]:
    """Return the document and the range that a message names. Raise KeyError, ValueError."""
    document, number = pipeline.ledger.document(str(message["document"])), message["range"]
    if not isinstance(number, int):
        raise ValueError(f"{number!r} is no range of document {document.id}.")  # noqa: TRY004 - a message, not a call
    return document, number


def draw(pipeline: Pipeline, document: Document, number: int) -> None:
    """Draw the pages of a range that have no row. Raise Unavailable or AWS's error."""
    if document.status not in OPEN:
        return
    pages = document.range(number)
    rows = pipeline.ledger.pages(document, pages)
    source = Source(pipeline.s3, document)
    waiting = 0
    with Sandbox(source.read, document.size, pipeline.config) as sandbox:
        for page in pages:
            if page not in rows:
                waiting += _draw(pipeline, document, page, sandbox)
    observability.logger().info(DRAWN, extra={"document": document.id, "range": number, "reads": source.reads})
    if waiting and pipeline.config.endpoint:
        queues.send(pipeline.sqs, pipeline.config.images_queue_url, [{"document": document.id, "range": number}])
    else:
        pipeline.close_range(document, number)


def _draw(pipeline: Pipeline, document: Document, page: int, sandbox: Sandbox) -> bool:
    """Draw a page. Return true if its image waits for the endpoint."""
    config, key = pipeline.config, document.image(page)
    try:
        image = sandbox.draw(page, document.pages)
    except (PageFailed, DocumentRefused) as failure:
        pipeline.ledger.add(document, Page(page, "FAILED", failure.reason, failure.detail))
        return False
    pipeline.s3.put_object(
        Bucket=config.bucket,
        Key=key,
        Body=image,
        ContentType="image/png",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=config.kms_key_arn,
        ExpectedBucketOwner=config.bucket_owner,
    )
    if not config.endpoint:
        pipeline.ledger.add(document, Page(page, "DONE", image=key))
    return bool(config.endpoint)
