"""Settings of the function, and the targets: the accounts and Regions whose volumes it watches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from common.roles import Role

from .metrics import KINDS, Ignored
from .plan import Policy, Tier


@dataclass(frozen=True)
class Target:
    """One account and Region. `enabled = false` removes the alarms there."""

    name: str
    account_id: str
    region: str
    role_arn: str | None = None
    external_id: str | None = None
    warning_actions: tuple[str, ...] = ()
    critical_actions: tuple[str, ...] = ()
    enabled: bool = True

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Target":
        """Create a Target from JSON. Raise TypeError for attributes that do not fit."""
        lists = {key: tuple(value.get(key) or ()) for key in ("warning_actions", "critical_actions")}
        return cls(**{**value, **lists})

    @property
    def role(self) -> Role | None:
        """Return the role to assume; None for the function's own."""
        return Role(self.role_arn, "switchyard-volume-alarms", self.external_id) if self.role_arn else None


@dataclass(frozen=True)
class Settings:
    """TARGETS, TIERS, METRIC_NAMES (by kind) and IGNORED (file_systems, drives, included) are JSON."""

    bucket: str
    bucket_owner: str
    kms_key_arn: str
    alarm_prefix: str
    targets: list[Any]
    tiers: list[Any]
    metric_names: dict[str, Any]
    namespaces: list[Any]
    ignored: dict[str, Any] = field(default_factory=dict)
    instance_names: list[Any] = field(default_factory=lambda: ["*"])
    instance_tags: dict[str, Any] = field(default_factory=dict)
    alarm_tags: dict[str, Any] = field(default_factory=dict)
    period: int = 300
    evaluation_periods: int = 1
    treat_missing_data: str = "missing"
    gone_after_hours: int = 24
    report_prefix: str = "reports/"

    def __post_init__(self) -> None:
        try:
            self.parsed_targets()
            self.kinds()
            self._tiers()
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"TARGETS, TIERS or METRIC_NAMES is not valid: {error}") from None

    def parsed_targets(self) -> list[Target]:
        """Return the targets."""
        return [Target.of(value) for value in self.targets]

    def kinds(self) -> dict[str, str]:
        """Return the kind of each name of a metric."""
        return {name: kind for kind in KINDS for name in self.metric_names.get(kind) or ()}

    def _tiers(self) -> list[Tier]:
        return [Tier(**tier) for tier in self.tiers]

    def policy(self, target: Target) -> Policy:
        """Return the policy at a target."""
        return Policy(
            prefix=self.alarm_prefix,
            tiers=self._tiers(),
            actions={"warning": target.warning_actions, "critical": target.critical_actions},
            ignored=Ignored(
                file_systems=frozenset(one.lower() for one in self.ignored.get("file_systems", ())),
                drives=tuple(self.ignored.get("drives", ())),
                included=tuple(self.ignored.get("included", ())),
            ),
            names=self.instance_names,
            tags=self.instance_tags,
            period=self.period,
            evaluation_periods=self.evaluation_periods,
            missing=self.treat_missing_data,
            gone_after=timedelta(hours=self.gone_after_hours),
        )
