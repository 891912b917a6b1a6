"""Profiling groups with the state that agents report, and what the analysis found.

Source: CodeGuru Profiler API reference; events as in
https://docs.aws.amazon.com/codeguru/latest/profiler-ug/working-with-eventbridge.html
"""

from __future__ import annotations

import datetime
import threading
import uuid
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services import events
from local.services.base import operation

from .exceptions import (
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)

Data = dict[str, Any]
QUOTA = 500
"""Profiling groups in an account and Region (general reference, endpoints and quotas)."""


def _text(at: datetime.datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Group:
    """One profiling group."""

    def __init__(self, arn: str, platform: str, enabled: bool, tags: dict[str, str]) -> None:
        self.arn, self.platform, self.enabled, self.tags = arn, platform, enabled, tags
        self.name = arn.rpartition("/")[2]
        self.created = self.updated = _now()
        self.orchestrated: datetime.datetime | None = None
        self.profiled: datetime.datetime | None = None
        self.patterns: dict[str, Data] = {}

    def description(self) -> Data:
        """Return the group as the API describes it. Times that did not happen are absent."""
        status = {"latestAgentOrchestratedAt": self.orchestrated, "latestAgentProfileReportedAt": self.profiled}
        return {
            "arn": self.arn,
            "name": self.name,
            "computePlatform": self.platform,
            "agentOrchestrationConfig": {"profilingEnabled": self.enabled},
            "createdAt": _text(self.created),
            "updatedAt": _text(self.updated),
            "profilingStatus": {name: _text(at) for name, at in status.items() if at},
            "tags": self.tags,
        }


class CodeGuruProfilerBackend(BaseBackend):
    """Profiling groups of one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.groups: dict[str, Group] = {}
        self._lock = threading.RLock()

    def _group(self, name: str) -> Group:
        try:
            return self.groups[name]
        except KeyError:
            raise ResourceNotFoundException(f"The profiling group {name} does not exist.") from None

    def _tagged(self, arn: str) -> Group:
        return self._group(arn.rpartition("/")[2])

    @operation()
    def create_profiling_group(
        self,
        profiling_group_name: str,
        client_token: str = "",
        compute_platform: str = "Default",
        agent_orchestration_config: Data | None = None,
        tags: dict[str, str] | None = None,
    ) -> Data:
        """Create a group."""
        with self._lock:
            if profiling_group_name in self.groups:
                raise ConflictException(f"The profiling group {profiling_group_name} already exists.")
            if len(self.groups) >= QUOTA:
                raise ServiceQuotaExceededException(f"The account has {QUOTA} profiling groups in this Region.")
            arn = (
                f"arn:aws:codeguru-profiler:{self.region_name}:{self.account_id}:profilingGroup/{profiling_group_name}"
            )
            enabled = (agent_orchestration_config or {}).get("profilingEnabled", True)
            made = self.groups[profiling_group_name] = Group(arn, compute_platform, enabled, dict(tags or {}))
        return made.description()

    @operation()
    def describe_profiling_group(self, profiling_group_name: str) -> Data:
        """Return a group and when its agents reported."""
        return self._group(profiling_group_name).description()

    @operation()
    def list_profiling_groups(
        self, include_description: bool = False, max_results: int = 100, next_token: str | None = None
    ) -> Data:
        """Return all groups, in one page."""
        found: Data = {"profilingGroupNames": list(self.groups)}
        if include_description:
            found["profilingGroups"] = [group.description() for group in self.groups.values()]
        return found

    @operation()
    def update_profiling_group(self, profiling_group_name: str, agent_orchestration_config: Data) -> Data:
        """Turn profiling of a group on or off."""
        group = self._group(profiling_group_name)
        group.enabled, group.updated = agent_orchestration_config["profilingEnabled"], _now()
        return group.description()

    @operation()
    def delete_profiling_group(self, profiling_group_name: str) -> Data:
        """Delete a group with its profiles."""
        self._group(profiling_group_name)
        del self.groups[profiling_group_name]
        return {}

    @operation()
    def tag_resource(self, resource_arn: str, tags: dict[str, str]) -> Data:
        """Set tags of a group."""
        self._tagged(resource_arn).tags.update(tags)
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        """Remove tags of a group."""
        for key in tag_keys:
            self._tagged(resource_arn).tags.pop(key, None)
        return {}

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> Data:
        """Return the tags of a group."""
        return {"tags": self._tagged(resource_arn).tags}

    @operation()
    def get_recommendations(
        self, profiling_group_name: str, start_time: str, end_time: str, locale: str = "en-US"
    ) -> Data:
        """Return what the analysis found in the profiles of that time: nothing where there are none."""
        group = self._group(profiling_group_name)
        if start_time >= end_time:
            raise ValidationException("startTime must be before endTime")
        at = _text(group.profiled) if group.profiled else ""
        found = list(group.patterns.values()) if start_time[:19] <= at[:19] else []
        return {
            "profilingGroupName": group.name,
            "profileStartTime": start_time,
            "profileEndTime": end_time,
            "recommendations": [
                {
                    "allMatchesCount": 1,
                    "allMatchesSum": 0.4,
                    "pattern": pattern,
                    "topMatches": [],
                    "startTime": start_time,
                    "endTime": end_time,
                }
                for pattern in found
            ],
            "anomalies": [],
        }

    def orchestrate(self, name: str) -> Data:
        """Return what an agent is to do, and note that it asked."""
        group = self._group(name)
        group.orchestrated = _now()
        return {"shouldProfile": group.enabled, "periodInSeconds": 300, "agentParameters": {}}

    def take_profile(self, name: str) -> None:
        """Note a profile."""
        self._group(name).profiled = _now()

    def reported(self, name: str, days_ago: float) -> None:
        """Move a group's last profile, and its creation if that is later, into the past."""
        group = self._group(name)
        group.profiled = _now() - datetime.timedelta(days=days_ago)
        group.created = min(group.created, group.profiled)

    def recommend(self, name: str, pattern: Data) -> None:
        """Add a finding of the analysis, and send its event."""
        group = self._group(name)
        group.patterns[pattern["id"]] = pattern
        self._send(group, pattern, "ACTIVE")

    def settle(self, name: str) -> None:
        """Remove the findings of the analysis, and send their events."""
        group = self._group(name)
        ended, group.patterns = group.patterns, {}
        for pattern in ended.values():
            self._send(group, pattern, "CLOSED")

    def heartbeat(self, name: str) -> None:
        """Send the events of open findings again."""
        group = self._group(name)
        for pattern in group.patterns.values():
            self._send(group, pattern, "ACTIVE")

    def _send(self, group: Group, pattern: Data, status: str) -> None:
        events.emit(
            "aws.codeguru-profiler",
            "CodeGuru Profiler Recommendations State Change",
            {
                "schema": "v1",
                "status": status,
                "title": pattern.get("name", ""),
                "deduplicationId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{group.arn}/{pattern['id']}")),
                "recommendation": {"name": pattern.get("name", "")},
            },
            [group.arn],
            self.account_id,
            self.region_name,
        )


codeguruprofiler_backends = BackendDict(CodeGuruProfilerBackend, "codeguruprofiler")
