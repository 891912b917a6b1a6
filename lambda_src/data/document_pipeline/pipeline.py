"""What the functions share: the services of one call, and the end of ranges and documents."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from common import clients, observability

from .document import REFUSED, Document, ended, now
from .ledger import Ledger, Page
from .rows import Rows
from .settings import Settings

ENDED = "document ended"


@dataclass(frozen=True)
class Pipeline:
    """The services, each created when it is first used."""

    config: Settings

    @cached_property
    def ledger(self) -> Ledger:
        """Return the audit trail."""
        return Ledger(clients.client("dynamodb"), self.config.table, self.config.ledger_days)

    @property
    def s3(self) -> Any:
        """Return the client of S3."""
        return clients.client("s3")

    @property
    def sqs(self) -> Any:
        """Return the client of SQS."""
        return clients.client("sqs")

    @cached_property
    def rows(self) -> Rows:
        """Return the rows of SQL."""
        return Rows(self.s3, self.config)

    def refuse(self, document: Document, status: str, reason: str, detail: str = "") -> None:
        """End a document before its pages are counted."""
        at = now()
        self.rows.document(document, status=status, reason=reason, detail=detail[:500], finished_at=at)
        self.ledger.end(document, status, reason, at)
        observability.logger().info(ENDED, extra={"document": document.id, "status": status, "reason": reason})
        observability.count("DocumentsRefused" if status == REFUSED else "DocumentsFailed", 1)

    def close_range(self, document: Document, number: int) -> None:
        """Copy the rows of a range whose pages all have one, and end the document with its last range."""
        pages = document.range(number)
        rows = self.ledger.pages(document, pages)
        if len(rows) != len(pages):
            raise AssertionError(f"{len(rows)} of {len(pages)} pages of {document.id} have a row")
        self.rows.pages(document, number, [rows[page] for page in pages])
        if self.ledger.complete(document, number):
            self._end(document)

    def give_up(self, document: Document, number: int, reason: str, detail: str = "") -> None:
        """Fail all pages of a range that have no row, and close it."""
        pages = document.range(number)
        rows = self.ledger.pages(document, pages)
        for page in pages:
            if page not in rows:
                self.ledger.add(document, Page(page, "FAILED", reason, detail[:500]))
        self.close_range(document, number)

    def _end(self, document: Document) -> None:
        statuses, features = self.ledger.summary(document)
        status, reason = ended(document, statuses)
        at = now()
        self.rows.document(
            document,
            status=status,
            reason=reason,
            images=statuses["DONE"],
            failed_pages=statuses["FAILED"],
            features=sorted(features),
            finished_at=at,
        )
        self.ledger.end(document, status, reason, at)
        observability.logger().info(ENDED, extra={"document": document.id, "status": status, "pages": document.pages})
        observability.count("DocumentsProcessed" if statuses["DONE"] else "DocumentsFailed", 1)
        if statuses["FAILED"]:
            observability.count("PagesFailed", statuses["FAILED"])
