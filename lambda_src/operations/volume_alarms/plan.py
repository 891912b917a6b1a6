"""Decide which alarms an instance must have. Pure: rows, alarms and the instance in, a plan out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from . import alarms, metrics
from .alarms import Alarm
from .metrics import FREE_BYTES, FREE_MEGABYTES, FREE_PERCENT, TOTAL_BYTES, USED_PERCENT, Ignored, Row

LAG = timedelta(minutes=30)
"""Time after a start without metrics that is no reason to report the instance: the agent starts, CloudWatch lags."""
SAME_TIME = timedelta(minutes=5)
"""Newest values in periods that are closer than this are of the same time: both rows are published."""
MARGIN = 0.02
"""A drive changes its tier when its size is beyond the limit by more than this part of it."""
GONE_STATES = frozenset({"shutting-down", "terminated"})


@dataclass(frozen=True)
class Tier:
    """Thresholds of drives up to a size: free space in percent, or in megabytes (MiB)."""

    unit: str
    warning: float
    critical: float
    up_to_gib: float | None = None

    def free(self, severity: str) -> float:
        """Return the free space below which the alarm of this severity is raised."""
        return self.warning if severity == "warning" else self.critical


@dataclass(frozen=True)
class Policy:
    """What the module's variables decide."""

    prefix: str
    tiers: Sequence[Tier]
    actions: Mapping[str, tuple[str, ...]]
    ignored: Ignored = field(default_factory=Ignored)
    names: Sequence[str] = ("*",)
    tags: Mapping[str, str] = field(default_factory=dict)
    period: int = 300
    evaluation_periods: int = 1
    missing: str = "missing"
    gone_after: timedelta = timedelta(hours=24)

    def selects(self, instance: "Instance") -> bool:
        """Return true if the instance is to have alarms."""
        tagged = all(instance.tags.get(key) == value for key, value in self.tags.items())
        return tagged and metrics.matches(instance.tags.get("Name", ""), self.names)


@dataclass(frozen=True)
class Instance:
    """An instance, as EC2 describes it. `launched`: its last start."""

    id: str
    state: str
    launched: datetime
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "Instance":
        """Return an instance of DescribeInstances."""
        tags = {tag["Key"]: tag.get("Value", "") for tag in described.get("Tags") or ()}
        return cls(described["InstanceId"], described["State"]["Name"], described["LaunchTime"], tags)


@dataclass
class Plan:
    """What to write and to delete, and what is left as it is."""

    put: list[Alarm] = field(default_factory=list)
    unchanged: int = 0
    delete: dict[str, str] = field(default_factory=dict)
    """Names, with the reason."""
    kept: int = 0
    """Alarms of drives without recent data that may come back."""
    drives: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    coverage: str = "with_metrics"
    """with_metrics, without_metrics, waiting (just started), not_running, not_selected or gone."""


def silent(present: Iterable[Alarm], rows: Iterable[Row]) -> list[Alarm]:
    """Return the alarms whose drive has no recent values: their last values decide whether the drive is gone."""
    alive = {row.drive for row in rows if row.seen}
    return [alarm for alarm in present if alarm.drive not in alive]


def plan(
    instance: Instance | None,
    rows: Sequence[Row],
    present: Sequence[Alarm],
    last: Mapping[str, datetime | None],
    policy: Policy,
    now: datetime,
) -> Plan:
    """Return the plan for one instance; None for one that EC2 does not know.

    `rows` have their newest values; `last` has, by name, when the metric of a `silent` alarm had its last value.
    """
    made = Plan()
    if instance is None or instance.state in GONE_STATES or not policy.selects(instance):
        selected = instance is None or instance.state in GONE_STATES
        made.coverage = "gone" if selected else "not_selected"
        made.delete = dict.fromkeys((a.name for a in present), "instance_terminated" if selected else "not_selected")
        return made
    if instance.state != "running":
        made.coverage, made.kept = "not_running", len(present)
        return made
    alive: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        reason = policy.ignored.reason(dict(row.dimensions))
        if reason or not row.seen:
            made.skipped[reason or "no_recent_data"] += 1
        else:
            alive[row.drive].append(row)
    by_name = {alarm.name: alarm for alarm in present}
    if not alive:
        made.coverage = "without_metrics" if now - instance.launched > LAG else "waiting"
    settled = set[str]()
    for drive in sorted(alive):
        settled |= _drive(made, instance, alive[drive], by_name, policy)
    running_long = now - instance.launched > policy.gone_after
    for alarm in present:
        if alarm.name in settled:
            continue
        if reason := _obsolete(alarm, policy, alive, last, running_long=running_long, now=now):
            made.delete[alarm.name] = reason
        else:
            made.kept += 1
    return made


def _drive(made: Plan, instance: Instance, rows: list[Row], by_name: Mapping[str, Alarm], policy: Policy) -> set[str]:
    """Add one drive's alarms to the plan. Return the names of the alarms that it settles."""
    names = {each: alarms.name(policy.prefix, instance.id, rows[0].drive, each) for each in alarms.SEVERITIES}
    present = {each: by_name.get(name) for each, name in names.items()}
    row = freshest(rows, {(one.namespace, one.dimensions) for one in present.values() if one})
    wanted = _wanted(instance, row, names, present, policy)
    if not wanted:
        made.skipped["no_usable_metric"] += 1
        made.kept += sum(each is not None for each in present.values())
        return set(names.values())
    made.drives += 1
    for severity, alarm in wanted.items():
        if alarm.differs(present[severity]):
            made.put.append(alarm)
        else:
            made.unchanged += 1
    return set(names.values())


