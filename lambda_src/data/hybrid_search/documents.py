"""Documents as they come, one JSON object on a line, and as batches of the bulk API."""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .objects import EMBEDDING

LONGEST_LINE = 1_000_000
BATCH_DOCUMENTS = 100
BATCH_BYTES = 5_000_000
LONGEST_ID = 512  # bytes, OpenSearch's limit
# Tabs and line ends become spaces where it matters; the others are not text, and two of them mark highlights.
_CONTROLS = {code: None for code in range(32) if code not in (9, 10, 13)}


@dataclass(frozen=True)
class Document:
    """A document that is ready for the bulk API."""

    line: int
    key: str
    source: dict[str, Any] = field(repr=False)

    def encoded(self) -> bytes:
        """Return its two lines."""
        return b"%s\n%s\n" % (_json({"index": {"_id": self.key}}), _json(self.source))


@dataclass(frozen=True)
class Failure:
    """A line or document that is not in the index, and why."""

    line: int
    key: str
    reason: str


def lines(body: Any, compressed: bool) -> Iterator[tuple[int, bytes | None]]:
    """Yield the numbered lines that are not blank; None for one that is too long. Raise ValueError for broken gzip."""
    stream: Any = io.BufferedReader(_Raw(body), 65536)
    if compressed:
        stream = gzip.GzipFile(fileobj=stream)
    number = 0
    try:
        while line := stream.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield number, None
            elif line.strip():
                yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"The gzip file is broken after line {number}: {error}") from error


class _Raw(io.RawIOBase):
    """A body of S3 as a raw stream."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def read(number: int, line: bytes | None, text_field: str) -> Document | Failure:
    """Return the document on a line. Blank text is left out: OpenSearch would refuse the whole document for it."""
    if line is None:
        return Failure(number, "", f"The line has more than {LONGEST_LINE} bytes.")
    try:
        source = json.loads(line, parse_constant=_refuse_constant)
        json.dumps(source, ensure_ascii=False).encode()  # refuses half a character
    except (ValueError, RecursionError):
        source = None
    if not isinstance(source, dict):
        return Failure(number, "", "The line is not a JSON object.")
    key = source.pop("id", None)
    if key is None:
        key = hashlib.sha256(_json(source)).hexdigest()[:32]  # the same document is the same, however often it comes
    named = isinstance(key, (str, int)) and not isinstance(key, bool)
    if not named or not 1 <= len(str(key).encode()) <= LONGEST_ID:
        return Failure(number, "", f"The id must be text or a number of 1 to {LONGEST_ID} bytes.")
    key = str(key)
    source.pop(text_field + EMBEDDING, None)  # only the model makes embeddings
    text = source.get(text_field)
    if text is not None and not isinstance(text, str):
        return Failure(number, key, f"{text_field} must be text.")
    text = (text or "").translate(_CONTROLS)
    source[text_field] = text
    if not text.strip():
        del source[text_field]
    return Document(number, key, source)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def batches(
    documents: Iterable[Document], most: int = BATCH_DOCUMENTS, size: int = BATCH_BYTES
) -> Iterator[list[Document]]:
    """Yield all documents in order, in batches within both limits; the last batch can be a small one."""
    batch: list[Document] = []
    used = 0
    for document in documents:
        length = len(document.encoded())
        if batch and (len(batch) == most or used + length > size):
            yield batch
            batch, used = [], 0
        batch.append(document)
        used += length
    if batch:
        yield batch
