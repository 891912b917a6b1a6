"""Decide whether to request a larger quota, and how large. This module makes no API calls.

Quotas and values are in requests per second.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

OPEN = frozenset({"PENDING", "CASE_OPENED"})
INVALID = "INVALID_REQUEST"
"""The status of a request that Service Quotas did not take, so that AWS made no decision on it."""


class Limits(NamedTuple):
    """Limits for quota requests."""

    multiplier: float
    maximum: float
    cooldown: timedelta


class Decision(NamedTuple):
    """A decision. `outcome` is "request" or the reason for no request; `desired` is set for "request" only."""

    outcome: str
    message: str
    desired: float | None = None


def utilisation(calls: float, period_seconds: float, quota: float) -> float:
    """Return the percentage of a quota that `calls` within a period use, as the alarms' metric math computes it."""
    return calls / (quota * period_seconds) * 100


def desired_value(value: float, limits: Limits) -> float:
    """Return the applied value times the multiplier, rounded up to whole requests per second, at most the maximum."""
    return float(min(math.ceil(round(value * limits.multiplier, 6)), limits.maximum))


def decide(quota: Mapping[str, Any], history: Iterable[Mapping[str, Any]], limits: Limits, now: datetime) -> Decision:
    """Decide from a ServiceQuota and all its RequestedServiceQuotaChange objects."""
    name, value = quota["QuotaName"], quota["Value"]
    if not quota.get("Adjustable", False):
        return Decision("not_adjustable", f"{name} is not adjustable. Spread the calls over time or cache data keys.")
    requests = list(history)
    waiting = next((r for r in requests if r["Status"] in OPEN), None)
    if waiting:
        return Decision(
            "already_requested",
            f"{name} has the open request {waiting['Id']} for {waiting['DesiredValue']:g} ({waiting['Status']}).",
        )
    newest = max((_time(r) for r in requests if r["Status"] != INVALID), default=None)
    if newest is not None and now - newest < limits.cooldown:
        return Decision(
            "cooling_down",
            f"The last request for {name} changed at {newest:%Y-%m-%d %H:%M} UTC. The next request is possible "
            f"{limits.cooldown} later.",
        )
    desired = desired_value(value, limits)
    if desired <= value:
        return Decision(
            "at_maximum",
            f"{name} is {value:g}, and the maximum is {limits.maximum:g}. Raise the maximum, spread the calls over "
            "time, or cache data keys.",
        )
    invalid = [r for r in requests if r["Status"] == INVALID and r["DesiredValue"] == desired]
    if any(now - _time(r) < limits.cooldown for r in invalid):
        return Decision("refused", f"Service Quotas found a request for {desired:g} invalid; ask AWS Support why.")
    return Decision("request", f"{name} from {value:g} to {desired:g} requests per second.", desired)


def _time(request: Mapping[str, Any]) -> datetime:
    stamp = request.get("LastUpdated") or request["Created"]
    made = stamp if isinstance(stamp, datetime) else datetime.fromtimestamp(float(stamp), UTC)
    return made if made.tzinfo else made.replace(tzinfo=UTC)
