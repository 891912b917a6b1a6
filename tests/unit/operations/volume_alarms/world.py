"""Rows, alarms and instances for tests: drives as the agents of Windows and Linux publish them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.volume_alarms.alarms import Alarm
from operations.volume_alarms.metrics import Ignored, Point, Row
from operations.volume_alarms.plan import Instance, Plan, Policy, Tier, plan, silent

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ID = "i-0123456789abcdef0"
PREFIX = "test-volume-alarms."
GIB = 1024**3
TIERS = [Tier("percent", 20, 10, up_to_gib=100), Tier("megabytes", 20480, 10240)]
IGNORED = Ignored(
    file_systems=frozenset({"squashfs", "overlay", "tmpfs", "nfs4"}), drives=("_Total", "/run/*"), included=()
)
POLICY = Policy(PREFIX, TIERS, {"warning": ("arn:warn",), "critical": ("arn:crit", "arn:page")}, IGNORED)
KINDS = {
    "FreeStorageSpaceInPercent": "free_percent",
    "FreeStorageSpaceInMB": "free_megabytes",
    "disk_used_percent": "used_percent",
    "disk_free": "free_bytes",
    "disk_total": "total_bytes",
}
NAMES = {kind: name for name, kind in KINDS.items()}


def row(dimensions: dict[str, str], ago: float | None = 1, **values: float) -> Row:
    """Return a row whose newest values are that many minutes old; None for a row without values."""
    at = NOW - timedelta(minutes=ago or 0)
    points = {kind: Point(at, value) for kind, value in values.items()} if ago is not None else {}
    named = tuple(sorted({"InstanceId": ID, **dimensions}.items()))
    return Row("CWAgent", named, {kind: NAMES[kind] for kind in values}, points)


def windows(drive: str, gib: float = 50, free: float = 50, ago: float | None = 1, **more: str) -> Row:
    """Return a drive of Windows."""
    values = {"free_percent": free, "free_megabytes": gib * 1024 * free / 100}
    return row({"instance": drive, "objectname": "LogicalDisk", **more}, ago, **values)


def linux(path: str, gib: float = 50, used: float = 50, ago: float | None = 1, **more: str) -> Row:
    """Return a mount point of Linux."""
    values = {"used_percent": used, "free_bytes": gib * GIB * (100 - used) / 100, "total_bytes": gib * GIB}
    return row({"path": path, "fstype": "xfs", **more}, ago, **values)


def instance(state: str = "running", hours: float = 100, **tags: str) -> Instance:
    """Return the instance of these rows, started that many hours ago."""
    return Instance(ID, state, NOW - timedelta(hours=hours), {"Name": "web 1", **tags})


def planned(
    rows: list[Row],
    present: list[Alarm] | None = None,
    *,
    found: Instance | None = None,
    policy: Policy = POLICY,
    last: dict[str, Any] | None = None,
    unknown: bool = False,
) -> Plan:
    """Return the plan; drives without rows had their last value never unless `last` says when, by drive."""
    there = present or []
    seen = {alarm.name: (last or {}).get(alarm.drive) for alarm in silent(there, rows)}
    return plan(None if unknown else found or instance(), rows, there, seen, policy, NOW)


def applied(made: Plan, present: list[Alarm] | None = None) -> list[Alarm]:
    """Return the alarms after a plan was carried out."""
    kept = {alarm.name: alarm for alarm in present or [] if alarm.name not in made.delete}
    return list((kept | {alarm.name: alarm for alarm in made.put}).values())


def as_described(alarm: Alarm, **changed: Any) -> dict[str, Any]:
    """Return an alarm as DescribeAlarms does."""
    arguments = replace(alarm).arguments(alarm.enabled, {})
    arguments.pop("Tags")
    return {**arguments, "InsufficientDataActions": [], "StateValue": "OK", **changed}
