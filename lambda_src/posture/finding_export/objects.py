"""Findings as objects: gzip NDJSON, under keys that a repeated attempt overwrites."""

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.aws_errors import Failure, Kind

from .errors import DestinationDenied, DestinationMissing, Known, ServiceUnavailable, translated

_KEY_ERRORS = frozenset(
    f"KMS.{name}Exception" for name in ("AccessDenied", "Disabled", "InvalidKeyUsage", "KMSInvalidState", "NotFound")
)
_MISSING = re.compile(r"not authorized to perform: ([\w:*]+)")


def record(finding: Mapping[str, Any], run_id: str, exported_at: str) -> bytes:
    """Return one line: the finding's own attributes with ExportRunId and ExportedAt."""
    line = {**finding, "ExportRunId": run_id, "ExportedAt": exported_at}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


class Compressor:
    """A gzip stream in memory. Its header has no time, so the same lines give the same bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._buffer = bytearray()
        self._deflate = zlib.compressobj(wbits=31)

    def add(self, line: bytes) -> None:
        """Compress `line`. `size` is the stream's length so far, without the bytes that zlib still buffers."""
        self._buffer += self._deflate.compress(line)
        self.size = len(self._buffer)

    def finish(self) -> bytearray:
        """Return the whole stream. Do not add lines after this."""
        self._buffer += self._deflate.flush()
        return self._buffer


class Writer:
    """Writes lines to numbered objects, each put once it has `limit` compressed bytes: memory use stays flat."""

    def __init__(self, put: Callable[[int, bytearray], None], part: int, limit: int) -> None:
        self.part = part
        self._put, self._limit = put, limit
        self._compressor: Compressor | None = None

    def add(self, line: bytes) -> None:
        """Add one line. Put the object if the line fills it."""
        self._compressor = self._compressor or Compressor()
        self._compressor.add(line)
        if self._compressor.size >= self._limit:
            self.flush()

    def flush(self) -> None:
        """Put the pending lines as one object, if there are any."""
        if self._compressor:
            self._put(self.part, self._compressor.finish())
            self.part += 1
            self._compressor = None


@dataclass(frozen=True)
class Destination:
    """The bucket; `owner` is the account it must belong to; `kms_key_arn` is the key (default: the bucket's own)."""

    s3: Any
    bucket: str
    prefix: str
    owner: str | None = None
    kms_key_arn: str | None = None

    def run_prefix(self, dt: str, run_id: str) -> str:
        """Return the prefix of all keys of a run. Keys of other runs can share it, as run names can begin alike."""
        return f"{self.prefix}dt={dt}/{run_id}-"

    def run_key(self, dt: str, run_id: str, part: int) -> str:
        """Return the key of the run's object number `part`."""
        return f"{self.run_prefix(dt, run_id)}{part:06d}.ndjson.gz"

    def manifest_key(self, dt: str, run_id: str) -> str:
        """Return the key of the manifest that a run writes when it is complete."""
        return f"{self.prefix}runs/dt={dt}/{run_id}.json"

    def put(self, key: str, body: bytes | bytearray, content_type: str = "application/gzip") -> None:
        """Put an object. Raise DestinationDenied, DestinationMissing, Transient.

        Do not set ContentEncoding: the object is a gzip file, which Athena recognizes by its suffix. With the header,
        clients that honor it would store plain text under a name that ends in .gz.
        """
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_arn} if self.kms_key_arn else {}
        with translated(f"writing to bucket {self.bucket}", self._errors("s3:PutObject")):
            self.s3.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                **kms,
                **self._owner(),
            )

    def delete_surplus(self, dt: str, run_id: str, parts: int) -> int:
        """Delete the run's objects from number `parts` on, left by a longer, interrupted attempt. Return their number.

        The name of another run may begin with this one's ("a" and "a-1"), so the number must match exactly.
        """
        prefix = self.run_prefix(dt, run_id)
        numbered = re.compile(re.escape(prefix) + r"\d{6}\.ndjson\.gz")
        after = self.run_key(dt, run_id, parts - 1) if parts else prefix
        deleted = 0
        for page in self._listing(prefix, after):
            keys = [{"Key": entry["Key"]} for entry in page if numbered.fullmatch(entry["Key"])]
            if keys:
                self._delete(keys)
                deleted += len(keys)
        return deleted

    def _listing(self, prefix: str, after: str) -> Iterator[list[dict[str, Any]]]:
        """Yield pages of up to 1,000 entries."""
        paging: dict[str, str] = {"StartAfter": after}
        while paging:
            with translated(f"listing bucket {self.bucket}", self._errors("s3:ListBucket")):
                page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **paging, **self._owner())
            yield page.get("Contents", [])
            paging = {"ContinuationToken": page["NextContinuationToken"]} if page.get("IsTruncated") else {}

    def _delete(self, keys: list[dict[str, str]]) -> None:
        with translated(f"deleting from bucket {self.bucket}", self._errors("s3:DeleteObject")):
            answer = self.s3.delete_objects(
                Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True}, **self._owner()
            )
        for error in answer.get("Errors", []):  # The call succeeds even if no key could be deleted.
            failure = Failure(error.get("Code", ""), error.get("Message", ""))
            raise self._errors("s3:DeleteObject")(failure) or ServiceUnavailable(
                f"{error.get('Key')} in bucket {self.bucket} was not deleted ({failure.code}); try again later."
            )

    def _owner(self) -> dict[str, str]:
        return {"ExpectedBucketOwner": self.owner} if self.owner else {}

    def _errors(self, action: str) -> Known:
        key = (
            f" and kms:GenerateDataKey on key {self.kms_key_arn}"
            if self.kms_key_arn and action == "s3:PutObject"
            else ""
        )
        owner = f", and check that account {self.owner} owns it" if self.owner else ""

        def known(failure: Failure) -> Exception | None:
            if failure.code == "NoSuchBucket":
                return DestinationMissing(f"Bucket {self.bucket} does not exist; create it, then start again.")
            if failure.code in _KEY_ERRORS or "kms:" in failure.message:
                missing = _MISSING.search(failure.message)
                return DestinationDenied(
                    f"Key {self.kms_key_arn or '(the default one)'} cannot be used to write to bucket "
                    f"{self.bucket} ({failure.code}); enable it and allow the function's role "
                    f"{missing[1] if missing else 'kms:GenerateDataKey'} on it, in the key's policy too if "
                    "it is in another account."
                )
            if failure.kind is Kind.DENIED:
                return DestinationDenied(
                    f"Bucket {self.bucket} refuses {action}; allow the function's role {action} on it{key}, "
                    f"in the bucket's policy too if it is in another account{owner}."
                )
            return None

        return known
