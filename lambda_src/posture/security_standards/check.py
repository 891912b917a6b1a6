"""Check whether the standards are READY, on a schedule and after each apply; on request, list every control.

Event: {} or {"controls": true}. Answer: {"ready": [name], "not_ready": [{"standard", "status", "reason"}]} and, on
request, "controls" (see `controls.report`). Statuses are Security Hub's, and NOT_ENABLED.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import clients, observability, settings

from . import controls
from .errors import InvalidRequest

READY, NOT_ENABLED = "READY", "NOT_ENABLED"
METRIC = "StandardsNotReady"
NOT_READY = "standard is not ready"

REASONS = {
    "NO_AVAILABLE_CONFIGURATION_RECORDER": "AWS Config does not record in this Region, so that no control can be "
    "checked: turn its recorder on (config_recorder).",
    "MAXIMUM_NUMBER_OF_CONFIG_RULES_EXCEEDED": "AWS Config has reached its quota of rules: delete rules, or "
    "request a quota increase.",
    "INTERNAL_ERROR": "Security Hub had an internal error: disable and enable the standard, then ask AWS Support.",
}
STATUSES = {
    "PENDING": "It is being enabled; this takes minutes.",
    "DELETING": "It is being disabled; apply again.",
    "FAILED": "Security Hub could not enable or disable it: apply again, then ask AWS Support.",
    "INCOMPLETE": "Not all of its controls could be enabled.",
    NOT_ENABLED: "It is not enabled here: apply again.",
}
HUB_OFF = "Security Hub is not enabled in this account and Region."


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    standards: dict[str, str]
    """ARN of each standard, by name."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Check the standards. Raise InvalidRequest, SettingsError, botocore's ClientError."""
    log = observability.begin(context)
    standards = settings.load(Settings).standards
    if not isinstance(event, Mapping):
        raise InvalidRequest("The event must be an object.")
    wanted = event.get("controls", False)
    if not isinstance(wanted, bool):
        raise InvalidRequest('"controls" must be true or false.')
    hub = clients.client("securityhub")
    not_ready = judge(standards, enabled(hub))
    for entry in not_ready:
        log.error(NOT_READY, extra=entry)
    observability.count(METRIC, len(not_ready))
    found = {entry["standard"] for entry in not_ready}
    answer: dict[str, Any] = {"ready": sorted(standards.keys() - found), "not_ready": not_ready}
    if wanted:
        answer["controls"] = controls.report(hub, standards)
    return answer


def enabled(hub: Any) -> dict[str, Mapping[str, Any]] | None:
    """Return the subscriptions by the standard's ARN, or None if Security Hub is not enabled."""
    try:
        pages = list(hub.get_paginator("get_enabled_standards").paginate(PaginationConfig={"PageSize": 100}))
    except hub.exceptions.InvalidAccessException:
        return None
    return {item["StandardsArn"]: item for page in pages for item in page["StandardsSubscriptions"]}


def judge(standards: Mapping[str, str], subscriptions: Mapping[str, Mapping[str, Any]] | None) -> list[dict[str, str]]:
    """Return the standards that are not READY, each with its status and the reason."""
    found = []
    for name, arn in sorted(standards.items()):
        subscription = (subscriptions or {}).get(arn, {})
        status = subscription.get("StandardsStatus", NOT_ENABLED)
        if status == READY:
            continue
        code = (subscription.get("StandardsStatusReason") or {}).get("StatusReasonCode", "")
        reason = HUB_OFF if subscriptions is None else REASONS.get(code) or STATUSES.get(status, "")
        found.append({"standard": name, "status": status, "reason": reason or code})
    return found
