"""Objects in S3: gzip with one record a line, in a folder for each day (UTC). The same records make the same object."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .records import Record, unique

PREFIX, MARKERS = "records/", "history/"


@dataclass(frozen=True)
class Store:
    """The bucket of the records, its owner and its key."""

    s3: Any
    bucket: str
    owner: str
    kms_key_arn: str

    def put(self, records: Iterable[Record], kind: str) -> list[str]:
        """Write an object for each day, and return the keys. `kind` begins their names."""
        days: dict[str, list[Record]] = {}
        for record in unique(records):
            days.setdefault(record.day, []).append(record)
        return [self.put_day(day, of_day, kind) for day, of_day in sorted(days.items())]

    def put_day(self, day: str, records: list[Record], kind: str) -> str:
        """Write the object of one day, and return its key."""
        body = "".join(record.line() + "\n" for record in records).encode()
        key = f"{PREFIX}dt={day}/{kind}-{hashlib.sha256(body).hexdigest()[:24]}.ndjson.gz"
        self.put_object(key, gzip.compress(body, mtime=0), "application/gzip")
        return key

    def put_object(self, key: str, body: bytes, content_type: str) -> None:
        """Write any object."""
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.kms_key_arn,
            ExpectedBucketOwner=self.owner,
        )

    def mark(self, name: str) -> None:
        """Write an object without content, of which only the name is of use."""
        self.put_object(f"{MARKERS}{name}", b"", "text/plain")

    def markers(self) -> set[str]:
        """Return the names given to `mark`."""
        return {entry["Key"].removeprefix(MARKERS) for entry in self._listed(MARKERS)}

    def days(self) -> dict[str, list[tuple[str, int]]]:
        """Return key and size of each object of records, by day."""
        days: dict[str, list[tuple[str, int]]] = {}
        for entry in self._listed(PREFIX):
            day = entry["Key"].removeprefix(PREFIX).partition("/")[0].removeprefix("dt=")
            days.setdefault(day, []).append((entry["Key"], entry["Size"]))
        return days

    def _listed(self, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, ExpectedBucketOwner=self.owner
        )
        for page in pages:
            yield from page.get("Contents", ())

    def get(self, key: str) -> tuple[list[Record], list[str]]:
        """Return the records of an object, and the lines that are none."""
        body = self.s3.get_object(Bucket=self.bucket, Key=key, ExpectedBucketOwner=self.owner)["Body"].read()
        records: list[Record] = []
        others: list[str] = []
        try:
            text = gzip.decompress(body).decode()
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            return [], [type(error).__name__]
        for line in text.split("\n"):
            if not line:
                continue
            try:
                records.append(Record.read(line))
            except ValueError:
                others.append(line)
        return records, others

    def delete(self, keys: list[str]) -> list[str]:
        """Delete objects, and return those that S3 did not delete."""
        left: list[str] = []
        for first in range(0, len(keys), 1000):
            answer = self.s3.delete_objects(
                Bucket=self.bucket,
                Delete={"Objects": [{"Key": key} for key in keys[first : first + 1000]], "Quiet": True},
                ExpectedBucketOwner=self.owner,
            )
            left += [str(error.get("Key")) for error in answer.get("Errors", ())]
        return left
