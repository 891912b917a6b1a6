"""Apply the suppressions to findings, after each apply and on a schedule: suppress findings that existed before a
suppression, and set findings to NEW whose suppression was removed, has expired or no longer covers them.

Event: {} or {"suppressions": [name]} with the suppressions to apply. All others count as removed, even if their rule
still exists (Terraform removes a rule after this call). {"tf": {"action": "delete"}}: all count as removed.
Answer: {"suppressed": n, "released": n, "expired": [name]}.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common import clients, observability, propagation, settings
from posture import security_hub

from .errors import InvalidRequest, NotRead, NotUpdated
from .suppression import Suppression, plan, suppressed_by

DONE = "suppressions reconciled"
SUPPRESSED_METRIC, RELEASED_METRIC = "FindingsSuppressed", "FindingsReleased"
NOT_A_FINDING = "finding not read"
GONE = "FindingNotFound"


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    owner: str
    """The stack's name, which its suppressions and the findings they suppressed contain."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Reconcile the findings. Raise InvalidRequest, NotRead, NotUpdated, SettingsError, botocore's ClientError."""
    observability.begin(context)
    wanted = names(event)
    return propagation.permitted(lambda: reconciled(wanted, context.function_name), by_terraform="tf" in event)


def reconciled(wanted: set[str] | None, updated_by: str) -> dict[str, Any]:
    """Reconcile the findings with the suppressions of these names. Raise as `handler`."""
    log, owner = observability.logger(), settings.load(Settings).owner
    hub = clients.client("securityhub")
    try:
        there = suppressions(hub, owner)
    except hub.exceptions.InvalidAccessException:
        if wanted == set():  # Security Hub is not enabled: no finding can be released.
            return {"suppressed": 0, "released": 0, "expired": []}
        raise
    chosen = [each for each in there if wanted is None or each.name in wanted]
    now = datetime.now(UTC)
    # One page of findings at a time: a finding has 3 KB and more, and there may be hundreds of thousands.
    covered = ((each, found) for each in chosen if each.holds(now) for found in read(hub, each.filters()))
    updates = plan(covered, read(hub, suppressed_by(owner)), owner)
    refused = security_hub.update(hub, updates, updated_by)
    done = [update.workflow for key, update in updates.items() if key not in refused]
    refused = {key: why for key, why in refused.items() if not why.startswith(GONE)}
    suppressed, released = (done.count(state) for state in (security_hub.SUPPRESSED, security_hub.NEW))
    for metric, count in ((SUPPRESSED_METRIC, suppressed), (RELEASED_METRIC, released)):
        if count:
            observability.count(metric, count)
    log.info(DONE, extra={"suppressed": suppressed, "released": released, "refused": len(refused)})
    if refused:
        reasons = "; ".join(sorted(set(refused.values())))
        raise NotUpdated(f"Security Hub did not update {len(refused)} of {len(updates)} findings ({reasons}).")
    expired = sorted(each.name for each in chosen if each.enabled and not each.holds(now))
    return {"suppressed": suppressed, "released": released, "expired": expired}


def names(event: Mapping[str, Any]) -> set[str] | None:
    """Return the names of the suppressions to apply; None for all that have a rule. Raise InvalidRequest."""
    if not isinstance(event, Mapping):
        raise InvalidRequest("The event must be an object.")
    lifecycle = event.get("tf") or {}
    if not isinstance(lifecycle, Mapping):
        raise InvalidRequest('"tf" must be an object: Terraform adds it.')
    if lifecycle.get("action") == "delete":
        return set()
    given = event.get("suppressions")
    if given is not None and not (isinstance(given, list) and all(isinstance(each, str) for each in given)):
        raise InvalidRequest('"suppressions" must be a list of names.')
    return None if given is None else set(given)


def suppressions(hub: Any, owner: str) -> list[Suppression]:
    """Return this stack's suppressions, sorted by name. Raise NotRead: a rule that was not returned would count as
    removed, and its findings would become NEW.
    """
    found: list[Suppression] = []
    token: dict[str, str] = {}
    while True:  # botocore has no paginator for this call.
        page = hub.list_automation_rules(MaxResults=100, **token)
        arns = [rule["RuleArn"] for rule in page["AutomationRulesMetadata"]]
        rules = _rules(hub, arns) if arns else []
        found += [suppression for rule in rules if (suppression := Suppression.of(rule, owner))]
        if "NextToken" not in page:
            return sorted(found, key=lambda each: each.name)
        token = {"NextToken": page["NextToken"]}


def _rules(hub: Any, arns: list[str]) -> list[Mapping[str, Any]]:
    answer = hub.batch_get_automation_rules(AutomationRulesArns=arns)
    # 404: the rule was deleted in the meantime.
    failed = [each for each in answer.get("UnprocessedAutomationRules", []) if str(each.get("ErrorCode")) != "404"]
    if failed:
        reasons = "; ".join(sorted({str(each.get("ErrorMessage", each.get("ErrorCode"))) for each in failed}))
        raise NotRead(f"Security Hub did not return {len(failed)} of {len(arns)} automation rules ({reasons}).")
    rules: list[Mapping[str, Any]] = answer["Rules"]
    return rules


def read(hub: Any, filters: Mapping[str, Any]) -> Iterator[security_hub.Finding]:
    """Yield the findings, a hundred per call. A finding that cannot be read is logged, and the others go on."""
    for page in hub.get_paginator("get_findings").paginate(Filters=filters, PaginationConfig={"PageSize": 100}):
        for asff in page["Findings"]:
            try:
                yield security_hub.Finding.of(asff)
            except security_hub.NotFindings as error:
                observability.logger().error(NOT_A_FINDING, extra={"reason": str(error)})
