"""Values in memory: fresh for their time to live, then stale up to a bound, fetched by one flight at a time.

Lambda freezes the environment between calls, so that no timer runs and the monotonic clock may stand still. Ages are
therefore differences of the wall clock, compared when a value is read. A value is as old as the request for it: one
that was on its way while the environment was frozen is not taken for a new one.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from .aws import jitter
from .settings import Key

SETTLED = 1.0
"""Seconds for which a value that was just fetched is not fetched again because its user was refused."""
FINAL_PAUSE = 5.0
"""Seconds for which a refusal by AWS is remembered."""
PAUSE, LONGEST_PAUSE = 0.25, 8.0
"""Seconds until a source that failed is asked again: doubled for each failure, up to the longest, with jitter."""
AT_ONCE = 32
"""Number of fetches at once: more than a source that hangs can occupy."""
GRACE = 0.5
"""Seconds that a read waits longer than a fetch may take, so that it can return the reason of the failure."""


class Value(NamedTuple):
    """A value, as it is served. `etag` changes with the content."""

    body: bytes
    content_type: str
    etag: str


class Failure(NamedTuple):
    """Why there is no value: AWS's error code, or one of ours. `final` is true if the same call would fail again."""

    code: str
    message: str
    final: bool
    absent: bool = False


class Answer(NamedTuple):
    """What a read returns: a value with its age in seconds, or a failure."""

    value: Value | None
    age: float = 0.0
    stale: bool = False
    failure: Failure | None = None


Fetch = Callable[[Sequence[Key]], Mapping[Key, Value | Failure]]
"""Fetch one batch. It answers for each of its keys, and does not raise."""


class NotConfigured(Exception):
    """A name outside the configuration. No call is made for it."""


class Flight:
    """A fetch that is under way."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.landed = threading.Event()
        self.results: Mapping[Key, Value | Failure] = {}


class _Entry:
    """What is known about one name. The cache's lock protects it."""

    def __init__(self, ttl: float) -> None:
        self.ttl = ttl
        self.value: Value | None = None
        self.fetched = 0.0
        self.failure: Failure | None = None
        self.failed = 0.0
        self.pause = 0.0
        self.failures = 0
        self.flight: Flight | None = None
        self.used = False

    def fresh(self, now: float) -> bool:
        """Return true if the value is younger than its time to live. The clock may have jumped back."""
        return self.value is not None and 0 <= now - self.fetched < self.ttl

    def usable(self, now: float, stale: float) -> bool:
        """Return true if the value may be served while a newer one is fetched."""
        return self.value is not None and 0 <= now - self.fetched < self.ttl + stale

    def pausing(self, now: float) -> bool:
        """Return true if the source has just failed and is not asked again yet."""
        return self.failure is not None and 0 <= now - self.failed < self.pause

    def land(self, result: Value | Failure, began: float, now: float) -> None:
        """Take the result of a flight. What AWS refuses or no longer has is not served any longer."""
        self.flight = None
        if isinstance(result, Value):
            self.value, self.fetched, self.failure, self.failures = result, began, None, 0
            return
        self.failures += 1
        self.failure, self.failed = result, now
        self.pause = min(LONGEST_PAUSE, PAUSE * 2 ** min(self.failures - 1, 10)) * jitter(0.5, 1)
        if result.final:
            self.value, self.pause = None, FINAL_PAUSE


def _alone(keys: Iterable[Key]) -> list[list[Key]]:
    return [[key] for key in keys]


