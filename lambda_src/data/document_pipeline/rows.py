"""What SQL reads: a row for each document and one for each page, as lines of JSON in S3.

An object holds the row of one document, or the rows of one range of its pages, under a key that follows from them: what
is written twice replaces itself, and no row is there twice. athena.tf of the module has the columns.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from common import aws_errors

from .document import Document
from .ledger import Page
from .settings import Settings


class Rows:
    """Writes rows."""

    def __init__(self, s3: Any, config: Settings) -> None:
        self._s3, self._config = s3, config

    def document(self, document: Document, **more: Any) -> None:
        """Write the row of a document that has ended."""
        self._put(f"rows/documents/dt={document.day}/{document.id}.json", [_row(document) | more])

    def begin(self, document: Document) -> None:
        """Write the row of a document that is being processed, unless it has one."""
        try:
            key = f"rows/documents/dt={document.day}/{document.id}.json"
            self._put(key, [_row(document)], IfNoneMatch="*")
        except Exception as error:
            failure = aws_errors.read(error)
            if failure is None or failure.code != "PreconditionFailed":
                raise

    def pages(self, document: Document, number: int, pages: Iterable[Page]) -> None:
        """Write the rows of a range of pages."""
        same = {"document_id": document.id, "batch": document.batch, "document_key": document.key}
        rows = [same | dataclasses.asdict(page) for page in pages]
        self._put(f"rows/pages/dt={document.day}/{document.id}-{number:05d}.json", rows)

    def _put(self, key: str, rows: Iterable[Mapping[str, Any]], **condition: str) -> None:
        config = self._config
        self._s3.put_object(
            Bucket=config.bucket,
            Key=key,
            Body="".join(json.dumps(row) + "\n" for row in rows).encode(),
            ContentType="application/json",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=config.kms_key_arn,
            ExpectedBucketOwner=config.bucket_owner,
            **condition,
        )


def _row(document: Document) -> dict[str, Any]:
    row = dataclasses.asdict(document)
    row["document_id"], row["document_key"] = row.pop("id"), row.pop("key")
    return row
