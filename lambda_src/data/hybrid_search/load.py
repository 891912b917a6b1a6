"""Load the documents of an object in S3 into the index, and write a report.

Event: EventBridge's "Object Created", or {"key": "documents/…"} for an object that is to be loaded again. The answer is
the report. Documents keep their ids: the same object can be loaded any number of times.
"""

import functools
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from common import aws_errors, clients, observability, settings

from . import documents
from .domain import Domain
from .errors import NotAnObject, Unfinished

ATTEMPTS = 6
PAUSE = 0.5
RESERVED_SECONDS = 60.0
LISTED = 1000
BULK_SECONDS = 50.0


@dataclass(frozen=True)
class Settings:
    """The environment."""

    endpoint: str
    index: str
    text_field: str
    bucket: str
    bucket_owner: str
    documents_prefix: str
    reports_prefix: str


@dataclass
class Report:
    """What came of an object."""

    key: str
    lines: int = 0
    indexed: int = 0
    without_text: int = 0
    failed: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)
    """The first thousand: line, key and reason."""
    complete: bool = False

    def fail(self, failure: documents.Failure) -> None:
        """Count a failure, and list it while there is room."""
        self.failed += 1
        if len(self.failures) < LISTED:
            self.failures.append(asdict(failure))


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


@functools.cache
def _domain() -> Domain:
    return Domain(_conf().endpoint, timeout=BULK_SECONDS)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Load one object. Raise NotAnObject, Unfinished, DomainError, botocore's ClientError."""
    log = observability.begin(context)
    conf = _conf()
    key = object_key(event, conf)
    report = Report(key)
    s3 = clients.client("s3")
    try:
        answer = s3.get_object(Bucket=conf.bucket, Key=key, ExpectedBucketOwner=conf.bucket_owner)
    except Exception as error:
        if aws_errors.kind(error) is aws_errors.Kind.GONE:
            raise NotAnObject(f"There is no object {key}.") from error
        raise
    try:
        load(answer["Body"], _domain(), conf, report, lambda: context.get_remaining_time_in_millis() / 1000)
    finally:
        _write(s3, conf, report)
        observability.count("DocumentsFailed", report.failed)
    log.info("object loaded", extra={name: getattr(report, name) for name in ("lines", "indexed", "failed")})
    return asdict(report)


def object_key(event: Any, conf: Settings) -> str:
    """Return the key of the object that an event names. Raise NotAnObject."""
    detail = event.get("detail") if isinstance(event, Mapping) else None
    if isinstance(detail, Mapping):
        bucket, named = detail.get("bucket"), detail.get("object")
        if isinstance(bucket, Mapping) and bucket.get("name") == conf.bucket and isinstance(named, Mapping):
            key = named.get("key")
        else:
            key = None
    else:
        key = event.get("key") if isinstance(event, Mapping) else None
    if not isinstance(key, str) or not key.startswith(conf.documents_prefix):
        raise NotAnObject(f"The event names no object of {conf.bucket} under {conf.documents_prefix}.")
    return key


def load(body: Any, domain: Domain, conf: Settings, report: Report, remaining: Callable[[], float]) -> None:
    """Index every document of an object. Count in the report what could not be. Raise Unfinished."""
    for batch in documents.batches(_readable(body, conf, report)):
        if remaining() < RESERVED_SECONDS:
            raise Unfinished(f"The time ended before line {batch[0].line} of {report.key}: split the object.")
        index(batch, domain, conf, report)
    report.complete = True


def _readable(body: Any, conf: Settings, report: Report) -> Iterator[documents.Document]:
    try:
        for number, line in documents.lines(body, report.key.endswith(".gz")):
            report.lines += 1
            found = documents.read(number, line, conf.text_field)
            if isinstance(found, documents.Failure):
                report.fail(found)
                continue
            report.without_text += conf.text_field not in found.source
            yield found
    except ValueError as error:
        report.fail(documents.Failure(report.lines + 1, "", str(error)))


def index(
    batch: list[documents.Document],
    domain: Domain,
    conf: Settings,
    report: Report,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Index a batch. The answer counts item by item: its HTTP status is 200 whatever became of them."""
    waiting = batch
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(random.uniform(0, PAUSE * 2**attempt))  # noqa: S311 - jitter, not a secret
        content = b"".join(document.encoded() for document in waiting)
        items = domain.call("POST", f"/{conf.index}/_bulk", content)["items"]
        again = []
        for document, item in zip(waiting, items, strict=True):
            result = item["index"]
            status = int(result["status"])
            if status < 300:
                report.indexed += 1
            elif (status == 429 or status >= 500) and attempt < ATTEMPTS - 1:
                again.append(document)
            else:
                error = result.get("error") or {}
                reason = f"{status} {error.get('type', '')}: {error.get('reason', '')}"[:300]
                report.fail(documents.Failure(document.line, document.key, reason))
        waiting = again
        if not waiting:
            return


def _write(s3: Any, conf: Settings, report: Report) -> None:
    s3.put_object(
        Bucket=conf.bucket,
        Key=conf.reports_prefix + report.key.removeprefix(conf.documents_prefix) + ".json",
        Body=json.dumps(asdict(report), indent=2).encode(),
        ContentType="application/json",
        ExpectedBucketOwner=conf.bucket_owner,
    )
