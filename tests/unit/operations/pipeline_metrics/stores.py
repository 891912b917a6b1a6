"""A bucket in memory, with what the functions call of S3."""

from __future__ import annotations

import gzip
import io
from typing import Any

from operations.pipeline_metrics.objects import Store
from operations.pipeline_metrics.records import Record


class Bucket:
    """Objects by key. `refuse_deletes` are keys that DeleteObjects reports as errors."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refuse_deletes: set[str] = set()
        self.puts: list[str] = []

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:
        self.objects[Key] = Body
        self.puts.append(Key)
        return {}

    def get_object(self, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key])}

    def delete_objects(self, Bucket: str, Delete: dict[str, Any], **_: Any) -> dict[str, Any]:
        errors = []
        for entry in Delete["Objects"]:
            if entry["Key"] in self.refuse_deletes:
                errors.append({"Key": entry["Key"], "Code": "AccessDenied"})
            else:
                self.objects.pop(entry["Key"], None)
        return {"Errors": errors}

    def get_paginator(self, _: str) -> Any:
        bucket = self

        class Pages:
            def paginate(self, Bucket: str, Prefix: str, **_: Any) -> list[dict[str, Any]]:
                found = [{"Key": k, "Size": len(v)} for k, v in sorted(bucket.objects.items()) if k.startswith(Prefix)]
                return [{"Contents": found[start : start + 3]} for start in range(0, len(found), 3)] or [{}]

        return Pages()

    def store(self) -> Store:
        """Return the store of this bucket."""
        return Store(self, "b", "111122223333", "k")

    def records(self) -> list[Record]:
        """Return all records, copies included."""
        return [
            Record.read(line)
            for key, body in self.objects.items()
            if key.startswith("records/")
            for line in gzip.decompress(body).decode().splitlines()
        ]
