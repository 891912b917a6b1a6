"""Faults and quotas at the gateway: per service and operation, by rate or by count."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from typing import Any, Literal

Kind = Literal["throttle", "error", "reset", "timeout", "kill", "quota", "latency"]

# Error code and status of a throttled call, where they are not the JSON services' ThrottlingException / 400.
_THROTTLED: dict[str, tuple[str, int]] = {
    "s3": ("SlowDown", 503),
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "securityhub": ("TooManyRequestsException", 429),
    "ec2": ("RequestLimitExceeded", 503),
    "sqs": ("ThrottlingException", 400),
}


@dataclasses.dataclass
class Rule:
    """One fault: which calls, how often, what happens.

    `service` and `operation` are the IAM names ("s3", "PutObject"); "*" matches all. `rate` is the share of matching
    calls hit (0 to 1). `count` ends the rule after so many hits; `skip` lets that many matching calls pass first.
    `principal` must occur in the caller's ARN. Kinds: throttle (the service's own throttling error), error (`code`,
    `status`, `message`), reset (connection closed half-way), timeout (no answer for `seconds`), kill (the calling
    function's process is killed), quota (`per_second` calls with `burst`, throttled beyond), latency (`seconds` more).
    """

    service: str = "*"
    operation: str = "*"
    kind: Kind = "throttle"
    rate: float = 1.0
    count: int | None = None
    skip: int = 0
    principal: str = ""
    code: str = ""
    status: int = 500
    message: str = ""
    seconds: float = 0.0
    per_second: float = 0.0
    burst: float = 1.0
    after: bool = False
    """Let the engine do the work first, then fail the answer: what an at-least-once caller must survive."""

    def __post_init__(self) -> None:
        self._tokens, self._at = self.burst, time.monotonic()

    def hits(self, service: str, operation: str, principal: str, rng: random.Random) -> bool:
        """Whether this call is hit; counts it."""
        if self.service not in ("*", service) or self.operation not in ("*", operation):
            return False
        if self.principal not in principal or self.count == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.kind == "quota":
            now = time.monotonic()
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.per_second)
            self._at = now
            if self._tokens >= 1:
                self._tokens -= 1
                return False
        elif rng.random() >= self.rate:
            return False
        if self.count:
            self.count -= 1
        return True


class Faults:
    """The active rules, in order; the first that hits decides. Seeded, so that a run can be repeated."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.set([], seed=0)

    def set(self, rules: list[dict[str, Any]], seed: int = 0) -> None:
        """Replace all rules; TypeError names an unknown field."""
        made = [Rule(**rule) for rule in rules]
        with self._lock:
            self.rules, self._rng = made, random.Random(seed)

    def hit(self, service: str, operation: str, principal: str) -> Rule | None:
        """The rule that this call runs into, or None."""
        with self._lock:
            return next((r for r in self.rules if r.hits(service, operation, principal, self._rng)), None)


def error_of(rule: Rule, service: str) -> tuple[str, int, str]:
    """Code, status and message of the error that *rule* answers with for *service*."""
    if rule.kind in ("throttle", "quota"):
        code, status = _THROTTLED.get(service, ("ThrottlingException", 400))
        return code, status, "Rate exceeded (injected fault)"
    # Step Functions names the error after the code, and state machines retry by that name.
    code = rule.code or ("ServiceException" if service == "lambda" else "InternalFailure")
    return code, rule.status, rule.message or "Internal failure (injected fault)"
