"""Calls of functions: their timeouts on a busy machine, environments that end, and how many there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.core import lambda_runtime as ministack

from local.patches import lambda_runtime


@pytest.mark.parametrize(("load", "expected"), [(0.5, 5), (2.0, 5), (5.0, 13), (1000.0, 50)])
def test_a_timeout_is_that_of_an_idle_machine(monkeypatch: pytest.MonkeyPatch, load: float, expected: int) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    config = {"Timeout": 5, "Runtime": "python3.13"}
    worker = SimpleNamespace(config=config)
    seen: list[Any] = []

    def original(self: Any, event: Any) -> str:
        seen.append((event, self.config))
        return "answer"

    assert lambda_runtime.invoke(original, worker, {"a": 1}) == "answer"
    assert seen == [({"a": 1}, {"Timeout": expected, "Runtime": "python3.13"})]
    assert worker.config is config


def test_a_function_that_fails_keeps_its_timeout() -> None:
    def fails(self: Any) -> None:
        raise RuntimeError("no process")

    config = {"Timeout": 5}
    worker = SimpleNamespace(config=config)
    with pytest.raises(RuntimeError):
        lambda_runtime.invoke(fails, worker)
    assert worker.config is config


@pytest.mark.parametrize(
    "error", [BrokenPipeError(32, "Broken pipe"), RuntimeError("Worker process exited immediately")]
)
def test_an_environment_that_ends_while_it_starts_takes_no_other_along(error: Exception) -> None:
    """An exception would make MiniStack end all environments of the function."""

    def ends(self: Any) -> None:
        raise error

    answer = lambda_runtime.invoke(ends, SimpleNamespace(config={"Timeout": 5}))
    assert answer == {"status": "error", "error": f"Worker process died: {error}"}


@pytest.fixture
def lease(monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[Any, str]]:
    """Lease an environment of a function, without a process, from MiniStack's own pool."""
    monkeypatch.setattr(ministack, "_workers", {})
    monkeypatch.setattr(lambda_runtime, "_started", {})
    monkeypatch.setattr(ministack, "_worker_class_for", lambda config: lambda *_: SimpleNamespace(in_use=False))
    config = {"FunctionArn": "arn:aws:lambda:eu-west-1:000000000000:function:burst"}
    return lambda: lambda_runtime.acquire_worker(ministack.acquire_worker, "burst", config, b"")


def test_a_burst_of_calls_shares_a_few_environments(
    lease: Callable[[], tuple[Any, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lambda_runtime, "WAIT", 60.0)

    def call(_: int) -> int:
        worker, _how = lease()
        time.sleep(0.01)
        ministack.release_worker(worker)
        return id(worker)

    with ThreadPoolExecutor(20) as callers:
        used = list(callers.map(call, range(60)))
    assert len(set(used)) <= lambda_runtime.MOST


def test_a_call_that_others_wait_for_gets_an_environment(
    lease: Callable[[], tuple[Any, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that calls itself does not release its own first."""
    monkeypatch.setattr(lambda_runtime, "WAIT", 0.1)
    held = [lease() for _ in range(lambda_runtime.MOST + 2)]
    assert {how for _, how in held} == {"spawn"}
    assert len({id(worker) for worker, _ in held}) == lambda_runtime.MOST + 2
