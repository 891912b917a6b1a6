"""Pace calls at an even rate, and reduce the rate while the service throttles."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any


class Pacer:
    """Allow at most `limit` calls per second. All threads of a process share one instance per quota.

    The defaults suit a quota that other callers use too: no bursts, and half the rate after a retry. The rate is
    multiplied by `slower` for each retry. `faster` and `floor` are fractions of the limit: each call without a retry
    raises the rate by `faster`, and the rate never falls below `floor`. `catch_up` is the number of seconds of delay
    that later calls may catch up, for quotas that allow bursts.
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
        """Wait until the next call may be made."""
        with self._lock:
            now = self._clock()
            slot = max(self._next, now - self._catch_up)
            self._next = slot + 1 / self.rate
        if slot > now:
            self._sleep(slot - now)

    def report(self, answer: Mapping[str, Any]) -> None:
        """Adapt the rate to the number of times that botocore retried the call, which its response contains."""
        retries = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        with self._lock:
            if retries:
                self.rate = max(self.rate * self._slower**retries, self.limit * self._floor)
            else:
                self.rate = min(self.rate + self.limit * self._faster, self.limit)
