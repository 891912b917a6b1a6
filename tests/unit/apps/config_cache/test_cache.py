"""Time to live, the bound, flights and refusals, with a clock and a source that the test moves."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchyard_config_cache.cache import (
    FINAL_PAUSE,
    LONGEST_PAUSE,
    SETTLED,
    Answer,
    Cache,
    Failure,
    NotConfigured,
    Value,
)
from switchyard_config_cache.settings import Key
from switchyard_config_cache.sources import text

KEY, OTHER = ("secrets", "db"), ("parameters", "limits")
DOWN = Failure("ServiceUnavailable", "down", final=False)
DENIED = Failure("AccessDeniedException", "denied", final=True)


class Source:
    """Answers with `now`, the value or failure of the moment. `gate` holds flights back."""

    def __init__(self, now: Value | Failure) -> None:
        self.now, self.calls = now, 0
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Semaphore(0)

    def fetch(self, keys: Sequence[Key]) -> dict[Key, Value | Failure]:
        self.calls += 1
        answer = self.now
        self.asked.release()
        assert self.gate.wait(60)
        return dict.fromkeys(keys, answer)


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Made:
    """A cache of two names with a time to live of 30 seconds."""

    def __init__(self, *, stale: float = 0, ttl: float = 30, timeout: float = 60) -> None:
        self.source, self.clock = Source(text("first")), Clock()
        self.cache = Cache({KEY: ttl, OTHER: ttl}, self.source.fetch, stale=stale, timeout=timeout, clock=self.clock)

    def read(self, refused: str = "", key: Key = KEY) -> str:
        """Return the value as text, or the failure's code; with `~` before a stale value."""
        return shown(self.cache.read(key, refused))

    def settle(self) -> None:
        """Wait until no fetch is under way."""
        for entry in self.cache._entries.values():
            if flight := entry.flight:
                assert flight.landed.wait(60)

    def refresh(self) -> int:
        """Begin a call of the function. Return the number of fetches."""
        flights = self.cache.refresh()
        for flight in flights:
            assert flight.landed.wait(60)
        return len(flights)


def shown(answer: Answer) -> str:
    if answer.value:
        return ("~" if answer.stale else "") + answer.value.body.decode()
    return answer.failure.code if answer.failure else "nothing"


def test_there_is_no_call_within_the_time_to_live_and_one_after_it() -> None:
    made = Made()
    assert [made.read() for _ in range(100)] == ["first"] * 100
    made.clock.now += 29.9
    made.source.now = text("second")
    assert (made.read(), made.source.calls) == ("first", 1)
    made.clock.now += 0.2
    assert (made.read(), made.source.calls) == ("second", 2)


def test_a_pause_of_any_length_ages_the_value() -> None:
    """Field row CC-1: the environment was frozen, and only the wall clock went on."""
    made = Made(stale=60)
    made.read()
    made.source.now = text("second")
    made.clock.now += 600
    assert made.read() == "second"


def test_a_clock_that_jumps_back_means_a_fetch() -> None:
    made = Made(stale=300)
    made.read()
    made.source.now = text("second")
    made.clock.now -= 3600
    assert (made.read(), made.source.calls) == ("second", 2)


def test_a_clock_that_jumps_back_does_not_prolong_a_pause() -> None:
    made = Made()
    made.source.now = DOWN
    assert made.read() == "ServiceUnavailable"
    made.source.now = text("first")
    made.clock.now -= 3600
    assert made.read() == "first"


def test_a_value_is_as_old_as_its_request() -> None:
    """A flight that was frozen on its way brings an old value."""
    made = Made()
    made.source.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(made.read)
        assert made.source.asked.acquire(timeout=60)
        made.clock.now += 600
        made.source.now = text("second")
        second = pool.submit(made.read)  # joins the flight, whose value is too old
        made.source.gate.set()
        assert first.result(60) == "first"  # it asked before
        assert second.result(60) == "second"
    assert made.read() == "second"


def test_one_flight_for_each_key_however_many_read() -> None:
    made = Made()
    made.source.gate.clear()
    with ThreadPoolExecutor(40) as pool:
        reads = [pool.submit(made.read, "", key) for _ in range(20) for key in (KEY, OTHER)]
        for _ in range(2):
            assert made.source.asked.acquire(timeout=60)
        made.source.gate.set()
        assert {read.result(60) for read in reads} == {"first"}
    assert made.source.calls == 2


def test_a_stale_value_is_served_while_one_flight_brings_the_next() -> None:
    made = Made(stale=300)
    made.read()
    made.clock.now += 31
    made.source.now = text("second")
    made.source.gate.clear()
    assert [made.read() for _ in range(5)] == ["~first"] * 5
    made.source.gate.set()
    made.settle()
    assert (made.read(), made.source.calls) == ("second", 2)


def test_no_error_while_the_source_is_down_for_less_than_the_bound_and_an_error_after_it() -> None:
    made = Made(stale=300)
    made.read()
    made.source.now = DOWN
    for _ in range(33):
        made.clock.now += 9.9
        assert made.read() in ("first", "~first")
        made.settle()
    made.clock.now += 5
    assert made.read() == "ServiceUnavailable"
    made.source.now = text("second")
    made.clock.now += LONGEST_PAUSE
    assert made.read() == "second"


def test_a_source_that_is_down_is_asked_less_and_less_often() -> None:
    made = Made()
    made.source.now = DOWN
    for _ in range(600):
        assert made.read() == "ServiceUnavailable"
        made.clock.now += 0.1
    assert 60 / LONGEST_PAUSE < made.source.calls < 40


