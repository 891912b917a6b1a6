"""Automation rules: criteria and changes that are applied to findings as they are created and updated by a provider.

Sources: user guide, "Understanding automation rules in Security Hub CSPM"; API reference. Rules are applied in
their order before the finding's event is sent. Updates with BatchUpdateFindings do not trigger them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from . import filters as asff
from .exceptions import InvalidInputException, LimitExceededException

Finding = dict[str, Any]
MAX_RULES = 100


class AutomationRules:
    """The part of the backend that keeps and applies automation rules."""

    rules: dict[str, dict[str, Any]]
    tags_of: dict[str, dict[str, str]]
    _arn: Callable[[str], str]
    _require_hub: Callable[[], None]
    _page: Callable[..., dict[str, Any]]
    account_id: str

    def _checked(self, rule: dict[str, Any]) -> dict[str, Any]:
        if not any(rule["Criteria"].values()):
            raise InvalidInputException("Invalid parameter: Criteria needs at least one criterion")
        asff.predicate(rule["Criteria"], limit=None)
        for action in rule["Actions"]:
            if action.get("Type") != "FINDING_FIELDS_UPDATE" or not action.get("FindingFieldsUpdate"):
                raise InvalidInputException("Invalid parameter: Actions needs Type and FindingFieldsUpdate")
        return rule

    def create_rule(self, given: dict[str, Any], tags: dict[str, str] | None, now: str) -> dict[str, Any]:
        """Create a rule. Return its ARN."""
        self._require_hub()
        if len(self.rules) >= MAX_RULES:
            raise LimitExceededException(f"Limit of {MAX_RULES} automation rules is exceeded")
        arn = self._arn(f"automation-rule/{uuid.uuid4()}")
        times = {"CreatedAt": now, "UpdatedAt": now, "CreatedBy": self.account_id}
        self.rules[arn] = self._checked(
            {"RuleStatus": "ENABLED", "IsTerminal": False, **given, "RuleArn": arn, **times}
        )
        self.tags_of[arn] = dict(tags or {})
        return {"RuleArn": arn}

    def _each(self, arns: Sequence[str], do: Callable[[str], Any], found: str, name: str) -> dict[str, Any]:
        """Return (results of `do` for known rules, unknown rules) in the form of the batch operations."""
        self._require_hub()
        done, failed = [], []
        for arn in arns:
            if arn in self.rules:
                done.append(do(arn))
            else:
                failed.append({"RuleArn": arn, "ErrorCode": 404, "ErrorMessage": f"Automation rule {arn} is not found"})
        return {found: done, name: failed}

    def get_rules(self, arns: Sequence[str]) -> dict[str, Any]:
        """Return rules with criteria and actions."""
        return self._each(arns, self.rules.__getitem__, "Rules", "UnprocessedAutomationRules")

    def list_rules(self, max_results: int | None, next_token: str | None) -> dict[str, Any]:
        """Return all rules, without criteria and actions."""
        self._require_hub()

        def found() -> list[dict[str, Any]]:
            hidden = {"Criteria", "Actions"}
            return [{k: v for k, v in rule.items() if k not in hidden} for rule in self.rules.values()]

        return self._page("AutomationRulesMetadata", found, max_results, next_token)

    def update_rules(self, items: Sequence[dict[str, Any]], now: str) -> dict[str, Any]:
        """Update rules. Either all or none of the changes of a rule are made."""
        changes = {item["RuleArn"]: item for item in items}

        def change(arn: str) -> str:
            self.rules[arn] = self._checked({**self.rules[arn], **changes[arn], "UpdatedAt": now})
            return arn

        return self._each(list(changes), change, "ProcessedAutomationRules", "UnprocessedAutomationRules")

    def delete_rules(self, arns: Sequence[str]) -> dict[str, Any]:
        """Delete rules."""

        def remove(arn: str) -> str:
            del self.rules[arn]
            self.tags_of.pop(arn, None)
            return arn

        return self._each(arns, remove, "ProcessedAutomationRules", "UnprocessedAutomationRules")

    def automated(self, finding: Finding, apply: Callable[[Finding, dict[str, Any]], Finding]) -> Finding:
        """Return the finding after the enabled rules that it meets, by order, the longest unchanged first."""
        for rule in sorted(self.rules.values(), key=lambda rule: (rule["RuleOrder"], rule["UpdatedAt"])):
            if rule["RuleStatus"] == "ENABLED" and asff.predicate(rule["Criteria"], limit=None)(finding):
                finding = apply(finding, rule["Actions"][0]["FindingFieldsUpdate"])
                if rule["IsTerminal"]:
                    break
        return finding
