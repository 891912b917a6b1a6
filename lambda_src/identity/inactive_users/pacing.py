"""Calls at an even rate, slower after each that had to be retried."""

import time
from collections.abc import Callable, Mapping
from typing import Any


class Pacer:
    """At most `limit` calls a second, without bursts; one for each process and quota."""

    def __init__(
        self, limit: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.limit = self.rate = limit
        self._clock, self._sleep = clock, sleep
        self._next = clock()

    def wait(self) -> None:
        """Returns when the next call may be made."""
        now = self._clock()
        if self._next > now:
            self._sleep(self._next - now)
        self._next = max(self._next, now) + 1 / self.rate

    def report(self, answer: Mapping[str, Any]) -> None:
        """Learns from a call's answer how often it was retried: halves the rate for each, recovers by a tenth."""
        retries = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        if retries:
            self.rate = max(self.rate / 2**retries, self.limit / 20)
        else:
            self.rate = min(self.rate + self.limit / 10, self.limit)