def test_a_stale_value_does_not_ask_a_source_that_is_down_at_each_read() -> None:
    made = Made(stale=300)
    made.read()
    made.source.now = DOWN
    made.clock.now += 31
    for _ in range(600):
        assert made.read() == "~first"
        made.settle()
        made.clock.now += 0.1
    assert 60 / LONGEST_PAUSE < made.source.calls < 40


def test_a_refusal_by_aws_is_final_it_is_not_repeated_at_once_and_ends_the_value() -> None:
    made = Made(stale=300)
    made.read()
    made.source.now = DENIED
    made.clock.now += 31
    assert made.read() == "~first"
    made.settle()
    assert [made.read() for _ in range(10)] == ["AccessDeniedException"] * 10
    assert made.source.calls == 2
    made.source.now = text("second")
    made.clock.now += FINAL_PAUSE
    assert made.read() == "second"


def test_a_refused_value_is_fetched_again_once() -> None:
    made = Made(stale=300)
    old = text("first").etag
    made.read()
    made.clock.now += SETTLED
    made.source.now = text("second")
    made.source.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(made.read, old) for _ in range(8)]
        assert made.source.asked.acquire(timeout=60)
        made.source.gate.set()
        assert {read.result(60) for read in reads} == {"second"}
    assert [made.read(old) for _ in range(10)] == ["second"] * 10  # another read has fetched it
    assert made.source.calls == 2


def test_a_value_that_stays_refused_does_not_make_a_call_each_time() -> None:
    made = Made()
    old = text("first").etag
    assert [made.read(old) for _ in range(50)] == ["first"] * 50
    assert made.source.calls == 1  # it has just been fetched
    for _ in range(30):
        made.clock.now += SETTLED / 10
        made.read(old)
    assert made.source.calls <= 5


def test_a_refused_value_is_not_served_again_when_the_source_is_down() -> None:
    made = Made(stale=300)
    made.read()
    made.clock.now += 2
    made.source.now = DOWN
    assert made.read(text("first").etag) == "ServiceUnavailable"
    assert made.read() == "first"  # for those whom it serves


def test_the_beginning_of_a_call_refreshes_what_was_read_and_has_expired() -> None:
    made = Made(stale=300)
    made.read()
    assert made.refresh() == 0  # fresh, and the other name was never read
    made.clock.now += 31
    made.source.now = text("second")
    assert made.refresh() == 1
    assert (made.read(), made.source.calls) == ("second", 2)
    made.clock.now += 31
    assert made.refresh() == 1
    made.clock.now += 31
    assert made.refresh() == 0  # not read since


def test_without_a_time_to_live_each_read_is_a_call_and_no_call_is_made_ahead() -> None:
    made = Made(ttl=0)
    assert [made.read(), made.read()] == ["first", "first"]
    assert made.source.calls == 2
    assert made.refresh() == 0


def test_a_start_fetches_all_names_and_reads_join() -> None:
    made = Made()
    made.source.gate.clear()
    made.cache.refresh([KEY, OTHER])
    with ThreadPoolExecutor(2) as pool:
        reads = [pool.submit(made.read, "", key) for key in (KEY, OTHER)]
        made.source.gate.set()
        assert [read.result(60) for read in reads] == ["first", "first"]
    assert made.source.calls == 2


def test_a_name_outside_the_configuration_makes_no_call() -> None:
    made = Made()
    with pytest.raises(NotConfigured):
        made.cache.read(("secrets", "other"))
    assert made.source.calls == 0


def test_a_read_does_not_wait_for_ever() -> None:
    made = Made(timeout=0)
    made.source.gate.clear()
    assert made.read() == "Timeout"
    made.source.gate.set()
    made.settle()
    assert made.read() == "first"


def test_a_fetch_that_raises_is_a_failure_of_its_readers_and_a_line_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = Made()

    def broken(keys: Sequence[Key]) -> dict[Key, Value | Failure]:
        raise RuntimeError("a defect")

    made.cache._fetch = broken
    assert made.read() == "InternalError"
    assert "RuntimeError: a defect" in capsys.readouterr().err
    made.cache._fetch = made.source.fetch
    made.clock.now += LONGEST_PAUSE
    assert made.read() == "first"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("time"), st.sampled_from([0.5, 5.0, 31.0, 100.0, 400.0, -50.0])),
        st.tuples(st.just("source"), st.sampled_from(["new", "down", "denied"])),
        st.tuples(st.just("read"), st.booleans()),
        st.tuples(st.just("call"), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_happens_a_value_is_younger_than_its_bound_and_never_older_than_one_served_before(
    steps: list[tuple[str, object]],
) -> None:
    made = Made(stale=300)
    number, newest = 0, -1
    made.source.now = text("0")
    for what, how in steps:
        if what == "time":
            made.clock.now += float(how)  # type: ignore[arg-type]
        elif what == "source":
            number += 1
            answers: dict[str, Value | Failure] = {"new": text(str(number)), "down": DOWN, "denied": DENIED}
            made.source.now = answers[str(how)]
        elif what == "call":
            made.refresh()
        else:
            answer = made.cache.read(KEY, text(str(newest)).etag if how else "")
            made.settle()
            if answer.value:
                got = int(answer.value.body)
                assert 0 <= answer.age < 330
                assert got >= newest
                newest = got
            else:
                assert answer.failure in (DOWN, DENIED)
