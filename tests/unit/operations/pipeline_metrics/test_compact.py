"""A day becomes one object without losing a record, also when the function ends in the middle."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from operations.pipeline_metrics import compact
from operations.pipeline_metrics.records import unique
from tests.unit.operations.pipeline_metrics.events import event, records
from tests.unit.operations.pipeline_metrics.stores import Bucket

TODAY = "2026-11-24"


def filled() -> Bucket:
    """A day of three objects, of which two have a record in common, and one of today."""
    bucket = Bucket()
    for number in range(3):
        sent = [event("pipeline", "STARTED", "10:00:00"), event("stage", "STARTED", "10:00:00", execution=f"e{number}")]
        bucket.store().put(records(*sent), "events")
    for number in range(2):
        bucket.store().put(
            records(event("stage", "STARTED", f"{TODAY}T00:00:0{number}Z", execution=f"t{number}")), "events"
        )
    return bucket


def run(bucket: Bucket, most: int = 10**9, left: bool = True) -> dict[str, int]:
    return compact.run(bucket.store(), TODAY, most, lambda: left)


def test_a_day_becomes_one_object() -> None:
    bucket = filled()
    before = {record.key for record in bucket.records()}
    assert run(bucket) == {"days": 1, "objects": 3, "records": 4, "left": 0}
    days = bucket.store().days()
    assert (len(days["2026-11-23"]), len(days[TODAY])) == (1, 2)
    assert {record.key for record in bucket.records()} == before
    assert len(bucket.records()) == len(unique(bucket.records()))
    assert run(bucket) == {"days": 0, "objects": 0, "records": 0, "left": 0}, "and stays so"


def test_late_records_join_their_day() -> None:
    bucket = filled()
    run(bucket)
    bucket.store().put(records(event("pipeline", "FAILED", "23:59:59")), "events")
    assert run(bucket)["records"] == 5
    assert len(bucket.store().days()["2026-11-23"]) == 1


def test_the_object_is_written_before_others_are_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = filled()
    monkeypatch.setattr(bucket, "delete_objects", lambda **_: pytest.fail("the function ends here"))
    with pytest.raises(pytest.fail.Exception):
        run(bucket)
    assert len(bucket.store().days()["2026-11-23"]) == 4
    monkeypatch.undo()
    run(bucket)
    assert len(bucket.store().days()["2026-11-23"]) == 1


def test_what_s3_does_not_delete_is_left_for_the_next_run() -> None:
    bucket = filled()
    first = min(key for key in bucket.objects if "2026-11-23" in key)
    bucket.refuse_deletes = {first}
    run(bucket)
    assert len(bucket.store().days()["2026-11-23"]) == 2
    bucket.refuse_deletes = set()
    run(bucket)
    assert len(bucket.store().days()["2026-11-23"]) == 1


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b"\xff\xfe"), gzip.compress(b'{"a": 1}\n'), gzip.compress(b"x")[:9]],
    ids=["not compressed", "no text", "no execution", "cut"],  # compressed bytes have the time in them
)
def test_an_object_of_others_stays_and_stops_nothing(body: bytes) -> None:
    bucket = filled()
    bucket.objects["records/dt=2026-11-23/by-hand.gz"] = body
    assert run(bucket)["days"] == 1
    assert bucket.objects["records/dt=2026-11-23/by-hand.gz"] == body
    assert len(bucket.store().days()["2026-11-23"]) == 2


def test_what_does_not_fit_is_counted() -> None:
    assert run(filled(), most=1)["left"] == 1
    assert run(filled(), left=False)["left"] == 1


def test_names_do_not_depend_on_the_order_of_objects() -> None:
    first, second = filled(), filled()
    second.objects = dict(reversed(second.objects.items()))
    run(first)
    run(second)
    keys: list[Any] = [sorted(bucket.objects) for bucket in (first, second)]
    assert len(keys[0]) == len(keys[1]) == 3
