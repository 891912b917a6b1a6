"""Calls at an even rate, slower after each that had to be retried."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any


class Pacer:
    """At most `limit` calls a second, without bursts; one for each process and quota, and for all its threads."""

    def __init__(
        self, limit: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.limit = self.rate = limit
        self._clock, self._sleep = clock, sleep
        self._next = clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Returns when the next call may be made."""
        with self._lock:
            now = self._clock()
            slot = max(self._next, now)
            self._next = slot + 1 / self.rate
        if slot > now:
            self._sleep(slot - now)

    def report(self, answer: Mapping[str, Any]) -> None:
        """Learns from a call's answer how often it was retried: halves the rate for each, recovers by a tenth."""
        retries = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        with self._lock:
            if retries:
                self.rate = max(self.rate / 2**retries, self.limit / 20)
            else:
                self.rate = min(self.rate + self.limit / 10, self.limit)
