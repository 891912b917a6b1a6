"""Calls at an even rate, slower while the service pushes back."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any


class Pacer:
    """At most `limit` calls a second. One for each process and quota, and for all threads of the process.

    The defaults suit a quota that others use too: no bursts, half the rate after a retry. `slower` is the factor for
    each retry, `faster` and `floor` are parts of the limit: what each call without a retry gives back, and the lowest
    rate. `catch_up` is how many seconds of delay may be made good, where the quota allows bursts.
    """

    def __init__(
        self,
        limit: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        *,
        slower: float = 0.5,
        faster: float = 0.1,
        floor: float = 0.05,
        catch_up: float = 0.0,
    ) -> None:
        self.limit = self.rate = limit
        self._clock, self._sleep = clock, sleep
        self._slower, self._faster, self._floor, self._catch_up = slower, faster, floor, catch_up
        self._next = clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next call may be made."""
        with self._lock:
            now = self._clock()
            slot = max(self._next, now - self._catch_up)
            self._next = slot + 1 / self.rate
        if slot > now:
            self._sleep(slot - now)

    def report(self, answer: Mapping[str, Any]) -> None:
        """Learn from a call's answer how often botocore had to retry it."""
        retries = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        with self._lock:
            if retries:
                self.rate = max(self.rate * self._slower**retries, self.limit * self._floor)
            else:
                self.rate = min(self.rate + self.limit * self._faster, self.limit)
