"""The Config rule's function: says of one changed web ACL whether it logs.

Answer: {"resource_id", "compliance", "reason"}. AWS Config ignores it; what counts is PutEvaluations.
"""

from collections.abc import Mapping
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
    verdict = _verdict(change, policy)
    _put(change, verdict)
    log.info(EVALUATED, extra={"resource_id": change.resource_id, "compliance": verdict.compliance})
    return {"resource_id": change.resource_id, "compliance": verdict.compliance, "reason": verdict.reason}


def _verdict(change: changes.Change, policy: verdicts.Policy) -> verdicts.Verdict:
    if not change.present:
        return verdicts.Verdict(verdicts.NOT_APPLICABLE, "The web ACL is gone, or out of the rule's scope.")
    acl = web_acls.find(change.arn or change.resource_id, clients.client("config"))
    return verdicts.judge(acl, policy, clients.client("wafv2"))


def _put(change: changes.Change, verdict: verdicts.Verdict) -> None:
    evaluation = {
        "ComplianceResourceType": web_acls.RESOURCE_TYPE,
        "ComplianceResourceId": change.resource_id,
        "ComplianceType": verdict.compliance,
        "Annotation": verdict.reason[:256],
        "OrderingTimestamp": change.told_at,
    }
    answer = clients.client("config").put_evaluations(Evaluations=[evaluation], ResultToken=change.result_token)
    if answer.get("FailedEvaluations"):
        raise EvaluationRefused(f"AWS Config did not take the evaluation of {change.resource_id}.")
