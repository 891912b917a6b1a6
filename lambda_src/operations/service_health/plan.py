"""Decide which alarms the services must have. Pure: services and resources in, alarms out.

A service has up to two composite alarms, so that one incident pages once: `symptom` notifies the service's severity
when users notice something; `cause` is a warning, which stays quiet while `symptom` is raised, since it explains that.
Only these act. In a maintenance window the symptom's actions are suppressed and the cause is not raised; what still
fails when the window ends is notified then.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import alarms, checks
from .alarms import Alarm
from .checks import CAUSE, SYMPTOM, Check
from .resources import FUNCTION, Resource
from .settings import Service, Settings, Window

MAINTENANCE = "_maintenance"
"""Takes the place of a service in the names of the alarms of maintenance windows; no service's name begins so."""
NAMESPACE, METRIC = "Switchyard", "MaintenanceWindow"
"""The metric of which a schedule publishes one value when a window begins."""
NO_FUNCTION = "a heartbeat of no function of this service"
WAIT_SECONDS = 60
CAUSE_WAIT_SECONDS = 120


@dataclass
class Plan:
    """The alarms of one service, in the order in which they can be written, and what the report says of it."""

    service: str
    members: dict[str, list[Alarm]] = field(default_factory=lambda: {SYMPTOM: [], CAUSE: []})
    resources: list[Resource] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Why a resource has no alarms, by ARN."""
    kept: dict[str, str] = field(default_factory=dict)
    """Alarms of resources that could not be read, and their roles: they stay as they are."""

    @property
    def kinds(self) -> Counter[str]:
        """Return the number of resources of each kind."""
        return Counter(one.kind for one in self.resources)


def members(service: Service, found: Sequence[Resource], settings: Settings) -> Plan:
    """Return the plan with the metric alarms of a service."""
    made = Plan(service.name)
    for resource in sorted(set(found)):
        made.resources.append(resource)
        heartbeat = service.heartbeats.get(resource.arn, service.heartbeats.get(resource.name))
        for check in checks.of(resource, settings.checks, service.checks, heartbeat=heartbeat):
            made.members[check.role].append(alarms.member(settings.alarm_prefix, service.name, resource, check))
    functions = {one for r in found if r.kind == FUNCTION for one in (r.arn, r.name)}
    for name in sorted(set(service.heartbeats) - functions):
        made.skipped[name] = NO_FUNCTION
    for name, metric in sorted(service.metrics.items()):
        check, namespace, dimensions = business(name, metric)
        full = alarms.name_of(settings.alarm_prefix, service.name, "metric", name, name)
        description = f"{name}: {check.description}"
        made.members[check.role].append(
            alarms.metric_alarm(full, description, check, check.queries(namespace, dimensions))
        )
    return made


def business(name: str, metric: Mapping[str, Any]) -> tuple[Check, str, Mapping[str, str]]:
    """Return the check of a metric that the service itself publishes, with its namespace and dimensions."""
    limit = metric["threshold"]
    meaning = "the metric is not what it usually is" if limit is None else "the metric has reached {threshold}"
    made = Check(
        name,
        "",
        metric["role"],
        meaning,
        {"m1": (metric["metric"], metric["statistic"])},
        threshold=limit,
        period=metric["period_seconds"],
        datapoints=metric["datapoints"],
        periods=metric["evaluation_periods"],
        missing=metric["treat_missing_data"],
        comparison=metric["comparison"],
    )
    return made, metric["namespace"], metric["dimensions"]


def roles_of(service: Service, resource: Resource, settings: Settings) -> dict[str, str]:
    """Return the names of the alarms that a resource can have, with their roles."""
    return {
        alarms.name_of(settings.alarm_prefix, service.name, check.name, resource.name, resource.arn): check.role
        for check in checks.of(resource, settings.checks, service.checks)
    }


def windows(settings: Settings) -> list[Alarm]:
    """Return the alarms of the maintenance windows: raised from the value at the beginning, for so many minutes.

    The value leaves the alarm's evaluation range by itself: a window cannot stay open because something failed.
    """
    made = []
    for window in settings.windows.values():
        check = Check(
            window.name,
            "",
            CAUSE,
            "",
            {"m1": (METRIC, "Maximum")},
            periods=window.minutes,
        )
        made.append(
            alarms.metric_alarm(
                window_name(settings.alarm_prefix, window),
                f"Maintenance window {window.name}, {window.minutes} minutes: actions are suppressed",
                check,
                check.queries(NAMESPACE, window_dimensions(settings, window.name)),
            )
        )
    return made


def window_dimensions(settings: Settings, name: str) -> dict[str, str]:
    """Return the dimensions of a window's metric."""
    return {"stack": settings.alarm_prefix.rstrip("."), "window": name}


