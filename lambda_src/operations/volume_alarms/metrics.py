"""What CloudWatch lists as rows: one set of dimensions, and the free-space metrics that are published with it.

An alarm works only with exactly the listed dimensions, whatever they are (`AutoScalingGroupName`, `objectname`, …), so
they are carried along as they are and never built. Only the instance and the drive are read from them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

FREE_PERCENT, FREE_MEGABYTES = "free_percent", "free_megabytes"
USED_PERCENT, FREE_BYTES, TOTAL_BYTES = "used_percent", "free_bytes", "total_bytes"
KINDS = (FREE_PERCENT, FREE_MEGABYTES, USED_PERCENT, FREE_BYTES, TOTAL_BYTES)

GIB = 1024.0**3
_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ignored:
    """Rows that get no alarm. Patterns have `*` and `?` as wildcards; capital and small letters are the same."""

    file_systems: frozenset[str] = frozenset()
    drives: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    """Windows drives without a letter that get alarms nevertheless."""

    def reason(self, dimensions: Mapping[str, str]) -> str:
        """Return why a row gets no alarm, or "" if it gets one."""
        drive = drive_of(dimensions)
        if not drive:
            return "aggregate"
        if dimensions.get("fstype", "").lower() in self.file_systems:
            return "file_system"
        if re.match(r"(/dev/)?loop\d", dimensions.get("device", "")):
            return "loop_device"
        if matches(drive, self.included):
            return ""
        if matches(drive, self.drives):
            return "ignored_drive"
        if "path" not in dimensions and not re.fullmatch(r"[A-Za-z]:", drive):
            return "no_drive_letter"
        return ""


@dataclass(frozen=True)
class Point:
    """The newest value of a metric, and the start of its period."""

    at: datetime
    value: float


@dataclass(frozen=True)
class Row:
    """One set of dimensions: the name of its metric of each kind, and each kind's newest value."""

    namespace: str
    dimensions: Dimensions
    names: Mapping[str, str]
    points: Mapping[str, Point] = field(default_factory=dict)

    @property
    def instance(self) -> str:
        """Return the ID of the EC2 instance."""
        return dict(self.dimensions)["InstanceId"]

    @property
    def drive(self) -> str:
        """Return the drive (`C:`, `/data`)."""
        return drive_of(dict(self.dimensions))

    @property
    def seen(self) -> datetime | None:
        """Return the time of the newest value; None if there is none."""
        return max((point.at for point in self.points.values()), default=None)

    @property
    def size_gib(self) -> float | None:
        """Return the drive's size from what is published; None if that does not suffice, as on a full drive."""
        value = {kind: point.value for kind, point in self.points.items()}
        if value.get(TOTAL_BYTES, 0) > 0:
            return value[TOTAL_BYTES] / GIB
        if FREE_MEGABYTES in value and 0 < value.get(FREE_PERCENT, 0) <= 100:
            return value[FREE_MEGABYTES] / 1024 / (value[FREE_PERCENT] / 100)
        if FREE_BYTES in value and 0 <= value.get(USED_PERCENT, 100) < 100:
            return value[FREE_BYTES] / GIB / (1 - value[USED_PERCENT] / 100)
        return None


def drive_of(dimensions: Mapping[str, str]) -> str:
    """Return the drive that dimensions name: Linux's mount point, or Windows's instance of LogicalDisk; or ""."""
    return dimensions.get("path") or dimensions.get("instance", "")


def matches(text: str, patterns: Iterable[str]) -> bool:
    """Return true if a pattern matches all of the text. Wildcards are `*` and `?`, as in EC2's filters."""
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.IGNORECASE | re.DOTALL)
        for pattern in patterns
    )


def is_instance(text: object) -> bool:
    """Return true for the ID of an EC2 instance."""
    return isinstance(text, str) and _INSTANCE.fullmatch(text) is not None


def rows(listed: Iterable[Mapping[str, Any]], kinds: Mapping[str, str]) -> tuple[list[Row], int]:
    """Return the rows of listed metrics, and how many metrics have no usable InstanceId. `kinds`: by metric name."""
    found: dict[tuple[str, Dimensions], dict[str, str]] = {}
    odd = 0
    for metric in listed:
        dimensions = {str(d.get("Name")): str(d.get("Value")) for d in metric.get("Dimensions") or ()}
        if not is_instance(dimensions.get("InstanceId")):
            odd += 1
            continue
        key = str(metric["Namespace"]), tuple(sorted(dimensions.items()))
        found.setdefault(key, {}).setdefault(kinds[metric["MetricName"]], metric["MetricName"])
    return [Row(namespace, dimensions, names) for (namespace, dimensions), names in found.items()], odd
