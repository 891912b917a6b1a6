"""Whether to ask for a larger quota, and how large: arithmetic and rules, no calls.

Quotas and values are requests a second.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

OPEN = frozenset({"PENDING", "CASE_OPENED"})


class Limits(NamedTuple):
    """How far the function may go."""

    multiplier: float
    maximum: float
    cooldown: timedelta


class Decision(NamedTuple):
    """What to do: `outcome` is "request" or a reason for asking nothing; `desired` only with "request"."""

    outcome: str
    message: str
    desired: float | None = None


def utilisation(calls: float, period_seconds: float, quota: float) -> float:
    """Percent of a quota that `calls` within a period use: what the alarms compute by metric math."""
    return calls / (quota * period_seconds) * 100


def desired_value(value: float, limits: Limits) -> float:
    """The applied value times the multiplier, in whole requests a second, at most the maximum."""
    return float(min(math.ceil(round(value * limits.multiplier, 6)), limits.maximum))


def decide(quota: Mapping[str, Any], history: Iterable[Mapping[str, Any]], limits: Limits, now: datetime) -> Decision:
    """From a ServiceQuota and all RequestedServiceQuotaChange of it."""
    name, value = quota["QuotaName"], quota["Value"]
    if not quota.get("Adjustable", False):
        return Decision("not_adjustable", f"{name} cannot be raised; spread the calls or cache data keys.")
    requests = list(history)
    waiting = next((r for r in requests if r["Status"] in OPEN), None)
    if waiting:
        return Decision(
            "already_requested",
            f"{name} has the open request {waiting['Id']} for {waiting['DesiredValue']:g} ({waiting['Status']}).",
        )
    newest = max((_time(r) for r in requests), default=None)
    if newest is not None and now - newest < limits.cooldown:
        return Decision(
            "cooling_down",
            f"A request for {name} was closed or changed at {newest:%Y-%m-%d %H:%M} UTC; the next one may follow "
            f"{limits.cooldown} after that.",
        )
    desired = desired_value(value, limits)
    if desired <= value:
        return Decision(
            "at_maximum",
            f"{name} is {value:g} and may be raised to {limits.maximum:g} at most; raise the maximum, or spread the "
            "calls or cache data keys.",
        )
    return Decision("request", f"{name} from {value:g} to {desired:g} requests a second.", desired)


def _time(request: Mapping[str, Any]) -> datetime:
    stamp = request.get("LastUpdated") or request["Created"]
    made = stamp if isinstance(stamp, datetime) else datetime.fromtimestamp(float(stamp), UTC)
    return made if made.tzinfo else made.replace(tzinfo=UTC)
