"""burst_search: calls, cost and time of both strategies by the number of objects; the burst's time by fan-out.

The functions run in this process, with objects and items in memory: calls are counted exactly, seconds are those of
this machine's cores. For the burst alone (from the first call to the start of the last worker) each asynchronous call
takes 25 ms, about what a call from one function to another takes on AWS, and functions run in threads of their own.

Set BURST_OBJECTS=100,1000,10000,100000 for the figures of the README, which take minutes.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tools.bootstrap import ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))  # as in pytest: the functions run in this process

from common import clients
from data.burst_search import combine, dispatch, monitor, plan, worker
from tests.unit.data.burst_search import world as w

OBJECTS = tuple(int(number) for number in os.environ.get("BURST_OBJECTS", "100,1000,10000").split(","))
FAN_OUTS = (2, 4, 16, 64)
CALL_SECONDS = 0.025
GREP: dict[str, Any] = {"search": "log_grep", "params": {"pattern": "error"}}

# US dollars for one call, request, item, transition, as assumed for us-east-1: check them in AWS's price lists.
PRICES = {
    "lambda": 0.20e-6,
    "get_object": 0.4e-6,
    "put_object": 5e-6,
    "list_objects_v2": 5e-6,
    "get_item": 0.125e-6,
    "put_item": 0.625e-6,
    "update_item": 0.625e-6,
    "query": 0.125e-6,
    "standard transition": 25e-6,
    "express request": 1e-6,
}
GB_SECOND = 13.3334e-6  # arm64
EXPRESS_GB_SECOND = 16.67e-6
"""Of an Express child execution of 64 MB."""
WORKER_GB, WORKER_SECONDS = 1769 / 1024, 1.0
"""A batch of 100 small objects takes about a second with 16 threads: 100 reads of 50 ms, and the writes."""


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    found: list[dict[str, Any]] = []
    for objects in OBJECTS:
        for strategy in ("tree", "map"):
            found += _job(objects, strategy)
    for fan_out in FAN_OUTS:
        found += _burst(max(OBJECTS), fan_out)
    return found


def _world(patched: pytest.MonkeyPatch, objects: int, **settings: Any) -> w.World:
    made = next(w.make(patched, **{"MAXIMUM_CALLS": 100000, "MAXIMUM_OBJECTS": 1000000} | settings))
    # One worker at a time: each may read as fast as all of them together.
    made.environment(BATCH_OBJECTS=100, WORKERS=1, POWERTOOLS_LOG_LEVEL="CRITICAL")
    patched.setattr(made.s3, "page", 1000)
    patched.setattr(made.dynamodb, "page", 1000)
    made.put({f"app/{n % 16:x}/{n:06d}.log": b"ok" if n % 50 else b"error" for n in range(objects)})
    return made


def _job(objects: int, strategy: str) -> list[dict[str, Any]]:
    label = f"{strategy}, {objects:,} objects"
    with pytest.MonkeyPatch.context() as patched:
        world = _world(patched, objects)
        began = time.perf_counter()
        planned = world.plan(strategy=strategy, **GREP)
        if strategy == "map":
            for batch in range(planned["batches"]):
                worker.handler({"job": "job", "batch": batch}, w.CONTEXT)
        monitor.handler({"job": "job", "token": "t", "round": int(strategy == "map")}, w.CONTEXT)
        world.drain()
        summary = combine.handler({"job": "job", "reason": "complete"}, w.CONTEXT)
        seconds = time.perf_counter() - began
        assert (summary["status"], summary["searched"]) == ("COMPLETE", objects)
        batches = planned["batches"]
        lambdas = batches + 3 + (planned["calls"] - batches if strategy == "tree" else 0)
        counted = Counter({name: world.calls[name] for name in PRICES}) + Counter(
            {"lambda": lambdas, "standard transition": 6 + (strategy == "map")}
        )
        if strategy == "map":
            counted += Counter({"express request": batches})
        dollars = sum(PRICES[name] * number for name, number in counted.items())
        dollars += batches * WORKER_SECONDS * WORKER_GB * GB_SECOND
        dollars += batches * WORKER_SECONDS * (64 / 1024) * EXPRESS_GB_SECOND if strategy == "map" else 0
    return [
        {"figure": f"calls of functions, {label}", "value": lambdas, "unit": "calls"},
        {"figure": f"requests to DynamoDB and S3 besides reading the objects, {label}",
         "value": sum(counted[name] for name in world.calls if name in PRICES) - objects, "unit": "calls"},
        {"figure": f"cost by the model, {label}", "value": round(dollars, 5), "unit": "USD"},
        {"figure": f"time in one process, {label}", "value": round(seconds, 2), "unit": "s"},
    ]  # fmt: skip


def _burst(objects: int, fan_out: int) -> list[dict[str, Any]]:
    """Measure the time from the call of the root to the start of the last worker, with groups of 4 batches."""
    with pytest.MonkeyPatch.context() as patched:
        world = _world(patched, objects, FAN_OUT=fan_out)
        patched.setattr(plan, "GROUP", 4)
        planned = world.plan(**GREP)
        started: list[float] = []
        running: list[Future[Any]] = []
        lock = threading.Lock()
        pool = ThreadPoolExecutor(1000)

        def deliver(event: dict[str, Any]) -> None:
            if "level" in event:
                dispatch.handler(event, w.CONTEXT)
            else:
                started.append(time.perf_counter())

        class Lambda:
            """Asynchronous calls that take CALL_SECONDS, and run in a thread of their own."""

            def invoke(self, Payload: bytes, **_: Any) -> None:  # noqa: N803 - boto3's
                import json

                time.sleep(CALL_SECONDS)
                with lock:
                    running.append(pool.submit(deliver, json.loads(Payload)))

        plain = world.client
        patched.setattr(clients, "client", lambda service, *_: Lambda() if service == "lambda" else plain(service))
        began = time.perf_counter()
        deliver({"job": "job", "level": _levels(world), "index": 0, "depth": 1})
        while len(started) < planned["batches"]:
            time.sleep(0.001)
        for one in running:
            one.result()
        pool.shutdown()
    label = f"{planned['batches']:,} workers, fan-out {fan_out}, depth {planned['depth']}"
    return [{"figure": f"until the last worker starts, {label}", "value": round(max(started) - began, 3), "unit": "s"}]


def _levels(world: w.World) -> int:
    from data.burst_search.store import Store

    return Store(world.dynamodb, w.TABLE, "job").job().tree.levels
