"""The Config rule's function: says of one changed web ACL whether it logs.

Answer: {"resource_id", "compliance", "reason"}. AWS Config ignores it; what counts is PutEvaluations.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from common import clients, observability, settings

from . import changes, verdicts, web_acls
from .errors import EvaluationRefused

EVALUATED = "web ACL evaluated"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """Raises SettingsError, MalformedEvent, NotAWebAcl, EvaluationRefused, and what AWS answers: Lambda tries again."""
    log = observability.begin(context)
    policy = settings.load(verdicts.Policy)
    change = changes.parse(event)
    # Orders evaluations by what they saw. The item's own time, that of its capture, stays the same while the web ACL's
    # logging changes, which no item holds: a late evaluation of before would undo one of after.
    seen_at = datetime.now(UTC)
    verdict = _verdict(change, policy)
    _put(change, verdict, seen_at)
    log.info(EVALUATED, extra={"resource_id": change.resource_id, "compliance": verdict.compliance})
    return {"resource_id": change.resource_id, "compliance": verdict.compliance, "reason": verdict.reason}


def _verdict(change: changes.Change, policy: verdicts.Policy) -> verdicts.Verdict:
    if not change.present:
        return verdicts.GONE
    acl = web_acls.find(change.arn or change.resource_id, clients.client("config"))
    return verdicts.judge(acl, policy, clients.client("wafv2"))


def _put(change: changes.Change, verdict: verdicts.Verdict, seen_at: datetime) -> None:
    evaluation = {
        "ComplianceResourceType": web_acls.RESOURCE_TYPE,
        "ComplianceResourceId": change.resource_id,
        "ComplianceType": verdict.compliance,
        "Annotation": verdict.reason[:256],
        "OrderingTimestamp": seen_at,
    }
    answer = clients.client("config").put_evaluations(Evaluations=[evaluation], ResultToken=change.result_token)
    if answer.get("FailedEvaluations"):
        raise EvaluationRefused(f"AWS Config did not take the evaluation of {change.resource_id}.")
