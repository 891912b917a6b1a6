"""Make a receipt rule set the active one, but not in the place of another one unless asked to; watch that it stays so.

An account has one active rule set in each Region. Terraform's own resource for it replaces whatever is active.
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rule-set-activate.html

Terraform calls with {"rule_set", "activate", "replace_active", "tf": {"action": "create" | "update" | "delete"}}, the
schedule with {}. Answer: {"active": name of the active rule set or null}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import clients, observability, propagation, settings

from .errors import AnotherRuleSetIsActive


@dataclass(frozen=True)
class Settings:
    """The environment."""

    rule_set: str


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Activate, deactivate or watch the rule set."""
    log, name = observability.begin(context), settings.load(Settings).rule_set
    ses = clients.client("ses")
    action = str((event.get("tf") or {}).get("action", ""))
    if action:
        active = propagation.permitted(lambda: change(ses, event, action), by_terraform=True)
    else:
        active = _active(ses)
        observability.count("RuleSetInactive", int(active != name))
    log.info("active rule set", extra={"active": active, "own": name})
    return {"active": active or None}


def change(ses: Any, event: Mapping[str, Any], action: str) -> str:
    """Do what Terraform asks for. Return the name of the set that is active then, or "".

    Raise AnotherRuleSetIsActive if that would end another set's mail.
    """
    name, active = str(event["rule_set"]), _active(ses)
    if action == "delete" or not event["activate"]:
        before = event if action == "delete" else event["tf"].get("prev_input") or {}
        if before.get("activate") and active == before["rule_set"]:
            ses.set_active_receipt_rule_set()
            return ""
        return active
    if active not in ("", name) and not event["replace_active"]:
        raise AnotherRuleSetIsActive(
            f"The receipt rule set {active} is active in this Region, and only one can be. Set rule_set.name = "
            f'"{active}" to add the rule to it, or rule_set.replace_active = true to activate {name} in its place.'
        )
    if active != name:
        ses.set_active_receipt_rule_set(RuleSetName=name)
    return name


def _active(ses: Any) -> str:
    answer = ses.describe_active_receipt_rule_set()
    return str((answer.get("Metadata") or {}).get("Name", ""))
