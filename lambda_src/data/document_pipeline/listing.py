"""Find the documents of a batch, part by part. A state machine calls it until there are no more.

Event: {"execution", "input", "documents", "after"}. Answer: {"batch", "documents", "after"}; `after` is the last key
of this part, and empty at the end. The input of an execution is {"source", "prefix", "batch"}, each optional.
"""

import re
from collections.abc import Mapping
from typing import Any

from common import aws_errors, clients, observability, settings
from common.aws_errors import Kind

from . import document, queues
from .errors import RequestRefused
from .settings import Settings

LISTED = "documents listed"
MARGIN_MS = 60_000
PAGES = 100
"""Most pages of 1,000 objects in one call."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Send a message for each object of the next part. Raise RequestRefused, Unavailable or AWS's error."""
    log = observability.begin(context, execution=event["execution"])
    config = settings.load(Settings)
    bucket, prefix, batch = request(event.get("input"), config.sources, str(event["execution"]))
    after, documents = str(event.get("after") or ""), int(event.get("documents") or 0)
    s3, sqs = clients.client("s3"), clients.client("sqs")
    for _ in range(PAGES):
        page = _page(s3, bucket, prefix, after)
        found = (document.found(batch, bucket, o["Key"], o["ETag"], o["Size"]) for o in page.get("Contents", ()))
        messages = [message for message in found if not document.read(message).is_folder]
        documents += queues.send(sqs, config.ingest_queue_url, messages)
        after = page["Contents"][-1]["Key"] if page.get("IsTruncated") else ""
        if not after or context.get_remaining_time_in_millis() < MARGIN_MS:
            break
    log.info(LISTED, extra={"batch": batch, "documents": documents, "more": bool(after)})
    return {"batch": batch, "documents": documents, "after": after}


def request(value: Any, sources: Mapping[str, Mapping[str, str]], execution: str) -> tuple[str, str, str]:
    """Return bucket, prefix and name of a batch. Raise RequestRefused with what to write."""
    if not isinstance(value, dict) or (unknown := set(value) - {"source", "prefix", "batch"}):
        more = f"; unknown: {', '.join(sorted(map(str, unknown)))}" if isinstance(value, dict) else ""
        raise RequestRefused(f'The input must be a JSON object such as {{"source": "scans", "prefix": "2026/"}}{more}.')
    source = value.get("source", next(iter(sources)) if len(sources) == 1 else None)
    if not isinstance(source, str) or source not in sources:
        raise RequestRefused(f"source must be one of {', '.join(sorted(sources))}.")
    root = sources[source].get("prefix", "")
    prefix = value.get("prefix", root)
    if not isinstance(prefix, str) or not prefix.startswith(root):
        raise RequestRefused(f"prefix must be a text that begins with {root!r}, the prefix of the source {source}.")
    batch = value.get("batch", execution)
    if not isinstance(batch, str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", batch):
        raise RequestRefused("batch must have 1 to 128 letters, digits, dots, hyphens and underscores.")
    return sources[source]["bucket"], prefix, batch


def _page(s3: Any, bucket: str, prefix: str, after: str) -> dict[str, Any]:
    try:
        page: dict[str, Any] = s3.list_objects_v2(
            Bucket=bucket, Prefix=prefix, **({"StartAfter": after} if after else {})
        )
    except Exception as error:
        failure = aws_errors.read(error)
        if failure and failure.kind in (Kind.DENIED, Kind.GONE):
            raise RequestRefused(
                f"Bucket {bucket} cannot be listed ({failure.code}): check that it exists and lets the function."
            ) from error
        raise
    return page
