"""Whole jobs: the result is that of a loop, each object once, whatever is lost, repeated or killed on the way."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.burst_search import combine, dispatch, monitor, plan, worker
from data.burst_search.errors import RequestRefused
from tests.unit.data.burst_search import world as w

GREP: dict[str, Any] = {"search": "log_grep", "params": {"pattern": "error"}}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[w.World]:
    yield from w.make(monkeypatch)


def test_a_job_finds_what_a_loop_finds_and_says_so(world: w.World) -> None:
    objects = w.logs(30)
    world.put(objects | {"app/1/": b"", "other/1.log": b"error"})
    summary = world.run(**GREP)
    assert w.shown(world.result(summary)) == w.sequential(objects)
    assert (summary["status"], summary["reason"]) == ("COMPLETE", "complete")
    assert (summary["objects"], summary["searched"], summary["failed"]) == (30, 30, 0)
    assert len(world.signals) == 1  # by the worker that was last, without polling
    assert world.calls["invoke"] == 1 + 8  # the root, and the workers of eight batches


def test_deep_trees_stay_below_the_depth_that_is_allowed(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "GROUP", 2)
    world.environment(BATCH_OBJECTS=1, FAN_OUT=2)
    objects = w.logs(40)
    world.put(objects)
    summary = world.run(**GREP)
    assert w.shown(world.result(summary)) == w.sequential(objects)
    assert world.longest == 7  # six levels of dispatchers below the root's level, then the worker


@settings(max_examples=6)
@given(seed=st.integers(0, 10**6), faults=st.sampled_from([0.0, 0.1, 0.3]), again=st.sampled_from([0.0, 0.3]))
def test_no_order_repetition_or_loss_changes_the_result(seed: int, faults: float, again: float) -> None:
    order = random.Random(seed)
    with pytest.MonkeyPatch.context() as patched:
        world = next(worlds := w.make(patched))
        patched.setattr(plan, "GROUP", 2)
        objects = w.logs(18)
        world.put(objects)
        planned = world.plan(**GREP)

        def fault(operation: str, arguments: dict[str, Any]) -> None:
            if order.random() < faults / 5:
                raise w.KillError

        world.fault = fault
        for number in range(60):
            try:
                monitor.handler({"job": "job", "token": str(number), "round": number}, w.CONTEXT)
            except w.KillError:
                continue
            world.drain(order, again)
            if world.signals:
                break
        world.fault = lambda operation, arguments: None
        if not world.signals:  # all calls of the last rounds were lost
            monitor.handler({"job": "job", "token": "last", "round": 99}, w.CONTEXT)
        summary = combine.handler({"job": "job", "reason": "complete"}, w.CONTEXT)
        found = w.shown(world.result(summary))
        assert summary["searched"] + summary["failed"] == planned["objects"]
        assert max(Counter(found).values(), default=0) <= 1
        if summary["status"] == "COMPLETE":
            assert found == w.sequential(objects)
        else:
            failed = {row["key"] for row in world.result(summary, "failed", "failed")}
            assert found == w.sequential({key: body for key, body in objects.items() if key not in failed})
        next(worlds, None)


@pytest.mark.parametrize("operation", ["get_item", "get_object", "put_item", "update_item", "invoke"])
def test_a_function_that_is_killed_at_any_of_its_calls_is_repeated(world: w.World, operation: str) -> None:
    objects = w.logs(8)
    world.put(objects)
    for nth in range(1, 8):
        seen: Counter[str] = Counter()

        def fault(called: str, arguments: dict[str, Any], nth: int = nth, seen: Counter[str] = seen) -> None:
            seen[called] += 1
            if called == operation and seen[called] == nth:
                raise w.KillError

        name = f"{operation}-{nth}"
        world.fault = fault
        summary = world.run(name, **GREP)
        assert (summary["status"], summary["searched"]) == ("COMPLETE", 8)
        assert w.shown(world.result(summary)) == w.sequential(objects)
    assert all("expires_at" in item for item in world.dynamodb.items.values())


def test_the_monitor_ends_a_job_whose_last_worker_died_before_it_said_so(world: w.World) -> None:
    world.put(w.logs(4))
    world.plan(**GREP)

    def fault(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "send_task_success":
            raise w.KillError

    world.fault = fault
    monitor.handler({"job": "job", "token": "first", "round": 0}, w.CONTEXT)
    world.drain()
    world.fault = lambda operation, arguments: None
    assert not world.signals
    monitor.handler({"job": "job", "token": "second", "round": 1}, w.CONTEXT)
    assert world.signals == [("second", {"reason": "complete"})]


@pytest.mark.parametrize("lost", ["all", "dispatchers", "workers"])
def test_what_lambda_drops_is_called_again(world: w.World, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    """Field row B1: a chain that Lambda stops loses a branch, without an error in its caller."""
    monkeypatch.setattr(plan, "GROUP", 2)
    world.environment(FAN_OUT=2)
    objects = w.logs(40)
    world.put(objects)
    dropped: list[Any] = []
    deliver = world.deliver

    def drop(chosen: int = 0, *, again: bool = False) -> None:
        function, event = world.queue[chosen]
        hit = {"all": True, "dispatchers": event.get("level") == 1, "workers": function == "worker"}[lost]
        if hit and len(dropped) < 3:
            dropped.append(world.queue.pop(chosen))
        else:
            deliver(chosen, again=again)

    monkeypatch.setattr(world, "deliver", drop)
    summary = world.run(**GREP)
    assert dropped
    assert summary["status"] == "COMPLETE"
    assert w.shown(world.result(summary)) == w.sequential(objects)


def test_an_object_that_always_kills_the_function_costs_only_itself(world: w.World) -> None:
    objects = w.logs(12)
    world.put(objects)

    def search(prepared: Any, key: str, body: bytes) -> Any:
        if key.endswith("005.log"):
            raise w.KillError
        return [(1, {"line": 1})]

    world.search("killer", search=search)
    summary = world.run(search="killer")
    assert (summary["status"], summary["reason"], summary["searched"]) == ("PARTIAL", "no_progress", 11)
    (row,) = world.result(summary, "failed", "failed")
    assert row["key"] == "app/2/005.log"
    assert "function ended each time" in row["reason"]
    assert sorted(key for key, _, _ in w.shown(world.result(summary))) == sorted(set(objects) - {row["key"]})


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (RuntimeError("no\ud800 luck"), "RuntimeError: no? luck"),
        ([(float("nan"), {})], "finite number"),
        ([(float("inf"), {})], "finite number"),
        ([(1e101, {})], "finite number"),
        ([(10**400, {})], "finite number"),
        ([(True, {})], "not bool"),
        ([("1", {})], "not str"),
        ([(1, {"x": float("nan")})], "must be (score, detail)"),
        ([(1, {1, 2})], "must be (score, detail)"),
        ([(1, "x" * 9000)], "at most 8,192 bytes"),
        ([1], "must be (score, detail)"),
        (5, "list of (score, detail)"),
        ("text", "list of (score, detail)"),
        ([(1, {})] * 1001, "more than 1,000 matches"),
    ],
)
def test_an_object_whose_search_fails_is_a_row_and_the_rest_is_stored(world: w.World, found: Any, reason: str) -> None:
    """Field row B3: NaN, infinity and what DynamoDB refuses cost their object only."""
    world.put(w.logs(5))

    def search(prepared: Any, key: str, body: bytes) -> Any:
        if not key.endswith("003.log"):
            return [(0.1, {"line": 1})]
        if isinstance(found, Exception):
            raise found
        return found

    world.search("odd", search=search)
    summary = world.run(search="odd")
    assert (summary["status"], summary["searched"], summary["matches"]) == ("PARTIAL", 4, 4)
    (row,) = world.result(summary, "failed", "failed")
    assert row["key"] == "app/0/003.log"
    assert reason in row["reason"]
    assert {score for _, score, _ in w.shown(world.result(summary))} == {0.1}


def test_objects_that_changed_vanished_or_are_too_large_are_rows(world: w.World) -> None:
    world.environment(MAXIMUM_OBJECT_BYTES=100)
    objects = w.logs(6) | {"app/large.log": b"x" * 101}
    world.put(objects)
    world.plan(**GREP)
    world.s3.put_object(Bucket=w.SOURCE, Key="app/0/000.log", Body=b"new")
    world.s3.delete_object(Bucket=w.SOURCE, Key="app/1/001.log")
    summary = world.run(**GREP)
    assert {row["key"]: row["reason"] for row in world.result(summary, "failed", "failed")} == {
        "app/0/000.log": "changed since the search began",
        "app/1/001.log": "deleted since the search began",
        "app/large.log": "101 bytes; the most is 100",
    }


def test_objects_that_may_not_be_read_fail_the_job_and_are_not_tried_again(world: w.World) -> None:
    world.put(w.logs(8))
    world.plan(**GREP)

    def fault(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "get_object" and arguments["Bucket"] == w.SOURCE:
            raise w.aws_error("AccessDenied", 403)

    world.fault = fault
    before = world.calls["get_object"]
    summary = world.run(**GREP)
    assert (summary["status"], summary["searched"], summary["failed"]) == ("FAILED", 0, 8)
    assert world.calls["get_object"] - before == 8 + 2 * 2  # each object once, and two reads of the manifest in a batch
    assert {row["reason"] for row in world.result(summary, "failed", "failed")} == {"AccessDenied"}


def test_a_throttled_read_repeats_the_batch(world: w.World) -> None:
    objects = w.logs(8)
    world.put(objects)
    throttled: Counter[str] = Counter()

    def fault(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "get_object" and arguments["Bucket"] == w.SOURCE:
            throttled["n"] += 1
            if throttled["n"] == 3:
                raise w.aws_error("SlowDown", 503)

    world.fault = fault
    assert w.shown(world.result(world.run(**GREP))) == w.sequential(objects)


def test_a_job_without_objects_is_complete(world: w.World) -> None:
    summary = world.run(**GREP)
    assert (summary["status"], summary["objects"], summary["pages"]) == ("COMPLETE", 0, 0)
    assert world.calls["invoke"] == 0


@pytest.mark.parametrize("reason", ["deadline", "maximum_calls", "maximum_worker_seconds"])
def test_a_job_that_ends_early_has_a_partial_result_that_says_why(
    world: w.World, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    objects = w.logs(20)
    world.put(objects)
    world.plan(**GREP)
    monitor.handler({"job": "job", "token": "0", "round": 0}, w.CONTEXT)
    world.deliver()
    world.deliver()
    world.queue.clear()  # four of five batches are lost
    if reason == "deadline":
        monkeypatch.setattr("time.time", lambda: 4e9)
    if reason == "maximum_worker_seconds":
        world.environment(MAXIMUM_WORKER_SECONDS="-1")
    if reason == "maximum_calls":
        monkeypatch.setattr(monitor, "_events", lambda *_, **__: ([], 20000))
    for number in (1, 2):
        monitor.handler({"job": "job", "token": str(number), "round": number}, w.CONTEXT)
    assert world.signals[0][1] == {"reason": reason}
    late = world.calls["put_item"]
    assert worker.handler({"job": "job", "batch": 4}, w.CONTEXT)["searched"] == 0  # a call that comes late
    assert dispatch.handler({"job": "job", "level": 0, "index": 0, "depth": 1}, w.CONTEXT) == {"sent": 0}
    assert world.calls["put_item"] == late
    summary = combine.handler({"job": "job", "reason": "complete"}, w.CONTEXT)
    assert (summary["status"], summary["reason"], summary["searched"], summary["failed"]) == ("PARTIAL", reason, 4, 16)
    rows = world.result(summary, "failed", "failed")
    assert {row["reason"] for row in rows} == {f"not searched: the job ended ({reason})"}
    assert len({row["key"] for row in rows}) == 16


def test_after_the_deadline_nothing_is_called_or_searched(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put(w.logs(4))
    world.plan(**GREP)
    written = world.calls["put_item"]
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert dispatch.handler({"job": "job", "level": 0, "index": 0, "depth": 1}, w.CONTEXT) == {"sent": 0}
    assert worker.handler({"job": "job", "batch": 0}, w.CONTEXT) == {"batch": 0, "searched": 0}
    assert (world.queue, world.calls["put_item"]) == ([], written)


def test_a_batch_that_was_searched_whole_and_in_part_counts_once(world: w.World) -> None:
    objects = w.logs(8)
    world.put(objects)
    world.plan(**GREP)
    for event in ({"batch": 0, "one": 1}, {"batch": 0, "one": 3}, {"batch": 0}, {"batch": 1}):
        worker.handler({"job": "job", **event}, w.CONTEXT)
    summary = combine.handler({"job": "job", "reason": "complete"}, w.CONTEXT)
    assert (summary["status"], summary["searched"]) == ("COMPLETE", 8)
    assert w.shown(world.result(summary)) == w.sequential(objects)


def test_a_slow_job_is_left_alone(world: w.World) -> None:
    world.put(w.logs(20))
    world.plan(**GREP)
    monitor.handler({"job": "job", "token": "0", "round": 0}, w.CONTEXT)
    world.deliver()
    for number in range(1, 5):
        world.deliver()
        before = world.calls["invoke"]
        monitor.handler({"job": "job", "token": str(number), "round": number}, w.CONTEXT)
        assert world.calls["invoke"] == before  # something was done since: nothing is lost
    assert world.signals == []


def test_planning_twice_is_one_job(world: w.World) -> None:
    world.put(w.logs(8))
    first = world.plan(**GREP)
    world.put({"app/later.log": b"error"})
    assert world.plan(**GREP) == first


def test_a_result_is_cut_to_its_best_matches_in_pages(world: w.World) -> None:
    objects = w.logs(40)
    world.put(objects)
    world.environment(MAXIMUM_MATCHES=7, PAGE_SIZE=3)
    summary = world.run(**GREP)
    assert (summary["truncated"], summary["pages"], summary["matches"]) == (True, 3, len(w.sequential(objects)))
    assert w.shown(world.result(summary)) == w.sequential(objects)[:7]


def test_a_search_can_change_the_result_and_its_failure_does_not_lose_it(world: w.World) -> None:
    world.put(w.logs(4))

    def search(prepared: Any, key: str, body: bytes) -> Any:
        return [(1, {"line": 1})]

    world.search("own", search=search, combine=lambda prepared, matches: matches[:1])
    assert len(world.result(world.run("first", search="own"))) == 1
    world.search("own", search=search, combine=lambda prepared, matches: matches[9])
    summary = world.run("second", search="own")
    assert summary["combine_error"].startswith("IndexError")
    assert len(world.result(summary)) == 4


def test_batches_of_many_matches_are_divided_into_items(world: w.World) -> None:
    """Field row B2: what one item of DynamoDB holds is bounded by bytes."""
    world.put(w.logs(4))
    world.search("long", search=lambda prepared, key, body: [(n, {"line": n, "text": "y" * 8000}) for n in range(100)])
    summary = world.run(search="long")
    assert summary["matches"] == 400
    assert [score for _, score, _ in w.shown(world.result(summary))] == sorted([*range(100)] * 4, reverse=True)


def test_events_and_answers_stay_small_whatever_the_keys_are(world: w.World) -> None:
    """Field row B2: states and calls hand on numbers, counts and pointers."""
    world.put({f"app/{'k' * 1000}{number}": b"error" for number in range(20)})
    planned = world.plan(**GREP)
    assert len(str(planned)) < 1000
    monitor.handler({"job": "job", "token": "0", "round": 0}, w.CONTEXT)
    world.deliver()
    assert max(len(str(event)) for _, event in world.queue) < 200
    world.drain()
    summary = combine.handler({"job": "job", "reason": "complete"}, w.CONTEXT)
    assert len(str(summary)) < 1000
    assert summary["matches"] == 20


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"level": 0, "index": 0},
        {"level": 9, "index": 0, "depth": 1},
        {"level": 0, "index": 1, "depth": 1},
        {"level": 0, "index": -1, "depth": 1},
        {"level": 0, "index": 0, "depth": 3},
        {"level": 1, "index": 0, "depth": 0},
        {"level": 0, "index": 0, "depth": 99},
        {"level": True, "index": 0, "depth": 1},
        {"level": "0", "index": 0, "depth": 1},
        {"level": 0, "index": 0.5, "depth": 1},
        {"job": "unknown", "level": 0, "index": 0, "depth": 1},
    ],
)
def test_dispatchers_refuse_what_is_not_in_the_tree(world: w.World, event: dict[str, Any]) -> None:
    world.put(w.logs(4))
    world.plan(**GREP)
    assert "refused" in dispatch.handler({"job": "job", **event}, w.CONTEXT)
    assert world.queue == []
    assert world.calls["DispatchesRefused"] == 1


@pytest.mark.parametrize(
    "event", [{}, {"batch": 1}, {"batch": -1}, {"batch": "0"}, {"batch": True}, {"batch": 0, "one": -1}]
)
def test_workers_refuse_what_is_not_in_the_job(world: w.World, event: dict[str, Any]) -> None:
    world.put(w.logs(4))
    world.plan(**GREP)
    assert "refused" in worker.handler({"job": "job", **event}, w.CONTEXT)
    assert world.calls["put_item"] == 2  # the job and its progress


def test_a_plan_refuses_what_it_cannot_keep(world: w.World) -> None:
    world.put(w.logs(30))
    world.environment(MAXIMUM_OBJECTS=29)
    with pytest.raises(RequestRefused, match="More than 29 objects"):
        world.plan(**GREP)
    world.environment(MAXIMUM_OBJECTS=30, MAXIMUM_CALLS=8)
    with pytest.raises(RequestRefused, match="9 calls for 30 objects"):
        world.plan(**GREP)
    world.environment(SEARCHES={"log_grep": "no_such_module"})
    with pytest.raises(RequestRefused, match="cannot be loaded"):
        world.plan(**GREP)

    def fault(operation: str, arguments: dict[str, Any]) -> None:
        raise w.aws_error("AccessDenied", 403)

    world.environment(SEARCHES={"log_grep": "data.burst_search.examples.log_grep"}, MAXIMUM_CALLS=20000)
    real, world.fault = (
        world.fault,
        lambda operation, arguments: fault(operation, arguments) if operation == "list_objects_v2" else None,
    )
    with pytest.raises(RequestRefused, match=r"cannot be listed \(AccessDenied\)"):
        world.plan(**GREP)
    assert world.queue == []
    world.fault = real


def test_packed_logs_are_searched(world: w.World) -> None:
    packed = gzip.compress(b"one error\n") + gzip.compress(b"error error\n")
    world.put({"app/a.gz": packed, "app/b.gz": packed[:20], "app/c.gz": b"plain", "app/d.log": b"\xff error\r\n"})
    summary = world.run(**GREP)
    assert w.shown(world.result(summary)) == [("app/a.gz", 2.0, 2), ("app/a.gz", 1.0, 1), ("app/d.log", 1.0, 1)]
    assert [row["key"] for row in world.result(summary, "failed", "failed")] == ["app/b.gz", "app/c.gz"]
