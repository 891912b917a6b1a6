"""Faults and quotas at the gateway: per principal, service and operation, by rate or by count.

Whether a call is hit follows from the seed, the rule, the caller, the operation and how many calls of it that caller
has made: the same in every run, whatever other callers do meanwhile, so that a red run can be repeated.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import re
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
_SESSION = re.compile(r"(arn:[^:]*:sts::\d*:assumed-role/.+)/[^/]*")


@dataclasses.dataclass(frozen=True)
class Rule:
    """One fault: whose calls, which, how often, what happens.

    `principal` must occur in the caller's ARN, and must be given: a fault belongs to the principals of one capability.
    `service` and `operation` are the IAM names ("s3", "PutObject"); "*" matches all. `rate` is the share of matching
    calls hit (0 to 1). `skip` lets that many of a caller's matching calls pass first; `count` ends the rule for a
    caller after so many hits. Kinds: throttle (the service's own throttling error), error (`code`, `status`,
    `message`), reset (connection closed half-way), timeout (no answer for `seconds`), kill (the calling function's
    process is killed), quota (`per_second` calls with `burst`, throttled beyond; one for all callers of the rule, as an
    account's quota is), latency (`seconds` more). A quota depends on the clock, all other kinds on the number of calls.
    """

    principal: str
    service: str = "*"
    operation: str = "*"
    kind: Kind = "throttle"
    rate: float = 1.0
    count: int | None = None
    skip: int = 0
    code: str = ""
    status: int = 500
    message: str = ""
    seconds: float = 0.0
    per_second: float = 0.0
    burst: float = 1.0
    after: bool = False
    """Let the engine do the work first, then fail the answer: what an at-least-once caller must survive."""

    def __post_init__(self) -> None:
        if not self.principal.strip():
            raise ValueError("A fault names its principal, which is a part of the caller's ARN such as a role's name.")

    def matches(self, service: str, operation: str, principal: str) -> bool:
        """Return true if the rule applies to such a call of this principal."""
        return self.service in ("*", service) and self.operation in ("*", operation) and self.principal in principal


def caller_of(principal: str) -> str:
    """Return who calls, the same in every session and process: a role without the session's name, any other ARN."""
    session = _SESSION.fullmatch(principal)
    return session[1] if session else principal


def share(seed: int, rule: int, caller: str, call: str, nth: int) -> float:
    """Return a number from 0 to 1 that is evenly distributed and always the same for the same arguments."""
    text = f"{seed} {rule} {caller} {call} {nth}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) / 2**64


class Block:
    """The rules of one `with cloud.faults(...)` block, and what they have counted."""

    def __init__(self, rules: list[Rule], seed: int) -> None:
        self._rules, self._seed = rules, seed
        self._calls: collections.Counter[tuple[str, str]] = collections.Counter()  # by caller and operation
        self._passed: collections.Counter[tuple[int, str]] = collections.Counter()  # by rule and caller
        self._hits: collections.Counter[tuple[int, str]] = collections.Counter()
        self._tokens = {number: (rule.burst, time.monotonic()) for number, rule in enumerate(rules)}

    def hit(self, service: str, operation: str, principal: str) -> Rule | None:
        """Return the first rule that this call runs into, or None; counts the call."""
        matching = [(n, rule) for n, rule in enumerate(self._rules) if rule.matches(service, operation, principal)]
        if not matching:
            return None
        caller, call = caller_of(principal), f"{service}:{operation}"
        self._calls[caller, call] += 1
        return next((rule for number, rule in matching if self._hits_by(number, rule, caller, call)), None)

    def _hits_by(self, number: int, rule: Rule, caller: str, call: str) -> bool:
        if rule.count is not None and self._hits[number, caller] >= rule.count:
            return False
        if self._passed[number, caller] < rule.skip:
            self._passed[number, caller] += 1
            return False
        if rule.kind == "quota":
            if self._granted(number, rule):
                return False
        elif share(self._seed, number, caller, call, self._calls[caller, call]) >= rule.rate:
            return False
        self._hits[number, caller] += 1
        return True

    def _granted(self, number: int, rule: Rule) -> bool:
        """Return true, and count the call, if the quota of a rule has room for one more."""
        tokens, at = self._tokens[number]
        now = time.monotonic()
        tokens = min(rule.burst, tokens + (now - at) * rule.per_second)
        granted = tokens >= 1
        self._tokens[number] = (tokens - granted, now)
        return granted


class Faults:
    """The active blocks of rules, by their id; the newest block with a rule that hits decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: dict[str, Block] = {}

    def begin(self, block: str, rules: list[dict[str, Any]], seed: int = 0) -> None:
        """Make rules active until `end`. Raise TypeError for an unknown field, ValueError for an invalid rule."""
        made = Block([Rule(**rule) for rule in rules], seed)
        with self._lock:
            if block in self._blocks:
                raise ValueError(f"The faults {block} are active already.")
            self._blocks[block] = made

    def end(self, block: str) -> None:
        """End the rules of a block. Those of other blocks stay active."""
        with self._lock:
            self._blocks.pop(block, None)

    def hit(self, service: str, operation: str, principal: str) -> Rule | None:
        """Return the rule that this call runs into, or None."""
        with self._lock:
            hits = (block.hit(service, operation, principal) for block in reversed(self._blocks.values()))
            return next((rule for rule in hits if rule), None)


def error_of(rule: Rule, service: str) -> tuple[str, int, str]:
    """Return code, status and message of the error that `rule` answers with for `service`."""
    if rule.kind in ("throttle", "quota"):
        code, status = _THROTTLED.get(service, ("ThrottlingException", 400))
        return code, status, "Rate exceeded (injected fault)"
    # Step Functions names the error after the code, and state machines retry by that name.
    code = rule.code or ("ServiceException" if service == "lambda" else "InternalFailure")
    return code, rule.status, rule.message or "Internal failure (injected fault)"
