"""Settings: those of the function's environment, and the document in S3 that Terraform writes with the services.

The document is not in the environment, which Lambda limits to 4 KB.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidSettings

_CHECK = {
    "enabled": "enabled",
    "threshold": "threshold",
    "minimum": "minimum",
    "role": "role",
    "period_seconds": "period",
    "evaluation_periods": "periods",
    "datapoints": "datapoints",
    "treat_missing_data": "missing",
}


@dataclass(frozen=True)
class Environment:
    """Where the document is."""

    settings_bucket: str
    settings_key: str
    settings_owner: str


@dataclass(frozen=True)
class Window:
    """A maintenance window; `services` is None for all."""

    name: str
    minutes: int
    services: frozenset[str] | None = None

    def applies(self, service: str) -> bool:
        """Return true if the window is one of the service."""
        return self.services is None or service in self.services


@dataclass(frozen=True)
class Service:
    """A service: resources by tags (all of them), and by ARN."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    resources: frozenset[str] = frozenset()
    severity: str = "critical"
    heartbeats: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stack:
    """The stack's own resources: their tag, the beginning of their names, and the names of the capabilities."""

    tag_key: str
    tag_value: str
    prefix: str
    capabilities: Sequence[str]

    def service_of(self, name: str) -> str:
        """Return the service of a resource by its name: the capability, or the stack for what is shared."""
        rest = name.removeprefix(f"{self.prefix}-")
        found = [one for one in self.capabilities if rest == one or rest.startswith(f"{one}-")]
        return max(found, key=len) if found else self.prefix


@dataclass(frozen=True)
class Settings:
    """Everything that the module's variables decide."""

    alarm_prefix: str
    actions: Mapping[str, Sequence[str]]
    services: Mapping[str, Service] = field(default_factory=dict)
    stack: Stack | None = None
    checks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    windows: Mapping[str, Window] = field(default_factory=dict)
    ignored: Sequence[str] = ()
    dead_letter_names: Sequence[str] = ()
    queries: Mapping[str, str] = field(default_factory=dict)
    dashboard: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    writes_per_second: float = 2.5

    @classmethod
    def of(cls, document: Any) -> "Settings":
        """Return the settings of a document. Raise InvalidSettings."""
        try:
            return cls(
                alarm_prefix=document["alarm_prefix"],
                actions=document["actions"],
                services={name: _service(name, one) for name, one in document["services"].items()},
                stack=Stack(**document["stack"]) if document["stack"] else None,
                checks=_checks(document["checks"]),
                windows={
                    name: Window(name, one["minutes"], None if one["services"] is None else frozenset(one["services"]))
                    for name, one in document["windows"].items()
                },
                ignored=document["ignored"],
                dead_letter_names=document["dead_letter_names"],
                queries=document["queries"],
                dashboard=document["dashboard"],
                tags=document["tags"],
                writes_per_second=float(document["writes_per_second"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidSettings(f"The settings are not valid: {type(error).__name__} {error}") from None

    def service(self, name: str) -> Service:
        """Return a service; that of a capability without settings of its own has the defaults."""
        return self.services.get(name) or Service(name)


def _service(name: str, given: Mapping[str, Any]) -> Service:
    return Service(
        name,
        dict(given["tags"]),
        frozenset(given["resources"]),
        given["severity"],
        dict(given["heartbeats"]),
        dict(given["metrics"]),
        _checks(given["checks"]),
    )


def _checks(given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return settings of checks under the names of a check's attributes, without those that are not set."""
    return {
        name: {_CHECK[key]: value for key, value in one.items() if value is not None} for name, one in given.items()
    }
