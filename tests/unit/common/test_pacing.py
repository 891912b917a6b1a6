"""Calls at an even rate, on a simulated clock."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.pacing import Pacer


class Clock:
    """A clock that advances only when `sleep` is called."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def retried(number: int) -> dict[str, dict[str, int]]:
    return {"ResponseMetadata": {"RetryAttempts": number}}


def times(pacer: Pacer, clock: Clock, count: int, latency: float = 0.0) -> list[float]:
    found = []
    for _ in range(count):
        pacer.wait()
        found.append(clock())
        clock.now += latency
    return found


def test_no_bursts_by_default() -> None:
    clock = Clock()
    pacer = Pacer(4, clock, clock.sleep)
    times(pacer, clock, 4)
    clock.now += 60
    late = times(pacer, clock, 4)
    assert [b - a for a, b in itertools.pairwise(late)] == [0.25] * 3


def test_a_delay_is_caught_up_where_allowed() -> None:
    clock = Clock()
    pacer = Pacer(4, clock, clock.sleep, catch_up=1.0)
    times(pacer, clock, 4)
    clock.now += 60
    late = times(pacer, clock, 8)
    assert late[:5] == [late[0]] * 5
    assert late[5] == late[0] + 0.25


@given(st.floats(0, 0.5), st.integers(2, 60))
def test_never_faster_than_the_limit(latency: float, count: int) -> None:
    clock = Clock()
    found = times(Pacer(5, clock, clock.sleep), clock, count, latency)
    assert all(b - a >= 0.2 - 1e-9 for a, b in itertools.pairwise(found))


def test_slower_after_retries_down_to_the_floor_and_back_up() -> None:
    pacer = Pacer(20)
    pacer.report(retried(2))
    assert pacer.rate == 5
    pacer.report(retried(9))
    assert pacer.rate == 1
    for _ in range(10):
        pacer.report({})
    assert pacer.rate == 20


def test_steps_of_the_rate_can_be_set() -> None:
    pacer = Pacer(10, slower=0.8, faster=0.05, floor=0.1)
    pacer.report(retried(1))
    assert pacer.rate == 8
    pacer.report(retried(0))
    assert pacer.rate == 8.5
    pacer.report(retried(50))
    assert pacer.rate == 1


def test_threads_get_separate_slots() -> None:
    slept: list[float] = []
    pacer = Pacer(10, clock=lambda: 0.0, sleep=slept.append)
    threads = [threading.Thread(target=pacer.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == pytest.approx([number / 10 for number in range(1, 20)])
