"""Take a document from the ingest queue: give it its ID, count its pages, and send it on its route.

A large document gets an execution of the state machine, in which a Distributed Map draws its ranges; the others go to
the pages queue, in one range.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from common import clients, observability, settings

from . import document as documents
from . import queues
from .document import LARGE, OPEN, PROCESSING, REFUSED, Document
from .errors import DocumentRefused
from .pipeline import Pipeline
from .sandbox import Sandbox
from .settings import Settings
from .source import Source

CLASSIFIED = "document classified"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Take each message. Return those that failed."""
    observability.begin(context)
    pipeline = Pipeline(settings.load(Settings))
    return queues.consume(event, lambda message, _: take(pipeline, documents.read(message)))


def take(pipeline: Pipeline, new: Document) -> None:
    """Take a document; again changes nothing. Raise Unavailable or AWS's error."""
    if new.is_folder:
        return
    document = pipeline.ledger.receive(new)
    if document.status not in OPEN:
        return
    if document.status != PROCESSING:
        try:
            document = classify(pipeline, document)
        except DocumentRefused as refusal:
            pipeline.refuse(document, REFUSED, refusal.reason, refusal.detail)
            return
        pipeline.rows.begin(document)
        pipeline.ledger.classify(document)
        document = pipeline.ledger.document(document.id)
    send(pipeline, document)


def classify(pipeline: Pipeline, document: Document) -> Document:
    """Return a document with its pages and its route. Raise DocumentRefused, Unavailable."""
    config = pipeline.config
    if document.size > config.maximum_bytes:
        raise DocumentRefused("too_large", f"{document.size:,} bytes; the most is {config.maximum_bytes:,}.")
    if not document.size:
        raise DocumentRefused("empty")
    with Sandbox(Source(pipeline.s3, document).read, document.size, config) as sandbox:
        pages, truncated = sandbox.count()
    if pages > config.maximum_pages:
        raise DocumentRefused("too_many_pages", f"{pages:,} pages; the most is {config.maximum_pages:,}.")
    classified = documents.classified(document, pages, truncated, config)
    observability.logger().info(CLASSIFIED, extra={"document": document.id, "pages": pages, "route": classified.route})
    return classified


def send(pipeline: Pipeline, document: Document) -> None:
    """Send a classified document on its route."""
    if document.route != LARGE:
        queues.send(pipeline.sqs, pipeline.config.pages_queue_url, [{"document": document.id, "range": 0}])
        return
    states: Any = clients.client("stepfunctions")
    # If another attempt has started it, what it does not complete is in the dead-letter queue.
    with contextlib.suppress(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(
            stateMachineArn=pipeline.config.state_machine_arn,
            name=document.id,
            input=json.dumps({"document": document.id, "ranges": document.ranges}),
        )
