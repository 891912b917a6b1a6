"""The remediation's function: enable logging if there is none, and correct its destination if set.

Event, from the Automation document: {"webAclId": resource id in AWS Config, usually the web ACL's ARN}.
Answer: {"web_acl", "outcome", "reevaluation"}. Outcomes: enabled, corrected, untouched (it logs as required, is exempt
or not covered), gone. Re-evaluations: started, limited (one ran within the minute), failed (see the log), none.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, observability, settings

from . import configurations, verdicts, web_acls
from .errors import MalformedEvent

ENABLED, CORRECTED, UNTOUCHED, GONE = "enabled", "corrected", "untouched", "gone"
STARTED, LIMITED, FAILED, NONE = "started", "limited", "failed", "none"
NOT_REEVALUATED = "evaluation not started"
REMEDIATED = "web ACL remediated"
ENABLED_METRIC, CORRECTED_METRIC = "WebAclLoggingEnabled", "WebAclLoggingCorrected"
# Another put locks WAF's service-linked role for about 20 seconds, and another change locks the web ACL briefly.
BUSY = ("WAFServiceLinkedRoleErrorException", "WAFOptimisticLockException")
TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Settings(verdicts.Policy):
    """The settings from the environment."""

    config_rule_name: str
    redacted_headers: list[str] = field(default_factory=list)
    logging_filter: dict[str, Any] | None = None


def handler(event: Any, context: Any) -> dict[str, str]:
    """Remediate one web ACL. Raise SettingsError, MalformedEvent, NotAWebAcl, and AWS errors, which fail the Automation
    execution.
    """
    log = observability.begin(context)
    policy = settings.load(Settings)
    resource_id = event.get("webAclId") if isinstance(event, Mapping) else None
    if not isinstance(resource_id, str) or not resource_id:
        raise MalformedEvent('The event must be {"webAclId": ARN or id of a web ACL}.')
    acl = web_acls.find(resource_id, clients.client("config"))
    outcome = remediate(acl, policy, clients.client("wafv2"))
    # A web ACL's configuration item does not contain its logging: AWS Config needs an evaluation to see the change.
    reevaluation = NONE if outcome == GONE else reevaluate(policy.config_rule_name, clients.client("config", 2))
    log.info(REMEDIATED, extra={"web_acl": acl.arn, "outcome": outcome, "reevaluation": reevaluation})
    if outcome in (ENABLED, CORRECTED):
        observability.count(ENABLED_METRIC if outcome == ENABLED else CORRECTED_METRIC, 1)
    return {"web_acl": acl.arn, "outcome": outcome, "reevaluation": reevaluation}


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def remediate(acl: web_acls.WebAcl, policy: Settings, wafv2: Any, wait: Callable[[float], None] = _sleep) -> str:
    """Return the outcome. Read the web ACL again before each attempt, to keep changes that others made meanwhile."""
    from botocore.exceptions import ClientError

    for left in reversed(range(TRIES)):
        verdict = verdicts.judge(acl, policy, wafv2)
        if verdict.compliance != verdicts.NON_COMPLIANT:
            return GONE if verdict is verdicts.GONE else UNTOUCHED
        try:
            return _put(acl, policy, verdict, wafv2)
        except ClientError as error:
            if aws_errors.name(error) not in BUSY or not left:
                raise
        wait(random.uniform(5, 20))  # noqa: S311 - spreads attempts, nothing secret
    raise AssertionError("unreachable: the last attempt returns or raises")


def _put(acl: web_acls.WebAcl, policy: Settings, verdict: verdicts.Verdict, wafv2: Any) -> str:
    if verdict.configuration:
        wanted = configurations.redirected(verdict.configuration, policy.destination_arn)
    else:
        wanted = configurations.fresh(acl.arn, policy.destination_arn, policy.redacted_headers, policy.logging_filter)
    try:
        wafv2.put_logging_configuration(LoggingConfiguration=wanted)
    except wafv2.exceptions.WAFNonexistentItemException:
        # Either the web ACL was deleted since it was evaluated, which AWS Config detects itself, or the destination.
        if web_acls.exists(acl, wafv2):
            raise
        return GONE
    return CORRECTED if verdict.configuration else ENABLED


def reevaluate(rule: str, config: Any, wait: Callable[[float], None] = _sleep) -> str:
    """Start AWS Config's evaluation of the rule. It allows one a minute, and a running one serves almost as well.

    The SDK treats LimitExceededException as throttling and would wait a minute for it with ten attempts. So the client
    makes two attempts, and this function retries real throttling.

    If the running evaluation read a web ACL before it was remediated, AWS Config's next attempt or the schedule updates
    its result. They also do if no evaluation can be started: the web ACL logs, so the remediation has not failed.
    """
    from botocore.exceptions import ClientError

    for left in reversed(range(TRIES)):
        try:
            config.start_config_rules_evaluation(ConfigRuleNames=[rule])
        except config.exceptions.LimitExceededException:
            return LIMITED
        except ClientError as error:
            if aws_errors.kind(error) is not aws_errors.Kind.THROTTLED or not left:
                observability.logger().error(NOT_REEVALUATED, extra={"error": aws_errors.name(error)})
                return FAILED
        else:
            return STARTED
        wait(random.uniform(1, 4))  # noqa: S311 - spreads attempts, nothing secret
    raise AssertionError("unreachable: the last attempt returns or raises")
