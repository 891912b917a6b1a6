"""The Config rule's function: evaluate whether a changed web ACL logs.

Answer: {"resource_id", "compliance", "reason"}. AWS Config ignores it and uses PutEvaluations.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from common import clients, observability, settings

from . import changes, verdicts, web_acls
from .errors import EvaluationRefused

EVALUATED = "web ACL evaluated"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """Evaluate one web ACL. Raise SettingsError, MalformedEvent, NotAWebAcl, EvaluationRefused, and AWS errors; Lambda
    then retries.
    """
    log = observability.begin(context)
    policy = settings.load(verdicts.Policy)
    change = changes.parse(event)
    # Evaluations are ordered by the time of the read. The item's own time does not change with the web ACL's logging,
    # which the item does not contain: a delayed evaluation from before the change would overwrite a newer one.
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
        raise EvaluationRefused(f"AWS Config did not accept the evaluation of {change.resource_id}.")