def _obsolete(
    alarm: Alarm,
    policy: Policy,
    alive: Mapping[str, list[Row]],
    last: Mapping[str, datetime | None],
    *,
    running_long: bool,
    now: datetime,
) -> str:
    """Return why an alarm that no row accounts for must go, or "" if its drive may come back."""
    if not alarm.drive:
        return "unknown_drive"
    if policy.ignored.reason(dict(alarm.dimensions)):
        return "ignored"
    if alarm.drive in alive:
        return "renamed"
    # Only an instance that publishes other drives, and has been running all the time, shows that this one is gone.
    seen = last.get(alarm.name)
    if alive and running_long and alarm.name in last and (seen is None or now - seen > policy.gone_after):
        return "drive_gone"
    return ""


def freshest(rows: Sequence[Row], used: set[tuple[str, metrics.Dimensions]]) -> Row:
    """Return the row to watch of those of one drive.

    A device's name changes at a restart or when a volume is attached again: the row with newer values is the drive's.
    Of rows that are published at the same time, one that has an alarm stays, or else the most specific is chosen.
    """
    newest = max(row.seen for row in rows if row.seen)
    current = [row for row in rows if row.seen and newest - row.seen < SAME_TIME]
    return min(
        current, key=lambda r: ((r.namespace, r.dimensions) not in used, -len(r.dimensions), r.namespace, r.dimensions)
    )


def _wanted(
    instance: Instance, row: Row, names: Mapping[str, str], present: Mapping[str, Alarm | None], policy: Policy
) -> dict[str, Alarm]:
    """Return a row's alarms by severity, of the tier of its size; empty if its metrics suffice for no tier."""
    right = candidates(policy.tiers, row.size_gib)
    # A tier whose metric is not published gives way to one whose metric is.
    for tiers in (right, [tier for tier in policy.tiers if tier not in right]):
        options = [
            {
                each: alarm
                for each in alarms.SEVERITIES
                if (alarm := _alarm(instance, row, tier, each, names[each], policy))
            }
            for tier in tiers
        ]
        usable = [made for made in options if made]
        # A drive whose size is near a limit, or unknown because it is full, keeps the tier that it has.
        kept = [made for made in usable if all(_same_test(made[each], present[each]) for each in made)]
        if usable:
            return (kept or usable)[0]
    return {}


def _same_test(one: Alarm, other: Alarm | None) -> bool:
    return other is not None and (one.metric, one.threshold) == (other.metric, other.threshold)


def candidates(tiers: Sequence[Tier], size: float | None) -> list[Tier]:
    """Return the tiers that a size can have, the right one first; all of them for an unknown size."""
    if size is None:
        return list(tiers)
    limits = [tier.up_to_gib if tier.up_to_gib is not None else float("inf") for tier in tiers]
    right = next(index for index, limit in enumerate(limits) if size <= limit)
    near = [
        index
        for index in (right - 1, right + 1)
        if 0 <= index < len(tiers) and abs(size / limits[min(index, right)] - 1) <= MARGIN
    ]
    return [tiers[index] for index in (right, *near)]


def _alarm(instance: Instance, row: Row, tier: Tier, severity: str, name: str, policy: Policy) -> Alarm | None:
    test = threshold(row, tier.unit, tier.free(severity))
    if test is None:
        return None
    kind, comparison, limit = test
    unit = "%" if tier.unit == "percent" else "MB"
    called = f"{instance.tags['Name'][:200]} ({instance.id})" if instance.tags.get("Name") else instance.id
    limits = f"less than {tier.free(severity):g} {unit} free"
    return Alarm(
        name=name,
        description=f"{severity.capitalize()}: {row.drive[:300]} of {called} has {limits}.",
        namespace=row.namespace,
        metric=row.names[kind],
        dimensions=row.dimensions,
        comparison=comparison,
        threshold=limit,
        period=policy.period,
        evaluation_periods=policy.evaluation_periods,
        missing=policy.missing,
        actions=policy.actions[severity],
    )


def threshold(row: Row, unit: str, free: float) -> tuple[str, str, float] | None:
    """Return (kind of metric, comparison, threshold) that is true when less than `free` is free; None without one.

    Only metrics with values count: one that is listed and no longer published would never raise the alarm.
    """
    below, above = "LessThanThreshold", "GreaterThanThreshold"
    total = row.points[TOTAL_BYTES].value if TOTAL_BYTES in row.points else 0.0
    options: dict[str, tuple[str, float]] = {}
    if unit == "percent":
        options = {FREE_PERCENT: (below, free), USED_PERCENT: (above, round(100 - free, 6))}
        if total > 0:
            options[FREE_BYTES] = below, round(total * free / 100)
    else:
        options = {FREE_MEGABYTES: (below, free), FREE_BYTES: (below, free * 1024**2)}
        if total > 0:
            options[USED_PERCENT] = above, max(0.0, round(100 - 100 * free * 1024**2 / total, 1))
    return next(((kind, *options[kind]) for kind in options if kind in row.points), None)
