"""Alarms as CloudWatch keeps them: names, the arguments that write them, what differs, and what they cost."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .checks import BAND_ID, Check
from .resources import NAMESPACES, Resource

CHILDREN = 100
"""Most alarms that the rule of a composite alarm may name (API reference, PutCompositeAlarm)."""
RULE_LENGTH = 10_240
PRICE_OF_METRIC, PRICE_OF_COMPOSITE = 0.10, 0.50
"""US dollars a month for a metric of an alarm (a band counts as two more), and for a composite alarm."""
_IGNORED = frozenset({"AlarmName", "ActionsEnabled", "Tags"})
_DEFAULTS: Mapping[str, Any] = {
    "ActionsSuppressor": "",
    "AlarmActions": (),
    "AlarmDescription": "",
    "DatapointsToAlarm": None,
    "Dimensions": (),
    "ExtendedStatistic": None,
    "InsufficientDataActions": (),
    "MetricName": None,
    "Metrics": (),
    "Namespace": None,
    "OKActions": (),
    "Threshold": None,
    "ThresholdMetricId": None,
    "TreatMissingData": "missing",
    "Unit": None,
}


@dataclass(frozen=True)
class Alarm:
    """An alarm to have. `arguments` are those of PutMetricAlarm or, if `children` is not None, PutCompositeAlarm."""

    name: str
    arguments: Mapping[str, Any]
    children: tuple[str, ...] | None = None

    @property
    def composite(self) -> bool:
        """Return true for a composite alarm."""
        return self.children is not None

    @property
    def price(self) -> float:
        """Return about what the alarm costs in a month, in US dollars."""
        if self.composite:
            return PRICE_OF_COMPOSITE
        queries = self.arguments["Metrics"]
        metrics = sum("MetricStat" in one for one in queries) + 2 * any(one["Id"] == BAND_ID for one in queries)
        return PRICE_OF_METRIC * metrics

    def differs(self, present: Mapping[str, Any] | None) -> bool:
        """Return true if the alarm that DescribeAlarms returned must be written. Disabled actions stay disabled."""
        if present is None:
            return True
        wanted, found = {**_DEFAULTS, **self.arguments}, {**_DEFAULTS, **present}
        found["ActionsSuppressor"] = str(found["ActionsSuppressor"]).rpartition(":alarm:")[2]  # a name, or an ARN
        return any(_plain(wanted[key]) != _plain(found.get(key)) for key in {*wanted} - _IGNORED)


def _plain(value: Any) -> Any:
    """Return a value so that equal settings are equal: order of dimensions, numbers, absent members."""
    if isinstance(value, Mapping):
        made = {key: _plain(one) for key, one in value.items() if one is not None}
        return {"ReturnData": True, **made} if "Id" in made else made
    if isinstance(value, list | tuple):
        return sorted((_plain(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return "" if value is None else value


def member(prefix: str, service: str, resource: Resource, check: Check) -> Alarm:
    """Return the alarm of one check. It has no actions: the service's composite alarms act."""
    name = name_of(prefix, service, check.name, resource.name, resource.arn)
    queries = check.queries(NAMESPACES[resource.kind], resource.dimensions)
    return metric_alarm(name, f"{resource.label}: {check.description}", check, queries)


def metric_alarm(name: str, description: str, check: Check, queries: list[dict[str, Any]]) -> Alarm:
    """Return a metric alarm without actions."""
    return Alarm(
        name,
        {
            "AlarmName": name,
            "AlarmDescription": f"{description}."[:1024],
            "Metrics": queries,
            "EvaluationPeriods": check.periods,
            "DatapointsToAlarm": check.datapoints,
            "TreatMissingData": check.missing,
            **check.limit(),
        },
    )


def name_of(prefix: str, service: str, check: str, readable: str, identity: str) -> str:
    """Return an alarm's name: readable, of safe characters, and unique by the hash of what it is about.

    The same resource and check have the same name in each run. Nothing is read back from a name.
    """
    short = re.sub(r"[^A-Za-z0-9._-]+", "_", readable)[:60]
    return f"{prefix}{service} {check} {short} {hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def any_of(names: Iterable[str]) -> str:
    """Return the rule that is true if one of the alarms is raised."""
    return " OR ".join(f'ALARM("{name}")' for name in names)


def composite(
    name: str,
    description: str,
    rule: str,
    children: Sequence[str],
    actions: Sequence[str] = (),
    suppressor: str = "",
    wait: int = 60,
) -> Alarm:
    """Return a composite alarm. A suppressor that is about to be raised has `wait` seconds to do so."""
    held = {
        "ActionsSuppressor": suppressor,
        "ActionsSuppressorWaitPeriod": wait,
        "ActionsSuppressorExtensionPeriod": wait,
    }
    return Alarm(
        name,
        {
            "AlarmName": name,
            "AlarmDescription": description[:1024],
            "AlarmRule": rule,
            "AlarmActions": list(actions),
            "OKActions": list(actions),
            **(held if suppressor else {}),
        },
        tuple(children) + ((suppressor,) if suppressor else ()),
    )


def chunks(names: Sequence[str], spare: int = 0) -> list[list[str]]:
    """Return names in groups that fit into the rule of one composite alarm, which has `spare` more characters."""
    made: list[list[str]] = [[]]
    for name in names:
        longer = [*made[-1], name]
        if made[-1] and (len(longer) > CHILDREN - 1 or len(any_of(longer)) + spare > RULE_LENGTH):
            made.append([name])
        else:
            made[-1] = longer
    return made if made[0] else []
