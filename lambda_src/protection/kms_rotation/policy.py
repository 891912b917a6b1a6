"""The organisation's rotation policy: `require` serves compliance, `limit` serves cost.

require: every key that can rotate automatically does so at least every `max_period_days`, and its material is not
older: a key that is five years old stays out of policy after rotation was enabled, until it has rotated.
limit:   no key rotates automatically, or none more often than every `min_period_days`, because rotation of KMS keys
adds no security by itself, and the first two rotations cost money.
Exempt keys (by ID, ARN or alias) are in policy in both modes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from . import keys

MODES = ("require", "limit")
GRACE = timedelta(days=3)
"""KMS rotates on the date it announces; this is the time in which a report does not call a rotation late."""


@dataclass(frozen=True)
class Policy:
    """Mode and limits, with periods in days. `min_period_days` None: no automatic rotation at all in mode limit."""

    mode: str = "require"
    max_period_days: int = 365
    min_period_days: int | None = None
    exempt: Collection[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"POLICY.mode must be one of {', '.join(MODES)}")


@dataclass(frozen=True)
class Verdict:
    """A verdict. `status` is in_policy, out_of_policy, exempt or not_applicable; `explanation` is a sentence."""

    status: str
    reason: str
    explanation: str


def judge(
    policy: Policy,
    metadata: Mapping[str, Any],
    aliases: Collection[str],
    status: Mapping[str, Any] | None,
    age: timedelta | None,
) -> Verdict:
    """Judge a key by DescribeKey's metadata, its aliases, GetKeyRotationStatus and the age of its material.

    `status` is None if KMS has none for such a key, and `age` is None if it cannot be known here.
    """
    kind, state = keys.kind(metadata), metadata["KeyState"]
    if kind != "symmetric":
        return Verdict("not_applicable", kind, keys.KINDS[kind])
    if state in keys.DELETING:
        return Verdict("not_applicable", state, keys.STATES[state])
    if {metadata["KeyId"], metadata["Arn"], *aliases} & set(policy.exempt):
        return Verdict("exempt", "exempt", "The key is exempt from the policy.")
    enabled = bool(status and status.get("KeyRotationEnabled"))
    period = int((status or {}).get("RotationPeriodInDays", 365)) if enabled else None
    if policy.mode == "limit":
        return _limit(policy, period)
    verdict = _require(policy, period)
    return verdict if verdict.status == "out_of_policy" else _material(policy, verdict, metadata, age)


def _material(policy: Policy, verdict: Verdict, metadata: Mapping[str, Any], age: timedelta | None) -> Verdict:
    """Return the verdict on a key that rotates as required, with what its material's age adds."""
    if age is None:
        primary = keys.primary_arn(metadata)
        return Verdict(
            verdict.status,
            verdict.reason,
            f"{verdict.explanation} The age of its material is that of its primary key: {primary}.",
        )
    if age <= timedelta(days=policy.max_period_days) + GRACE:
        return verdict
    old = f"Its material is {age.days} days old, since the key has not rotated in that time"
    if metadata["KeyState"] != "Enabled":  # it encrypts nothing, and KMS makes up for the rotation
        return Verdict(verdict.status, verdict.reason, f"{verdict.explanation} {old}: it is {metadata['KeyState']}.")
    return Verdict(
        "out_of_policy",
        "overdue",
        f"{verdict.explanation} {old}; {policy.max_period_days} or less are required. Rotate it on demand, or wait for "
        "its next date.",
    )


def _require(policy: Policy, period: int | None) -> Verdict:
    if period is None:
        return Verdict(
            "out_of_policy", "rotation_off", f"Rotation is off; {policy.max_period_days} days or less are required."
        )
    if period > policy.max_period_days:
        return Verdict(
            "out_of_policy",
            "period_too_long",
            f"Rotates every {period} days; {policy.max_period_days} or less are required.",
        )
    return Verdict("in_policy", "rotates", f"Rotates every {period} days.")


def _limit(policy: Policy, period: int | None) -> Verdict:
    if period is None:
        return Verdict("in_policy", "rotation_off", "Rotation is off, in accordance with the policy.")
    if policy.min_period_days is None:
        return Verdict("out_of_policy", "rotation_on", "Rotates automatically, and is not exempt from the policy.")
    if period < policy.min_period_days:
        return Verdict(
            "out_of_policy",
            "period_too_short",
            f"Rotates every {period} days; {policy.min_period_days} or more are required.",
        )
    return Verdict("in_policy", "rotates", f"Rotates every {period} days.")
