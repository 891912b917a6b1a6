"""Alarms as CloudWatch keeps them: their names, the arguments of PutMetricAlarm, and what differs."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .metrics import Dimensions, drive_of

SEVERITIES = ("warning", "critical")


@dataclass(frozen=True)
class Alarm:
    """The members of an alarm that the function decides, and `enabled`, which it keeps as it finds it."""

    name: str
    description: str
    namespace: str
    metric: str
    dimensions: Dimensions
    comparison: str
    threshold: float
    period: int
    evaluation_periods: int
    missing: str
    actions: tuple[str, ...]
    statistic: str = "Average"
    enabled: bool = True
    foreign: str = ""
    """What someone else has set, such as another statistic or other actions: never the function's own."""

    @property
    def instance(self) -> str:
        """Return the ID of the EC2 instance, from the dimensions."""
        return dict(self.dimensions).get("InstanceId", "")

    @property
    def drive(self) -> str:
        """Return the drive, from the dimensions."""
        return drive_of(dict(self.dimensions))

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "Alarm":
        """Return an alarm of DescribeAlarms. Members that other kinds of alarms lack are empty."""
        actions = tuple(described.get("AlarmActions") or ())
        periods = int(described.get("EvaluationPeriods") or 0)
        differs = {
            "OKActions": tuple(described.get("OKActions") or ()) != actions,
            "InsufficientDataActions": bool(described.get("InsufficientDataActions")),
            "Metrics": bool(described.get("Metrics")),
            "ExtendedStatistic": bool(described.get("ExtendedStatistic")),
            "Unit": bool(described.get("Unit")),
            "DatapointsToAlarm": (described.get("DatapointsToAlarm") or periods) != periods,
        }
        return cls(
            name=described["AlarmName"],
            description=described.get("AlarmDescription") or "",
            namespace=described.get("Namespace") or "",
            metric=described.get("MetricName") or "",
            dimensions=tuple(sorted((d["Name"], d["Value"]) for d in described.get("Dimensions") or ())),
            comparison=described.get("ComparisonOperator") or "",
            threshold=float(described.get("Threshold") or 0),
            period=int(described.get("Period") or 0),
            evaluation_periods=periods,
            missing=described.get("TreatMissingData") or "missing",
            actions=actions,
            statistic=described.get("Statistic") or "",
            enabled=described.get("ActionsEnabled", True),
            foreign=",".join(name for name, other in differs.items() if other),
        )

    def differs(self, present: "Alarm | None") -> bool:
        """Return true if the present alarm must be written."""
        return present is None or replace(self, enabled=present.enabled) != present

    def arguments(self, enabled: bool, tags: Mapping[str, str]) -> dict[str, Any]:
        """Return the arguments of PutMetricAlarm. AWS uses the tags only for a new alarm."""
        return {
            "AlarmName": self.name,
            "AlarmDescription": self.description,
            "ActionsEnabled": enabled,
            "AlarmActions": list(self.actions),
            "OKActions": list(self.actions),
            "Namespace": self.namespace,
            "MetricName": self.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
            "Statistic": self.statistic,
            "Period": self.period,
            "EvaluationPeriods": self.evaluation_periods,
            "ComparisonOperator": self.comparison,
            "Threshold": self.threshold,
            "TreatMissingData": self.missing,
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
        }


def name(prefix: str, instance: str, drive: str, severity: str) -> str:
    """Return the name of a drive's alarm: readable, of safe characters, and at most 255 of them.

    The same drive has the same name whatever its device is, so that an alarm moves when the device's name does.
    The hash keeps drives apart whose names differ only in replaced characters. Nothing is read back from the name.
    """
    readable = re.sub(r"[^A-Za-z0-9._:/-]+", "_", drive)[:60]
    digest = hashlib.sha256(drive.encode()).hexdigest()[:8]
    return f"{prefix}{instance} {readable} {digest} {severity}"
