"""Reading the objects to search, and the job's own files, in S3."""

from collections.abc import Iterator
from typing import Any

from common import aws_errors
from common.aws_errors import Kind
from common.pacing import Pacer

from .errors import RequestRefused, Unavailable
from .manifest import Item

_MEANING = {
    "PreconditionFailed": "changed since the search began",
    "NoSuchKey": "deleted since the search began",
    "InvalidObjectState": "archived: restore it first",
}


class Unreadable(Exception):
    """An object that S3 does not return, and will not at another attempt. The text says why."""


def listed(s3: Any, bucket: str, prefix: str, most: int) -> Iterator[Item]:
    """Yield the objects below a prefix, without folder markers. Raise RequestRefused for more than `most`."""
    paging: dict[str, str] = {}
    count = 0
    while True:
        page = _page(s3, bucket, prefix, paging)
        for entry in page.get("Contents", ()):
            if entry["Key"].endswith("/") and not entry["Size"]:
                continue
            count += 1
            if count > most:
                raise RequestRefused(
                    f"More than {most:,} objects begin with {prefix!r}: narrow the prefix, or raise maximum_objects."
                )
            yield Item(entry["Key"], entry.get("ETag", ""), entry["Size"])
        if not page.get("IsTruncated"):
            return
        paging = {"ContinuationToken": page["NextContinuationToken"]}


def _page(s3: Any, bucket: str, prefix: str, paging: dict[str, str]) -> dict[str, Any]:
    try:
        page: dict[str, Any] = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **paging)
    except Exception as error:
        failure = aws_errors.read(error)
        if failure and failure.kind in (Kind.DENIED, Kind.GONE):
            raise RequestRefused(
                f"Bucket {bucket} cannot be listed ({failure.code}): check that it exists and lets the plan function."
            ) from error
        raise
    return page


def read(s3: Any, bucket: str, item: Item, most: int, pacer: Pacer) -> bytes:
    """Return an object as it was listed. Raise Unreadable, or Unavailable if another attempt can succeed."""
    if item.size > most:
        raise Unreadable(f"{item.size:,} bytes; the most is {most:,}")
    pacer.wait()
    try:
        answer = s3.get_object(Bucket=bucket, Key=item.key, **({"IfMatch": item.etag} if item.etag else {}))
        pacer.report(answer)
        body: bytes = answer["Body"].read()
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None:
            if type(error).__module__.startswith(("botocore", "urllib3")):  # the body broke off
                raise Unavailable(f"{item.key}: {type(error).__name__}") from error
            raise
        if failure.transient:
            raise Unavailable(f"{item.key}: {failure.code}") from error
        raise Unreadable(_MEANING.get(failure.code, failure.code)) from error
    return body


def reader(s3: Any, bucket: str, prefix: str, most: int) -> Any:
    """Return the function `read` of plug-ins. It raises ValueError for what cannot be read."""

    def read_one(key: Any) -> bytes:
        if not isinstance(key, str) or not key.startswith(prefix):
            raise ValueError(f"{key!r} does not begin with {prefix!r}, the prefix of the source.")
        try:
            answer = s3.get_object(Bucket=bucket, Key=key)
        except Exception as error:
            failure = aws_errors.read(error)
            if failure is None or failure.transient:
                raise
            raise ValueError(f"{key} cannot be read: {failure.code}") from error
        if answer["ContentLength"] > most:
            raise ValueError(f"{key} has {answer['ContentLength']:,} bytes; the most is {most:,}")
        body: bytes = answer["Body"].read()
        return body

    return read_one
