"""Requests at an even rate, slower while the service pushes back."""

import time
from collections.abc import Callable

_SLOWER = 0.8  # for each retry
_FASTER = 0.05  # of the limit, for each request without one
_FLOOR = 0.1  # of the limit
_CATCH_UP = 1.0  # seconds of delay that may be made good; the quota's burst is twice its rate


class Pacer:
    """Holds requests to a schedule of `limit` a second, whatever time they take themselves."""

    def __init__(
        self,
        limit: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limit = self.rate = limit
        self._clock, self._sleep = clock, sleep
        self._slot = clock()

    def wait(self) -> None:
        """Returns when the next request may be sent."""
        now = self._clock()
        slot = max(self._slot, now - _CATCH_UP)
        self._slot = slot + 1 / self.rate
        if slot > now:
            self._sleep(slot - now)

    def report(self, retries: int) -> None:
        """Learns how often the last request had to be retried."""
        if retries:
            self.rate = max(self.rate * _SLOWER**retries, self.limit * _FLOOR)
        else:
            self.rate = min(self.rate + self.limit * _FASTER, self.limit)