def window_name(prefix: str, window: Window) -> str:
    """Return the name of a window's alarm."""
    return f"{prefix}{MAINTENANCE} {window.name}"


def composites(service: Service, made: Plan, present: set[str], settings: Settings) -> list[Alarm]:
    """Return the composite alarms of a service in the order in which they can be written.

    A rule names only alarms that are `present`: CloudWatch refuses a rule for one that does not exist.
    """
    prefix = f"{settings.alarm_prefix}{service.name}"
    written: list[Alarm] = []
    quiet = suppressor(service, settings, present, written)
    raised = {
        role: [
            name
            for name in (*(alarm.name for alarm in made.members[role]), *(n for n, r in made.kept.items() if r == role))
            if name in present
        ]
        for role in (SYMPTOM, CAUSE)
    }
    rules = {role: _rule(f"{prefix} {role}", names, written) for role, names in raised.items()}
    symptom, cause = f"{prefix} symptom", f"{prefix} cause"
    if raised[SYMPTOM]:
        description = f"{service.name} has a symptom that its users notice: {len(raised[SYMPTOM])} alarms."
        rule, children = rules[SYMPTOM]
        actions = settings.actions[service.severity]
        written.append(alarms.composite(symptom, description, rule, children, actions, quiet, WAIT_SECONDS))
    if raised[CAUSE]:
        description = f"{service.name} has a warning, or a cause of trouble to come: {len(raised[CAUSE])} alarms."
        rule, children = rules[CAUSE]
        actions = settings.actions["warning"]
        if quiet and raised[SYMPTOM]:
            rule, children = f'({rule}) AND NOT ALARM("{quiet}")', [*children, quiet]
        held = symptom if raised[SYMPTOM] else quiet
        written.append(alarms.composite(cause, description, rule, children, actions, held, CAUSE_WAIT_SECONDS))
    return written


def suppressor(service: Service, settings: Settings, present: set[str], written: list[Alarm]) -> str:
    """Return the alarm that is raised in any of the service's maintenance windows; "" without windows."""
    found = [
        window_name(settings.alarm_prefix, window)
        for window in settings.windows.values()
        if window.applies(service.name) and window_name(settings.alarm_prefix, window) in present
    ]
    if len(found) < 2:
        return found[0] if found else ""
    name = f"{settings.alarm_prefix}{service.name} maintenance"
    written.append(alarms.composite(name, f"{service.name} is in a window.", alarms.any_of(found), found))
    return name


def _rule(name: str, found: Sequence[str], written: list[Alarm]) -> tuple[str, list[str]]:
    """Return the rule of a composite alarm and its children; parts are written first if there are too many."""
    groups = alarms.chunks(found, spare=200)
    if not groups:
        return "", []
    if len(groups) == 1:
        return alarms.any_of(groups[0]), groups[0]
    parts = []
    for number, group in enumerate(groups, 1):
        part = f"{name} part {number}"
        written.append(alarms.composite(part, f"Part of {name}.", alarms.any_of(group), group))
        parts.append(part)
    return alarms.any_of(parts), parts


def deletions(present: Mapping[str, Mapping[str, Any]], wanted: set[str]) -> tuple[list[str], list[str]]:
    """Return the (composite, metric) alarms to delete. Parents come before what their rules name."""
    gone = [name for name in present if name not in wanted]
    composite = [name for name in gone if "AlarmRule" in present[name]]

    def uses(parent: str, child: str) -> bool:
        alarm = present[parent]
        return f'"{child}"' in alarm["AlarmRule"] or alarm.get("ActionsSuppressor") == child

    ordered: list[str] = []
    left = sorted(composite)
    while left:
        # A cycle, which this function never writes, is left to CloudWatch to refuse.
        free = [one for one in left if not any(uses(parent, one) for parent in left if parent != one)] or left
        ordered += free
        left = [one for one in left if one not in free]
    return ordered, sorted(name for name in gone if name not in set(composite))
