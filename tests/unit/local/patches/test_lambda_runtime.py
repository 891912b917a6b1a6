"""Calls of functions: their timeouts on a busy machine, and environments that end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

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
