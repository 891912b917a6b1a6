"""Suppressions as stored in automation rules, and their effect on findings.

The rules are the only place that stores a suppression. Security Hub applies them to findings that are created or
updated. This module applies the same rules to existing findings, and to findings that must become NEW again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from posture.security_hub import NEW, NOTIFIED, SUPPRESSED, Finding, Key, Update

BY, NAME = "SwitchyardSuppressedBy", "SwitchyardSuppression"
"""User-defined fields of a suppressed finding: the stack that suppressed it, and the suppression's name."""
NOBODY = "nobody"
"""BY of a finding whose suppression has ended. Security Hub cannot remove a finding's only user-defined field."""


@dataclass(frozen=True)
class Suppression:
    """One suppression."""

    name: str
    note: str
    criteria: Mapping[str, Any] = field(hash=False)
    enabled: bool = True
    until: datetime | None = None

    @classmethod
    def of(cls, rule: Mapping[str, Any], owner: str) -> "Suppression | None":
        """Return the suppression of an automation rule, or None if it is not a suppression of the stack `owner`."""
        update = rule["Actions"][0].get("FindingFieldsUpdate") or {}
        fields = update.get("UserDefinedFields") or {}
        if fields.get(BY) != owner or NAME not in fields or (update.get("Workflow") or {}).get("Status") != SUPPRESSED:
            return None
        ends = [_time(each["End"]) for each in rule["Criteria"].get("UpdatedAt") or [] if each.get("End")]
        return cls(
            name=fields[NAME],
            note=(update.get("Note") or {}).get("Text", ""),
            criteria=rule["Criteria"],
            enabled=rule.get("RuleStatus", "ENABLED") == "ENABLED",
            until=max(ends) if ends else None,
        )

    def holds(self, now: datetime) -> bool:
        """Return whether the suppression is in force."""
        return self.enabled and (self.until is None or now <= self.until)

    def filters(self) -> dict[str, Any]:
        """Return GetFindings' filters for the findings that it covers, whether already suppressed or not."""
        # The rule compares the time of the finding's update, `holds` the current time.
        kept = {name: value for name, value in self.criteria.items() if value and name != "UpdatedAt"}
        states = [{"Value": state, "Comparison": "EQUALS"} for state in (NEW, NOTIFIED, SUPPRESSED)]
        return {**kept, "WorkflowStatus": states}


def suppressed_by(owner: str) -> dict[str, Any]:
    """Return GetFindings' filters for the findings that a stack suppressed."""
    return {
        "WorkflowStatus": [{"Value": SUPPRESSED, "Comparison": "EQUALS"}],
        "UserDefinedFields": [{"Key": BY, "Value": owner, "Comparison": "EQUALS"}],
    }


def plan(
    covered: Iterable[tuple[Suppression, Finding]], suppressed: Iterable[Finding], owner: str
) -> dict[Key, Update]:
    """Return the updates that make the findings agree with the suppressions.

    `covered`: findings by the suppressions that cover them, of which the first counts; `suppressed`: findings that the
    stack suppressed. A finding that an analyst suppressed stays unchanged, including its note.

    Both are read once, and no finding is kept: only the keys of those that are covered, and the updates.
    """
    wanted: set[Key] = set()
    updates: dict[Key, Update] = {}
    for suppression, finding in covered:
        key = finding.key
        if key in wanted:
            continue
        wanted.add(key)
        fields = _fields(finding)
        mine = {BY: owner, NAME: suppression.name}
        if finding.workflow == SUPPRESSED and fields.get(BY) != owner:
            continue
        if finding.workflow != SUPPRESSED or not mine.items() <= fields.items():
            updates[key] = Update(suppression.note, SUPPRESSED, _pairs({**fields, **mine}))
    for finding in suppressed:
        if finding.key not in wanted:
            fields = _fields(finding)
            ended = f"No longer suppressed: the suppression {fields.pop(NAME, '')} ended or no longer covers it."
            updates[finding.key] = Update(ended, NEW, _pairs({**fields, BY: NOBODY}))
    return updates


def _fields(finding: Finding) -> dict[str, str]:
    return dict(finding.asff.get("UserDefinedFields") or {})


def _pairs(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(fields.items()))


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
