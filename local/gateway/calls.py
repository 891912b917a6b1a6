"""A record of every API call that reached the gateway."""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Sequence

from local.permissions import Checked


@dataclasses.dataclass(frozen=True)
class Call:
    """One API call. `at` is Unix seconds, `ms` the time to answer, `fault` the kind of the injected fault if any.

    `error` is the answer's error code. `agent` says which program called, where its User-Agent does: `Terraform`, or
    the application id of an SDK (`app/...`), which a scenario's clients have. `checks` is what IAM was asked for a call
    of Terraform's, also of dependent actions. `invocation` is the SDK's id of the call, the same for each of its tries.
    """

    at: float
    service: str
    operation: str
    principal: str
    account: str
    region: str
    status: int
    ms: float
    fault: str = ""
    error: str = ""
    agent: str = ""
    checks: Sequence[Checked] = ()
    invocation: str = ""


class Calls:
    """The last `limit` calls, oldest first."""

    def __init__(self, limit: int = 500_000) -> None:
        self._calls: collections.deque[Call] = collections.deque(maxlen=limit)
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        """Record one call."""
        with self._lock:
            self._calls.append(call)

    def since(self, at: float = 0.0, principal: str = "") -> list[Call]:
        """Return the calls from Unix time `at` on whose principal ARN contains `principal`."""
        with self._lock:
            return [c for c in self._calls if c.at >= at and principal in c.principal]

    def clear(self) -> None:
        """Delete all recorded calls."""
        with self._lock:
            self._calls.clear()
