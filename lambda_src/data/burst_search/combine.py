"""Merge what the workers found into one sorted result in pages, and say what was not searched.

Event: {"job", "reason"}, and "map_error" if a Distributed Map failed and the tree took over. Writes
`results/<job>/page-00001.json`, …, `failed-00001.json`, … and last `summary.json`, which is also the answer.
searched + failed = objects, always.
"""

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from common import clients, observability
from common import settings as environment

from . import manifest, objects, plugin
from .job import Job
from .matches import Match
from .settings import Settings
from .store import Failed, Store, unit
from .worker import COMPLETE

COMBINED = "job combined"
COMPLETED, PARTIAL, FAILED = "COMPLETE", "PARTIAL", "FAILED"
NOT_SEARCHED = {
    COMPLETE: "not searched",
    "no_progress": "not searched: the function ended each time, or took too long",
}


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Write the result. Raise JobMissing, or AWS's error after all retries."""
    log = observability.begin(context, job=event["job"])
    config = environment.load(Settings)
    store, s3 = Store(clients.client("dynamodb"), config.table, event["job"]), clients.client("s3")
    job = store.job()
    reason = store.end(str(event.get("reason") or "error")).reason
    merged = Merged(config, job, s3, store)
    matches, problem = _combined(config, job, s3, merged.matches)
    folder = f"results/{job.name}/"
    summary = {
        "job": job.name,
        "status": merged.status,
        "reason": reason,
        "strategy": job.request.strategy,
        "objects": job.objects,
        "searched": merged.searched,
        "failed": len(merged.failed),
        "matches": merged.found,
        "truncated": merged.found > len(merged.matches),
        "pages": _pages(config, s3, f"{folder}page", "matches", matches),
        "failed_pages": _pages(config, s3, f"{folder}failed", "failed", [vars(row) for row in merged.failed]),
        "worker_seconds": merged.seconds,
        "bucket": config.bucket,
        "prefix": folder,
        **({"combine_error": problem} if problem else {}),
        **({"map_error": event["map_error"]} if event.get("map_error") else {}),
    }
    _write(config, s3, f"{folder}summary.json", summary)
    log.info(COMBINED, extra={key: summary[key] for key in ("status", "reason", "objects", "searched", "failed")})
    if summary["status"] != COMPLETED:
        observability.count("JobsIncomplete", 1)
    return summary


class Merged:
    """What all units found: `matches` sorted, `failed` with a row for each object that was not searched."""

    def __init__(self, config: Settings, job: Job, s3: Any, store: Store) -> None:
        self.searched = self.found = 0
        self.failed: list[Failed] = []
        self._done: set[str] = set()
        self.matches = heapq.nsmallest(config.maximum_matches, self._read(store.found(job)), key=Match.order)
        self.failed += self._missing(config, job, s3, store.progress().reason)
        self.failed.sort(key=lambda row: row.key.encode())
        self.seconds = round(sum(g.milliseconds for g in store.groups(range(job.tree.groups)).values()) / 1000, 3)
        if self.searched + len(self.failed) != job.objects:
            raise AssertionError(f"{self.searched} searched and {len(self.failed)} failed of {job.objects}")

        self.status = COMPLETED if not self.failed else PARTIAL if self.searched else FAILED

    def _read(self, groups: Iterable[tuple[int, Mapping[str, tuple[int, list[dict[str, Any]]]]]]) -> Iterator[Match]:
        for _, units in groups:
            for name, (searched, rows) in units.items():
                batch, _, one = name.partition(".")
                if one and batch in units:  # the batch was done after all: it counts
                    continue
                self._done.add(name)
                self.searched += searched
                for row in rows:
                    if "r" in row:
                        self.failed.append(Failed(row["k"], row["r"]))
                    else:
                        self.found += 1
                        yield Match.load(row)

    def _missing(self, config: Settings, job: Job, s3: Any, reason: str) -> Iterator[Failed]:
        missing = [batch for batch in range(job.tree.batches) if unit(batch) not in self._done]
        if not missing:
            return
        lines = _get(config, s3, f"{job.manifest}batches.jsonl")
        keys = _get(config, s3, f"{job.manifest}keys.jsonl")
        text = NOT_SEARCHED.get(reason, f"not searched: the job ended ({reason})")
        for batch in missing:
            line = manifest.read_line(lines[batch * manifest.WIDTH : (batch + 1) * manifest.WIDTH])
            items = manifest.read_keys(keys[line["first"] : line["last"] + 1])
            yield from (Failed(item.key, text) for one, item in enumerate(items) if unit(batch, one) not in self._done)


def _combined(config: Settings, job: Job, s3: Any, matches: list[Match]) -> tuple[list[dict[str, Any]], str]:
    """Return the matches as the plug-in's `combine` has them, and why it could not change them, if so."""
    shown = [match.shown() for match in matches]
    try:
        module = plugin.load(config.searches, job.request.search)
        if not callable(getattr(module, "combine", None)):
            return shown, ""
        root = config.sources[job.request.source].get("prefix", "")
        prepared = plugin.prepared(
            module, job.request.params, objects.reader(s3, job.bucket, root, config.maximum_object_bytes)
        )
        changed: list[dict[str, Any]] = json.loads(json.dumps(list(module.combine(prepared, shown)), allow_nan=False))
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything: the result is stored as it was found
        return [match.shown() for match in matches], f"{type(error).__name__}: {error}"[:300]
    return changed, ""


def _pages(config: Settings, s3: Any, name: str, field: str, rows: list[dict[str, Any]]) -> int:
    """Write rows in pages. Return the number of pages."""
    pages = [rows[first : first + config.page_size] for first in range(0, len(rows), config.page_size)]
    for number, page in enumerate(pages, 1):
        _write(config, s3, f"{name}-{number:05d}.json", {"page": number, "pages": len(pages), field: page})
    return len(pages)


def _write(config: Settings, s3: Any, key: str, value: Any) -> None:
    s3.put_object(
        Bucket=config.bucket,
        Key=key,
        Body=json.dumps(value).encode(),
        ContentType="application/json",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=config.kms_key_arn,
        ExpectedBucketOwner=config.bucket_owner,
    )


def _get(config: Settings, s3: Any, key: str) -> bytes:
    answer = s3.get_object(Bucket=config.bucket, Key=key, ExpectedBucketOwner=config.bucket_owner)
    body: bytes = answer["Body"].read()
    return body
