"""Handle "CloudWatch Alarm State Change" events: request a larger quota, within limits, and notify a topic.

Answer: {"outcome", "quota_code", "message", "desired"}. Outcomes: requested, would_request (dry run), or the
reason for no request: not_an_alarm, unknown_alarm, not_adjustable, already_requested, cooling_down, at_maximum,
refused. The same event can arrive any number of times: there is never a second open request.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from common import clients, observability, settings

from .guard import Decision, Limits, decide

DECIDED = "quota increase decided"
IGNORED = ("not_an_alarm", "unknown_alarm")
SERVICE = "kms"

Client = Callable[[str], Any]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The environment. QUOTAS: alarm name -> {"code": quota code, "maximum": requests per second}."""

    quotas: dict[str, Any]
    topic_arn: str
    multiplier: float = 1.5
    cooldown_hours: float = 24.0
    dry_run: bool = True

    def __post_init__(self) -> None:
        if not self.multiplier > 1:
            raise ValueError("MULTIPLIER must be above 1")
        for name, quota in self.quotas.items():
            if not isinstance(quota, dict) or not {"code", "maximum"} <= quota.keys():
                raise ValueError(f"QUOTAS.{name} must have code and maximum")


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handle one state change of an alarm. Raise SettingsError, and the AWS errors that remain after all retries."""
    log = observability.begin(context)
    answer = run(event, settings.load(Settings), clients.client, datetime.now(UTC))
    log.info(DECIDED, extra={key: answer[key] for key in ("outcome", "quota_code", "desired")})
    observability.count("QuotaIncreasesRequested", int(answer["outcome"] == "requested"))
    return answer


def run(event: Mapping[str, Any], config: Settings, client: Client, now: datetime) -> dict[str, Any]:
    """Decide, make the request unless it is a dry run, publish the outcome to the topic, and return it."""
    detail = event.get("detail") or {}
    alarm = detail.get("alarmName", "")
    quota = config.quotas.get(alarm)
    if (detail.get("state") or {}).get("value") != "ALARM":
        return _answer(Decision("not_an_alarm", "The new state of the alarm is not ALARM."), None)
    if quota is None:
        return _answer(Decision("unknown_alarm", f"The alarm {alarm} belongs to no quota."), None)
    code = quota["code"]
    limits = Limits(config.multiplier, float(quota["maximum"]), timedelta(hours=config.cooldown_hours))
    quotas = client("service-quotas")
    decision = decide(_quota(quotas, code), _history(quotas, code), limits, now)
    if decision.outcome == "request":
        decision = _request(quotas, code, decision, config.dry_run)
    answer = _answer(decision, code)
    client("sns").publish(
        TopicArn=config.topic_arn,
        Subject=f"KMS quota: {decision.outcome.replace('_', ' ')}"[:100],
        Message=json.dumps({"alarm": alarm, **answer}, indent=2),
    )
    return answer


def _quota(quotas: Any, code: str) -> dict[str, Any]:
    """Return the applied quota; the default if none is applied: "For some quotas, only the default values are
    available" (Service Quotas API, GetServiceQuota).
    """
    try:
        found: dict[str, Any] = quotas.get_service_quota(ServiceCode=SERVICE, QuotaCode=code)["Quota"]
    except quotas.exceptions.NoSuchResourceException:
        found = quotas.get_aws_default_service_quota(ServiceCode=SERVICE, QuotaCode=code)["Quota"]
    return found


def _history(quotas: Any, code: str) -> list[dict[str, Any]]:
    """Return all requests for the quota, read in pages of the API's maximum size."""
    pages = quotas.get_paginator("list_requested_service_quota_change_history_by_quota").paginate(
        ServiceCode=SERVICE, QuotaCode=code, PaginationConfig={"PageSize": 100}
    )
    return [request for page in pages for request in page["RequestedQuotas"]]


def _request(quotas: Any, code: str, decision: Decision, dry_run: bool) -> Decision:
    if dry_run:
        return decision._replace(outcome="would_request", message=f"Dry run: would request to raise {decision.message}")
    errors = quotas.exceptions
    try:
        made = quotas.request_service_quota_increase(
            ServiceCode=SERVICE, QuotaCode=code, DesiredValue=decision.desired
        )["RequestedQuota"]
    except errors.ResourceAlreadyExistsException:  # requested by another call, or by this one, whose response was lost
        return Decision("already_requested", f"There is already an open request: {decision.message}")
    except (
        errors.DependencyAccessDeniedException,  # the function may not create Service Quotas' role
        errors.IllegalArgumentException,
        errors.InvalidResourceStateException,
        errors.QuotaExceededException,
    ) as e:
        reason = e.response["Error"].get("Message", "")
        return Decision("refused", f"Service Quotas refused to raise {decision.message} {reason}".strip())
    return decision._replace(outcome="requested", message=f"Request {made['Id']} to raise {decision.message}")


def _answer(decision: Decision, code: str | None) -> dict[str, Any]:
    return {**decision._asdict(), "quota_code": code}
