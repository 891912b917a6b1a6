"""Complete what failed again and again, from the dead-letter queues, with more time and memory.

It does the work of the queue that gave up. When that fails again, it ends the work with failed rows: no document stays
open. A message that ends even this function is given up without another try.
"""

from collections.abc import Callable, Mapping
from typing import Any

from common import aws_errors, observability, settings

from . import document as documents
from . import infer, intake, queues, render
from .document import FAILED, OPEN, RECEIVED, Document
from .pipeline import Pipeline
from .settings import Settings

TRIES, MOST_TRIES = 2, 4
"""Attempts at a message that may fail, and attempts that may end the function."""
COMPLETING, GAVE_UP, DROPPED = "failsafe at work", "failsafe gave up", "message is not of this pipeline"
INGEST, PAGES = "ingest", "pages"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Complete each message. Return those that must come again."""
    observability.begin(context)
    observability.count("MessagesToFailsafe", len(event["Records"]))
    pipeline = Pipeline(settings.load(Settings))
    left = context.get_remaining_time_in_millis
    return queues.consume(event, lambda message, record: complete(pipeline, message, record, left))


def complete(pipeline: Pipeline, message: dict[str, Any], record: Mapping[str, Any], left: Callable[[], int]) -> None:
    """Complete a message. Raise what is wrong, as long as another attempt remains."""
    tries = _tries(int(record["attributes"]["ApproximateReceiveCount"]), pipeline.config.attempts)
    stage = record["eventSourceARN"].removesuffix("-dlq").rpartition("-")[2]
    observability.logger().warning(COMPLETING, extra={"stage": stage, "tries": tries, "body": record["body"][:300]})
    try:
        document, number = _subject(pipeline, stage, message)
    except (KeyError, ValueError) as error:  # expired, or sent by hand
        observability.logger().error(DROPPED, extra={"error": str(error)})
        observability.count("MessagesDropped", 1)
        return
    if tries > MOST_TRIES:
        _give_up(pipeline, document, number, "failsafe_ended", "The function ended each time.")
        return
    try:
        _work(pipeline, stage, document, number, left)
    except Exception as error:
        if tries < TRIES:
            raise
        reason = f"failed: {aws_errors.name(error)}"
        observability.logger().error(GAVE_UP, extra={"stage": stage, "reason": reason})
        _give_up(pipeline, document, number, reason, str(error))


def _tries(received: int, before: int) -> int:
    """Return how often a message came here.

    SQS goes on counting when it moves a message to a dead-letter queue; what the state machine sends there begins at 1.
    """
    return received - before if received > before else received


def _subject(pipeline: Pipeline, stage: str, message: dict[str, Any]) -> tuple[Document, int | None]:
    """Return the document of a message and its range, or None for all of it. Raise KeyError, ValueError."""
    if stage == INGEST:
        return documents.read(message), None
    if "range" not in message:
        return pipeline.ledger.document(str(message["document"])), None
    document, number = render.addressed(pipeline, message)
    document.range(number)
    return document, number


def _work(pipeline: Pipeline, stage: str, document: Document, number: int | None, left: Callable[[], int]) -> None:
    if stage == INGEST:
        intake.take(pipeline, document)
    elif number is None:  # its map failed as a whole
        missing = sorted(set(range(document.ranges)) - pipeline.ledger.done(document))
        messages = ({"document": document.id, "range": one} for one in missing)
        queues.send(pipeline.sqs, pipeline.config.pages_queue_url, messages)
    elif stage == PAGES:
        render.draw(pipeline, document, number)
    else:
        infer.ask(pipeline, document, number, left)


def _give_up(pipeline: Pipeline, document: Document, number: int | None, reason: str, detail: str) -> None:
    """End a document that was not classified, or the range of one that was, or all of its ranges."""
    document = pipeline.ledger.receive(document)
    if document.status == RECEIVED:
        pipeline.refuse(document, FAILED, reason, detail)
    elif document.status in OPEN:
        for one in range(document.ranges) if number is None else [number]:
            pipeline.give_up(document, one, reason, detail)
