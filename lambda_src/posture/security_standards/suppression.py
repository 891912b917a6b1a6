"""Suppressions as automation rules hold them, and what they make of findings.

The rules are the one place where a suppression is written down: Security Hub applies them to findings that are
created or updated; what was there before, and what must come back, is worked out here from the same rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from posture.security_hub import NEW, NOTIFIED, SUPPRESSED, Finding, Key, Update

BY, NAME = "SwitchyardSuppressedBy", "SwitchyardSuppression"
"""User-defined fields of a suppressed finding: the stack that did it, and the suppression's name."""
NOBODY = "nobody"
"""BY of a finding whose suppression ended; Security Hub has no way to remove a field that is alone."""


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
        """From an automation rule; None when it is no suppression of the stack `owner`."""
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
        """Whether it is in force."""
        return self.enabled and (self.until is None or now <= self.until)

    def filters(self) -> dict[str, Any]:
        """GetFindings' filters for the findings that it covers, suppressed already or not."""
        # When it was updated decides for the rule, when it is now for us.
        kept = {name: value for name, value in self.criteria.items() if value and name != "UpdatedAt"}
        states = [{"Value": state, "Comparison": "EQUALS"} for state in (NEW, NOTIFIED, SUPPRESSED)]
        return {**kept, "WorkflowStatus": states}


def suppressed_by(owner: str) -> dict[str, Any]:
    """GetFindings' filters for the findings that a stack suppressed."""
    return {
        "WorkflowStatus": [{"Value": SUPPRESSED, "Comparison": "EQUALS"}],
        "UserDefinedFields": [{"Key": BY, "Value": owner, "Comparison": "EQUALS"}],
    }


def plan(
    covered: Iterable[tuple[Suppression, Finding]], suppressed: Iterable[Finding], owner: str
) -> dict[Key, Update]:
    """What has to be written so that findings are as the suppressions say.

    `covered`: findings by the suppressions that cover them, `suppressed`: those that the stack suppressed. Of several
    suppressions the first counts. A finding that somebody suppressed by hand stays as it is, note and all.
    """
    wanted: dict[Key, tuple[Suppression, Finding]] = {}
    for suppression, finding in covered:
        wanted.setdefault(finding.key, (suppression, finding))
    updates: dict[Key, Update] = {}
    for key, (suppression, finding) in wanted.items():
        fields = _fields(finding)
        mine = {BY: owner, NAME: suppression.name}
        if finding.workflow == SUPPRESSED and fields.get(BY) != owner:
            continue
        if finding.workflow != SUPPRESSED or not mine.items() <= fields.items():
            updates[key] = Update(suppression.note, SUPPRESSED, _pairs({**fields, **mine}))
    for finding in suppressed:
        if finding.key not in wanted:
            fields = _fields(finding)
            ended = f"No longer suppressed: the suppression {fields.pop(NAME, '')} ended or does not cover it any more."
            updates[finding.key] = Update(ended, NEW, _pairs({**fields, BY: NOBODY}))
    return updates


def _fields(finding: Finding) -> dict[str, str]:
    return dict(finding.asff.get("UserDefinedFields") or {})


def _pairs(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(fields.items()))


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
