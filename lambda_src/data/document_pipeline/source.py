"""A document in S3, read in parts, as it was when it was received."""

from typing import Any

from common import aws_errors
from common.aws_errors import Kind

from .document import Document
from .errors import DocumentRefused, Unavailable

_MEANING = {
    "PreconditionFailed": "changed",
    "NoSuchKey": "missing",
    "InvalidObjectState": "archived",
    "InvalidRange": "changed",
}
ATTEMPTS = 3


class Source:
    """Reads ranges of a document's bytes; `reads` counts them."""

    def __init__(self, s3: Any, document: Document) -> None:
        self._s3, self._document = s3, document
        self.reads = 0

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes. Raise DocumentRefused, or Unavailable if another attempt can succeed."""
        document = self._document
        for attempt in range(ATTEMPTS):
            self.reads += 1
            try:
                answer = self._s3.get_object(
                    Bucket=document.bucket,
                    Key=document.key,
                    Range=f"bytes={offset}-{offset + length - 1}",
                    IfMatch=f'"{document.etag}"',
                )
                body: bytes = answer["Body"].read()
            except Exception as error:
                failure = aws_errors.read(error)
                if failure is None:
                    if not type(error).__module__.startswith(("botocore", "urllib3")):
                        raise
                    if attempt + 1 < ATTEMPTS:  # the body broke off
                        continue
                    raise Unavailable(f"{document.key}: {type(error).__name__}") from error
                if failure.transient or failure.kind is Kind.DENIED or failure.code == "NoSuchBucket":
                    raise Unavailable(f"{document.key}: {failure.code}") from error
                raise DocumentRefused(_MEANING.get(failure.code, "unreadable"), failure.code) from error
            if len(body) == length:
                return body
        raise DocumentRefused("changed", "S3 returns fewer bytes than it listed.")