class Cache:
    """The values of one environment. Threads share it."""

    def __init__(
        self,
        ttl: Mapping[Key, float],
        fetch: Fetch,
        *,
        batches: Callable[[Iterable[Key]], list[list[Key]]] | None = None,
        stale: float = 0.0,
        timeout: float = 3.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Set the keys with their times to live, and how they are fetched; `stale` and `timeout` are in seconds.

        A value is served for `stale` after its time to live. A read waits at most `timeout` for a flight.
        """
        self._entries = {key: _Entry(seconds) for key, seconds in ttl.items()}
        self._fetch, self._batches, self._clock = fetch, batches or _alone, clock
        self._stale, self._timeout = stale, timeout
        self._lock = threading.Lock()
        self._seats = threading.Semaphore(AT_ONCE)

    def read(self, key: Key, refused: str = "") -> Answer:
        """Return the value, or why there is none. Raise NotConfigured for an unknown name.

        `refused` is the etag of a value that was refused where it was used, such as a password that was rotated: it is
        fetched again, unless another read has done so already.
        """
        if key not in self._entries:
            raise NotConfigured
        entry, ends = self._entries[key], time.monotonic() + self._timeout + GRACE
        while True:
            with self._lock:
                entry.used = True
                answer, flight, own = self._look(key, entry, refused)
            if answer:
                return answer
            if not flight or not flight.landed.wait(max(0.0, ends - time.monotonic())):
                return Answer(None, failure=Failure("Timeout", f"No answer within {self._timeout:g} s.", final=False))
            if own:  # its result is good however short the time to live; that of a flight which was joined may be old
                result = flight.results[key]
                if isinstance(result, Value):
                    return Answer(result, max(0.0, self._clock() - flight.began))
                return Answer(None, failure=result)

    def _look(self, key: Key, entry: _Entry, refused: str) -> tuple[Answer | None, Flight | None, bool]:
        """Return the answer; or the flight to wait for, and whether it was started here."""
        now = self._clock()
        age = now - entry.fetched
        again = bool(refused) and entry.value is not None and entry.value.etag == refused and not 0 <= age < SETTLED
        if not again and entry.fresh(now):
            return Answer(entry.value, age), None, False
        if not again and entry.usable(now, self._stale):
            if not entry.flight and not entry.pausing(now):
                self._start([key], now)
            return Answer(entry.value, age, stale=True), None, False
        if entry.flight:
            return None, entry.flight, False
        if entry.pausing(now):
            return Answer(None, failure=entry.failure), None, False
        return None, self._start([key], now)[0], True

    def refresh(self, keys: Iterable[Key] | None = None) -> list[Flight]:
        """Start to fetch the keys; without keys, all that were read since their last fetch and are not fresh."""
        with self._lock:
            now = self._clock()
            wanted = [
                key
                for key, entry in self._entries.items()
                if (key in keys if keys is not None else entry.used and entry.ttl and not entry.fresh(now))
                and not entry.pausing(now)
                and not entry.flight
            ]
            for key in wanted:
                self._entries[key].used = False
            return self._start(wanted, now)

    def _start(self, keys: Iterable[Key], now: float) -> list[Flight]:
        flights = []
        for batch in self._batches(keys):
            flight = Flight(now)
            threading.Thread(target=self._fly, args=(flight, batch), daemon=True).start()
            for key in batch:  # the flight lands later: it needs the lock, which its starter holds
                self._entries[key].flight = flight
            flights.append(flight)
        return flights

    def _fly(self, flight: Flight, batch: Sequence[Key]) -> None:
        lost = Failure("InternalError", "The fetch failed; see the function's log.", final=False)
        results: Mapping[Key, Value | Failure] = {}
        try:
            with self._seats:
                results = self._fetch(batch)
        except Exception:  # noqa: BLE001 - its readers get a failure, and the log has the reason
            sys.excepthook(*sys.exc_info())
        finally:  # a flight that never lands would hold its readers
            flight.results = {key: results.get(key, lost) for key in batch}
            with self._lock:
                for key, result in flight.results.items():
                    self._entries[key].land(result, flight.began, self._clock())
            flight.landed.set()

    def state(self) -> dict[str, dict[str, object]]:
        """Return what is known about each name, without values."""
        with self._lock:
            now = self._clock()
            return {f"{kind}/{name}": _shown(entry, now, self._stale) for (kind, name), entry in self._entries.items()}


def _shown(entry: _Entry, now: float, stale: float) -> dict[str, object]:
    state = "fresh" if entry.fresh(now) else "stale" if entry.usable(now, stale) else "empty"
    shown: dict[str, object] = {"state": state}
    if entry.value is not None:
        shown["age"] = round(now - entry.fetched, 3)
    return shown | ({"error": entry.failure.code} if entry.failure else {})
