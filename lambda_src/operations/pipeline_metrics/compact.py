"""Scheduled: make one object of the objects of a day, and drop the copies of a record. Today is left alone.

The new object is written before the old ones are deleted. If the function ends in between, the day has each record
twice until the next run; the views count it once. Answer: {"days", "objects", "records", "left"}.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common import clients, observability, settings

from .objects import Store
from .records import Record, unique

COMPACTED, TOO_LARGE, ODD, NOT_DELETED = "day compacted", "day too large", "day has lines that are no records", "kept"
MARGIN_MS = 60_000
"""Time that is left for one more day."""


@dataclass(frozen=True)
class Settings:
    """The environment. A day with more bytes is left as it is, because it would not fit into memory."""

    bucket: str
    bucket_owner: str
    kms_key_arn: str
    most_bytes: int = 24_000_000


def handler(_event: Any, context: Any) -> dict[str, int]:
    """Compact all days that have more than one object. Raise SettingsError, or AWS's error after all retries."""
    observability.begin(context)
    using = settings.load(Settings)
    store = Store(clients.client("s3"), using.bucket, using.bucket_owner, using.kms_key_arn)
    today = datetime.now(UTC).date().isoformat()
    answer = run(store, today, using.most_bytes, lambda: context.get_remaining_time_in_millis() > MARGIN_MS)
    observability.count("DaysNotCompacted", answer["left"])
    return answer


def run(store: Store, today: str, most_bytes: int, time_left: Callable[[], bool]) -> dict[str, int]:
    """Compact the days before `today`, the newest first, while there is time. `left` counts those that remain."""
    log = observability.logger()
    done = {"days": 0, "objects": 0, "records": 0, "left": 0}
    for day, objects in sorted(store.days().items(), reverse=True):
        if day >= today or len(objects) < 2:
            continue
        if not time_left():
            done["left"] += 1
        elif (size := sum(size for _, size in objects)) > most_bytes:
            done["left"] += 1
            log.warning(TOO_LARGE, extra={"day": day, "bytes": size})
        else:
            records = _compact(store, day, [key for key, _ in objects])
            done["days"] += 1
            done["objects"] += len(objects)
            done["records"] += records
    return done


def _compact(store: Store, day: str, keys: list[str]) -> int:
    """Return the number of records of the day. An object with a line that is no record is left as it is."""
    log, records, read = observability.logger(), list[Record](), list[str]()
    for key in keys:
        found, others = store.get(key)
        if others:
            log.warning(ODD, extra={"key": key, "lines": len(others)})
            continue
        records += found
        read.append(key)
    if len(read) < 2:
        return 0
    kept = unique(records)
    written = store.put_day(day, kept, "day")
    left = store.delete([key for key in read if key != written])
    if left:
        log.warning(NOT_DELETED, extra={"day": day, "objects": len(left)})
    log.info(COMPACTED, extra={"day": day, "objects": len(read), "copies": len(records) - len(kept)})
    return len(kept)
