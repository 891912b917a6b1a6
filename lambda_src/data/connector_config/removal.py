"""Which plugins and worker configurations may be removed. Plain values, no AWS."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

DECLARED, IN_USE, OUT_OF_SCOPE, BUSY, UNREAD = "declared", "in_use", "out_of_scope", "busy", "unread"
HELD, UNUSED, WAITING, DUE = "held", "unused", "waiting", "due"
WOULD_REMOVE, REMOVED, REFUSED = "would_remove", "removed", "refused"
COUNTING = (HELD, UNREAD, WAITING, DUE, WOULD_REMOVE, REFUSED)
"""Decisions that keep the time since when something is unused."""
READY = ("ACTIVE", "CREATE_FAILED", "UPDATE_FAILED")
"""States in which something can be deleted."""


@dataclass(frozen=True)
class Policy:
    """What may be removed: `mode` is off, dry_run or remove."""

    mode: str
    name_prefix: str
    tags: Mapping[str, str] = field(default_factory=dict)
    grace: timedelta = timedelta(days=14)

    def covers(self, row: Mapping[str, Any]) -> bool:
        """Return true if a resource has the prefix and all tags."""
        tags = row.get("tags") or {}
        return str(row["name"]).startswith(self.name_prefix) and all(tags.get(k) == v for k, v in self.tags.items())


def decide(
    row: Mapping[str, Any],
    declared: Collection[str],
    before: Mapping[str, Any],
    policy: Policy,
    now: datetime,
    *,
    all_read: bool,
) -> dict[str, str]:
    """Return the `decision` about a resource and, while it counts, `unused_since` and `remove_after`.

    `row` has `arn`, `name`, `state`, `used_by` and `tags` (None if unknown); `before` is its row of the previous
    report. Without `all_read`, a connector that could not be read may use it: nothing is removed.
    """
    if row["used_by"]:
        return {"decision": IN_USE}
    if row["arn"] in declared:
        return {"decision": DECLARED}
    if row["state"] not in READY:
        return {"decision": BUSY}
    if policy.mode == "off":
        return {"decision": UNUSED}
    unknown = bool(policy.tags) and row.get("tags") is None
    if not unknown and not policy.covers(row):
        return {"decision": OUT_OF_SCOPE}
    if unknown and "unused_since" not in before:
        return {"decision": UNREAD}
    since = _since(before, now)
    ends = since + policy.grace
    counted = {"unused_since": since.isoformat(timespec="seconds"), "remove_after": ends.isoformat(timespec="seconds")}
    if unknown or not all_read:
        return {"decision": UNREAD if unknown else HELD, **counted}
    return {"decision": WAITING if now < ends else WOULD_REMOVE if policy.mode == "dry_run" else DUE, **counted}


def _since(before: Mapping[str, Any], now: datetime) -> datetime:
    """Return when something was first seen unused. A time that cannot be is no evidence: counting starts again."""
    try:
        since = datetime.fromisoformat(before["unused_since"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return now
    return since if before.get("decision") in COUNTING and since <= now else now
