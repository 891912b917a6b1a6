"""Rows and totals of the evidence report, as CSV and JSON. Times are in UTC (RFC 3339), costs are per month."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from . import cost, keys
from .inventory import Key
from .policy import Policy, Verdict, judge

COLUMNS = (
    "key_id",
    "arn",
    "aliases",
    "description",
    "kind",
    "kind_explained",
    "state",
    "state_explained",
    "key_spec",
    "origin",
    "multi_region",
    "created_at",
    "deletion_at",
    "rotation_enabled",
    "rotation_period_days",
    "next_rotation_at",
    "on_demand_in_progress_since",
    "last_rotation_at",
    "last_rotation_type",
    "material_age_days",
    "automatic_rotations",
    "on_demand_rotations",
    "on_demand_remaining",
    "policy_status",
    "policy_reason",
    "policy_explained",
    "requirement_met",
    "monthly_cost",
    "next_rotation_adds_monthly",
    "next_year_cost",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def row(key: Key, policy: Policy, quota: int, price: float, now: datetime) -> dict[str, Any]:
    """Return the evidence for one key: its state in KMS, the explanation, the policy's verdict, and the cost."""
    data = key.metadata
    made: dict[str, Any] = dict.fromkeys(COLUMNS)
    made.update(key_id=key.key_id, arn=key.arn, aliases=list(key.aliases))
    if data:
        kind, billed = keys.kind(data), data["KeyState"] not in keys.DELETING
        made.update(
            description=data.get("Description", ""),
            kind=kind,
            kind_explained=keys.KINDS[kind],
            state=data["KeyState"],
            state_explained=keys.STATES.get(data["KeyState"], "This state is unknown to the report."),
            key_spec=data.get("KeySpec"),
            origin=data.get("Origin"),
            multi_region=keys.multi_region(data),
            created_at=_time(data.get("CreationDate")),
            deletion_at=_time(data.get("DeletionDate")),
            monthly_cost=cost.monthly(0, price, billed=billed),
            next_year_cost=cost.next_year(0, price, None, None, now) if billed else 0.0,
        )
    age = keys.material_age(data, key.rotations, now) if data else None
    verdict = _verdict(key, policy, age)
    made.update(policy_status=verdict.status, policy_reason=verdict.reason, policy_explained=verdict.explanation)
    if key.status is not None:
        made.update(_rotation(key, quota, price, now))
        made["material_age_days"] = None if age is None else age.days
        required = judge(Policy("require", policy.max_period_days), data, (), key.status, age)
        made["requirement_met"] = None if required.status == "not_applicable" else required.status == "in_policy"
    return made


def _verdict(key: Key, policy: Policy, age: timedelta | None) -> Verdict:
    if key.problem == "access_denied":
        return Verdict(
            "unreadable",
            "access_denied",
            f"The key policy does not allow the report function {key.failed}. Allow access through IAM policies "
            "(principal: the account's root), or add the function's role to the key policy.",
        )
    if key.problem:
        return Verdict("unreadable", key.problem, f"KMS refuses {key.failed} for this key: {key.problem}.")
    return judge(policy, key.metadata, key.aliases, key.status, age)


def _rotation(key: Key, quota: int, price: float, now: datetime) -> dict[str, Any]:
    status = key.status or {}
    types = Counter(r.get("RotationType") for r in key.rotations)
    done = types["AUTOMATIC"] + types["ON_DEMAND"]
    last = max((r for r in key.rotations if r.get("RotationDate")), key=lambda r: r["RotationDate"], default=None)
    # A disabled key still has a schedule, but does not rotate.
    following = status.get("NextRotationDate") if key.metadata["KeyState"] == "Enabled" else None
    return {
        "rotation_enabled": bool(status.get("KeyRotationEnabled")),
        "rotation_period_days": status.get("RotationPeriodInDays"),
        "next_rotation_at": _time(following),
        "on_demand_in_progress_since": _time(status.get("OnDemandRotationStartDate")),
        "last_rotation_at": _time(last["RotationDate"]) if last else None,
        "last_rotation_type": last["RotationType"] if last else None,
        "automatic_rotations": types["AUTOMATIC"],
        "on_demand_rotations": types["ON_DEMAND"],
        "on_demand_remaining": max(0, quota - types["ON_DEMAND"]),
        "monthly_cost": cost.monthly(done, price),
        "next_rotation_adds_monthly": cost.of_next_rotation(done, price),
        "next_year_cost": round(cost.next_year(done, price, following, status.get("RotationPeriodInDays"), now), 2),
    }


def report(found: Iterable[Key], policy: Policy, quota: int, price: float, now: datetime) -> dict[str, Any]:
    """Return the whole report: {"generated_at", "policy", "summary", "keys": rows of customer keys}."""
    found = list(found)
    customers = [key for key in found if key.problem not in ("aws_managed", "vanished")]
    rows = [row(key, policy, quota, price, now) for key in customers]
    return {
        "generated_at": _time(now),
        "policy": {
            "mode": policy.mode,
            "max_period_days": policy.max_period_days,
            "min_period_days": policy.min_period_days,
            "exempt": sorted(policy.exempt),
        },
        "summary": {
            "keys_listed": len(found),
            "customer_keys": len(rows),
            "aws_managed_keys": sum(key.problem == "aws_managed" for key in found),
            "vanished_meanwhile": sum(key.problem == "vanished" for key in found),
            "by_policy_status": dict(sorted(Counter(r["policy_status"] for r in rows).items())),
            "by_state": dict(sorted(Counter(r["state"] or "unknown" for r in rows).items())),
            "by_kind": dict(sorted(Counter(r["kind"] or "unknown" for r in rows).items())),
            "monthly_cost": round(sum(r["monthly_cost"] or 0 for r in rows), 2),
            "monthly_cost_of_rotations": round(sum(_of_rotations(r, price) for r in rows), 2),
            "next_year_cost": round(sum(r["next_year_cost"] or 0 for r in rows), 2),
        },
        "keys": rows,
    }


def _of_rotations(made: dict[str, Any], price: float) -> float:
    return max(0.0, float(made["monthly_cost"] or 0) - price)


def to_json(whole: dict[str, Any]) -> bytes:
    """Return the report as one JSON document."""
    return json.dumps(whole, indent=1, ensure_ascii=False).encode() + b"\n"


def to_csv(rows: Iterable[dict[str, Any]]) -> bytes:
    """Return the CSV, one line per key. Text that a spreadsheet would read as a formula gets a leading apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for made in rows:
        writer.writerow([_cell(made[column]) for column in COLUMNS])
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        value = " ".join(value)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
