"""IAM as AWS enforces it where MiniStack does not: keys behind encrypted data, dependent actions, resource ARNs."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable
from typing import Any

from local.permissions import Use, key_use, principal_arn

_kms_denial: contextvars.ContextVar[str] = contextvars.ContextVar("switchyard_kms_denial", default="")

# Operations without an IAM action of their own -> the action that governs them (API reference of the operation).
_GOVERNED_BY = {
    "access-analyzer:GetFindingV2": "access-analyzer:GetFinding",
    "access-analyzer:ListFindingsV2": "access-analyzer:ListFindings",
    "verifiedpermissions:BatchIsAuthorized": "verifiedpermissions:IsAuthorized",
    "verifiedpermissions:BatchIsAuthorizedWithToken": "verifiedpermissions:IsAuthorizedWithToken",
    **{f"sqs:{name}Batch": f"sqs:{name}" for name in ("ChangeMessageVisibility", "DeleteMessage", "SendMessage")},
}

# Operations of CloudWatch Logs on a stream (Service Authorization Reference); MiniStack checks its log group.
_ON_LOG_STREAMS = frozenset({"DeleteLogStream", "GetLogEvents", "PutLogEvents"})

# Operations that need a second action, on the resource that the function gives for Region and account
# (Service Authorization Reference, "Dependent actions").
_ALSO_NEEDED: dict[str, tuple[str, Callable[[str, str], str]]] = {
    "securityhub:BatchGetStandardsControlAssociations": (
        "securityhub:DescribeStandardsControls",
        lambda region, account: f"arn:aws:securityhub:{region}:{account}:hub/default",
    ),
}


def _condition_keys(use: Use, account: str) -> dict[str, Any]:
    context: dict[str, Any] = {f"kms:EncryptionContext:{k}": v for k, v in use.encryption_context.items()}
    return {**context, "kms:ViaService": use.via_service, "kms:CallerAccount": account}


def _leave_descriptions_to_callers() -> None:
    """A service-linked role has the description that its creator gives, or none; MiniStack makes one up."""
    from ministack.services import iam

    create = iam._IAM_HANDLERS["CreateServiceLinkedRole"]

    def create_service_linked_role(params: dict[str, Any]) -> Any:
        before = set(iam._roles)
        answer = create(params)
        for name in set(iam._roles) - before:
            iam._roles[name]["Description"] = iam._p(params, "Description") or ""
        return answer

    iam._IAM_HANDLERS["CreateServiceLinkedRole"] = create_service_linked_role


def install() -> None:
    """Add the KMS check to MiniStack's `enforce`, and its reason to the denial that the caller reads."""
    from ministack.core import iam_actions, iam_evaluator

    enforce = iam_evaluator.enforce
    denied_response = iam_actions.access_denied_response

    def enforce_with_kms(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        _kms_denial.set("")
        iam_action = _GOVERNED_BY.get(iam_action, iam_action)
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied is not None:
            return denied
        if also := _ALSO_NEEDED.get(iam_action):
            from ministack.core.responses import get_account_id

            action, resource = also
            denied = enforce(access_key_id, action, service, region, resource(region, get_account_id()))
            if denied is not None:
                return denied
        use = key_use(service, resource_arn, iam_action, region)
        if use is None:
            return None
        from ministack.core.responses import get_account_id

        for action in use.actions:
            context = _condition_keys(use, get_account_id())
            denied = enforce(access_key_id, action, "kms", region, use.key_arn, context)
            if denied is not None:
                principal = getattr(denied, "principal_arn", "")
                _kms_denial.set(
                    f"User: {principal} is not authorized to perform: {action} on resource: {use.key_arn} "
                    f"because no identity-based policy allows the {action} action"
                )
                return denied
        return None

    def access_denied_response(*args: Any, **kwargs: Any) -> Any:
        if _kms_denial.get():
            kwargs = {**kwargs, "message": _kms_denial.get()}
        return denied_response(*args, **kwargs)

    extract = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str, account_id: str
    ) -> str:
        arn = str(extract(service, method, path, headers, body, query, region, account_id))
        if service == "logs" and headers.get("x-amz-target", "").rpartition(".")[2] in _ON_LOG_STREAMS:
            return f"{arn}:log-stream:{json.loads(body).get('logStreamName', '')}"
        return arn

    s3_context = iam_actions.s3_service_context
    encryption_headers = (
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-customer-algorithm",
    )

    def s3_service_context(iam_action: str, query: Any, path: str = "", headers: dict[str, str] | None = None) -> Any:
        """With the condition keys of a write's key, which bucket policies of ours use."""
        sent = {f"s3:{name}": (headers or {})[name] for name in encryption_headers if (headers or {}).get(name)}
        return {
            **s3_context(iam_action, query, path, headers),
            **(sent if iam_action == "s3:PutObject" else {}),
        }

    resolve_condition_key = iam_evaluator._resolve_condition_key

    def _resolve_condition_key(key: str, context: Any) -> Any:
        if key.lower() == "aws:principalarn":
            return principal_arn(context.principal_arn)
        return resolve_condition_key(key, context)

    _leave_descriptions_to_callers()
    iam_evaluator._resolve_condition_key = _resolve_condition_key
    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.s3_service_context = s3_service_context
    iam_evaluator.enforce = enforce_with_kms
    iam_actions.access_denied_response = access_denied_response
