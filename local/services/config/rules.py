"""Which resources a rule is about, and the managed rules that this cloud evaluates.

Their wording: the page of each in https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.config.models import MANAGED_RULES_CONSTRAINTS

from . import neighbours
from .items import DAY, HOUR, SECRET, Item

CHANGE, OVERSIZED, SCHEDULED = (
    "ConfigurationItemChangeNotification",
    "OversizedConfigurationItemChangeNotification",
    "ScheduledNotification",
)
FREQUENCIES = {
    "One_Hour": HOUR,
    "Three_Hours": 3 * HOUR,
    "Six_Hours": 6 * HOUR,
    "Twelve_Hours": 12 * HOUR,
    "TwentyFour_Hours": DAY,
}
DEFAULT_DAYS = 90
COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE = "COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"

Rule = dict[str, Any]
"""A rule as DescribeConfigRules shows it."""
Verdict = tuple[str, str]
"""(compliance type, annotation; may be empty)"""
Evaluation = Callable[[Item, dict[str, str], dict[str, Any], float], Verdict]
"""(item, the rule's parameters, the secret's dates in Secrets Manager that the item lacks, now)"""


def parameters(rule: Rule) -> dict[str, str]:
    """Return the rule's input parameters."""
    given: dict[str, str] = json.loads(rule.get("InputParameters") or "{}")
    return given


def message_types(rule: Rule) -> set[str]:
    """Return the message types that trigger a rule."""
    source = rule["Source"]
    if source["Owner"] == "AWS":
        trigger = MANAGED_RULES_CONSTRAINTS[source["SourceIdentifier"]]["Trigger type"]
        changes = {CHANGE, OVERSIZED} if "Configuration changes" in trigger else set()
        return changes | ({SCHEDULED} if "Periodic" in trigger else set())
    return {detail["MessageType"] for detail in source["SourceDetails"]}


def frequency(rule: Rule) -> float:
    """Return the seconds between two runs of a periodic rule."""
    details = rule["Source"].get("SourceDetails", [])
    named = [d["MaximumExecutionFrequency"] for d in details if d.get("MaximumExecutionFrequency")]
    return FREQUENCIES[(named or [rule.get("MaximumExecutionFrequency") or "TwentyFour_Hours"])[0]]


def resource_types(rule: Rule) -> set[str]:
    """Return the resource types that a rule is about; empty if all."""
    scoped = set((rule.get("Scope") or {}).get("ComplianceResourceTypes", []))
    if rule["Source"]["Owner"] != "AWS":
        return scoped
    own = str(MANAGED_RULES_CONSTRAINTS[rule["Source"]["SourceIdentifier"]].get("Resource Types", ""))
    named = {kind.strip() for kind in own.split(",") if "::" in kind}
    return named & scoped if named and scoped else named or scoped


def in_scope(rule: Rule, item: Item | None) -> bool:
    """Return whether a change of `item` triggers the rule."""
    if item is None:
        return False
    scope, types = rule.get("Scope") or {}, resource_types(rule)
    if types and item["resourceType"] not in types:
        return False
    if scope.get("ComplianceResourceId") not in (None, item["resourceId"]):
        return False
    key, value = scope.get("TagKey"), scope.get("TagValue")
    return not key or (key in item["tags"] and value in (None, item["tags"][key]))


def _rotation_enabled(item: Item, given: dict[str, str], more: dict[str, Any], now: float) -> Verdict:
    configuration = item["configuration"]
    if not configuration["RotationEnabled"]:
        return NON_COMPLIANT, "The secret is not configured for rotation."
    limits = [
        float(given[name]) * unit
        for name, unit in (("maximumAllowedRotationFrequency", 24), ("maximumAllowedRotationFrequencyInHours", 1))
        if given.get(name)
    ]
    hours = configuration.get("RotationRules", {}).get("AutomaticallyAfterHours")
    if limits and hours is None:
        return NON_COMPLIANT, "The secret has no rotation frequency that can be compared."
    if any(hours > limit for limit in limits):
        return NON_COMPLIANT, f"The secret is rotated every {hours} hours, and {min(limits):g} is the maximum."
    return COMPLIANT, ""


def _rotated_as_scheduled(item: Item, given: dict[str, str], more: dict[str, Any], now: float) -> Verdict:
    if not item["configuration"][
        "RotationEnabled"
    ]:  # it "doesn't evaluate secrets that don't have rotation configured"
        return NOT_APPLICABLE, ""
    if item["configuration"]["RotationOccurringAsScheduled"]:
        return COMPLIANT, ""
    return NON_COMPLIANT, "The secret was not rotated within its schedule."


def _rotated_lately(item: Item, given: dict[str, str], more: dict[str, Any], now: float) -> Verdict:
    days = int(given.get("maxDaysSinceRotation") or DEFAULT_DAYS)
    age = now - float(more.get("LastRotatedDate") or more["CreatedDate"])
    return (COMPLIANT, "") if age <= days * DAY else (NON_COMPLIANT, f"Not rotated for more than {days} days.")


def _used_lately(item: Item, given: dict[str, str], more: dict[str, Any], now: float) -> Verdict:
    days = int(given.get("unusedForDays") or DEFAULT_DAYS)
    age = now - float(more.get("LastAccessedDate") or more["CreatedDate"])
    return (COMPLIANT, "") if age <= days * DAY else (NON_COMPLIANT, f"Not accessed for more than {days} days.")


def _customer_key(item: Item, given: dict[str, str], more: dict[str, Any], now: float) -> Verdict:
    from local.permissions import key_arn

    key = str(item["configuration"].get("KMSKeyId") or "")
    arn = key_arn(key)
    if not arn or arn.split(":")[4:5] not in ([item["awsAccountId"]], []):
        return NON_COMPLIANT, "The secret is not encrypted with a customer managed key of this account."
    allowed = [one.strip() for one in given.get("kmsKeyArns", "").split(",") if one.strip()]
    if allowed and arn not in allowed:
        return NON_COMPLIANT, "The secret is encrypted with a key that is not among kmsKeyArns."
    return COMPLIANT, ""


EVALUATIONS: dict[str, Evaluation] = {
    "SECRETSMANAGER_ROTATION_ENABLED_CHECK": _rotation_enabled,
    "SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK": _rotated_as_scheduled,
    "SECRETSMANAGER_SECRET_PERIODIC_ROTATION": _rotated_lately,
    "SECRETSMANAGER_SECRET_UNUSED": _used_lately,
    "SECRETSMANAGER_USING_CMK": _customer_key,
}
"""Managed rules that are evaluated here. For any other, PutConfigRule is checked and results never come."""


def evaluate(rule: Rule, item: Item, now: float) -> Verdict:
    """Return the verdict of a managed rule. Raise KeyError for a rule that is not evaluated here."""
    check = EVALUATIONS[rule["Source"]["SourceIdentifier"]]
    if item["configuration"] is None or item["configuration"].get("Deleted"):
        return NOT_APPLICABLE, ""
    return check(item, parameters(rule), _beyond(item), now)


def _beyond(item: Item) -> dict[str, Any]:
    """Return the dates of an item's secret that the item does not have."""
    if item["resourceType"] != SECRET:
        return {}
    return neighbours.current.secret(item["awsAccountId"], item["awsRegion"], item["resourceName"])
