"""IAM as AWS enforces it where MiniStack does not: keys of encrypted data, dependent actions, resource ARNs."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import iam

from local.patches.iam_resources import fields_of, parameter_arns
from local.patches.registry import Original, patch
from local.permissions import Use, key_use, principal_arn, request_body

_kms_denial: contextvars.ContextVar[str] = contextvars.ContextVar("switchyard_kms_denial", default="")

# Operations without an IAM action of their own -> the action that authorizes them (API reference of the operation).
_GOVERNED_BY = {
    "access-analyzer:GetFindingV2": "access-analyzer:GetFinding",
    "access-analyzer:ListFindingsV2": "access-analyzer:ListFindings",
    **{
        f"quicksight:Describe{kind}Definition": f"quicksight:Describe{kind}"
        for kind in ("Analysis", "Dashboard", "Template")
    },
    "verifiedpermissions:BatchIsAuthorized": "verifiedpermissions:IsAuthorized",
    "verifiedpermissions:BatchIsAuthorizedWithToken": "verifiedpermissions:IsAuthorizedWithToken",
    **{f"sqs:{name}Batch": f"sqs:{name}" for name in ("ChangeMessageVisibility", "DeleteMessage", "SendMessage")},
}

_ENCRYPTION_HEADERS = (
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
)

# Operations of CloudWatch Logs on a stream, or on a log group whose ARN ends with :* (Service Authorization Reference);
# MiniStack checks the log group without that end.
_ON_LOG_STREAMS = frozenset({"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"})


def _hub(region: str, account: str) -> str:
    return f"arn:aws:securityhub:{region}:{account}:hub/default"


# Operations that need a second action, on the resource that the function gives for Region and account
# (Service Authorization Reference, "Dependent actions").
_ALSO_NEEDED: dict[str, tuple[str, Callable[[str, str], str]]] = {
    "securityhub:BatchGetSecurityControls": ("securityhub:DescribeStandardsControls", _hub),
    "securityhub:BatchGetStandardsControlAssociations": ("securityhub:DescribeStandardsControls", _hub),
    "securityhub:UpdateSecurityControl": ("securityhub:UpdateStandardsControl", _hub),
}


def _condition_keys(use: Use, account: str) -> dict[str, Any]:
    context: dict[str, Any] = {f"kms:EncryptionContext:{k}": v for k, v in use.encryption_context.items()}
    return {**context, "kms:ViaService": use.via_service, "kms:CallerAccount": account}


@patch(
    "ministack.core.iam_evaluator",
    "enforce",
    because="MiniStack checks neither the use of the key behind encrypted data nor dependent actions.",
)
def enforce(
    original: Original,
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Return None, or the first denial: of the action, of a dependent action, or of the key behind the data."""
    _kms_denial.set("")
    iam_action = _GOVERNED_BY.get(iam_action, iam_action)
    denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
    if denied is not None:
        return denied
    if also := _ALSO_NEEDED.get(iam_action):
        action, resource = also
        denied = original(access_key_id, action, service, region, resource(region, get_account_id()))
        if denied is not None:
            return denied
    for named in (resource_arn, *_further(iam_action, region)):
        if named != resource_arn:
            denied = original(access_key_id, iam_action, service, region, named, service_context)
        use = key_use(named, iam_action, region)
        denied = denied or (_denied_key(original, access_key_id, use, region) if use else None)
        if denied is not None:
            return denied
    return None


def _further(action: str, region: str) -> list[str]:
    """Return the ARNs after the first where a request names several."""
    if action != "ssm:GetParameters":
        return []
    return parameter_arns(fields_of(request_body.get()), region, get_account_id())[1:]


def _denied_key(original: Original, access_key_id: str, use: Use, region: str) -> Any:
    """Return the denial of the first action on the key that the caller lacks, or None. Keep the reason for it."""
    context = _condition_keys(use, get_account_id())
    for action in use.actions:
        denied = original(access_key_id, action, "kms", region, use.key_arn, context)
        if denied is not None:
            _kms_denial.set(
                f"User: {getattr(denied, 'principal_arn', '')} is not authorized to perform: {action} on resource: "
                f"{use.key_arn} because no identity-based policy allows the {action} action"
            )
            return denied
    return None


@patch(
    "ministack.core.iam_actions",
    "access_denied_response",
    because="The answer names the key that the caller may not use; MiniStack's would name the action on the data.",
)
def access_denied_response(
    original: Original,
    service: str,
    action: str,
    principal_arn: str,
    request_id: str,
    *,
    error_code: str = "",
    message: str = "",
    **more: Any,
) -> Any:
    """Name the key in the message if the denial is about the key."""
    message = _kms_denial.get() or message
    return original(service, action, principal_arn, request_id, error_code=error_code, message=message, **more)


@patch(
    "ministack.core.iam_actions",
    "extract_resource_arn",
    because="MiniStack checks operations on a log stream against its log group.",
)
def extract_resource_arn(
    original: Original,
    service: str,
    method: str,
    path: str,
    headers: Any,
    body: bytes,
    query_params: Any,
    region: str,
    account_id: str,
) -> str:
    """Return the ARN that IAM checks: for a log stream its own."""
    arn = str(original(service, method, path, headers, body, query_params, region, account_id))
    if service == "logs" and headers.get("x-amz-target", "").rpartition(".")[2] in _ON_LOG_STREAMS:
        return f"{arn}:log-stream:{json.loads(body).get('logStreamName', '')}"
    return arn


@patch(
    "ministack.core.iam_actions",
    "s3_service_context",
    because="MiniStack lacks the condition keys of a write's encryption and condition, which bucket policies use.",
)
def s3_service_context(
    original: Original, iam_action: str, query_params: Any, path: str = "", headers: dict[str, str] | None = None
) -> Any:
    """Return the condition keys of an S3 request, including those of a write's key and condition."""
    named = (*_ENCRYPTION_HEADERS, "if-none-match")
    sent = {f"s3:{name}": (headers or {})[name] for name in named if (headers or {}).get(name)}
    return {
        **original(iam_action, query_params, path, headers),
        **(sent if iam_action == "s3:PutObject" else {}),
    }


@patch(
    "ministack.core.iam_evaluator",
    "_resolve_condition_key",
    because="aws:PrincipalArn of a role's session is the role; MiniStack sets the session.",
)
def resolve_condition_key(original: Original, key: str, ctx: Any) -> Any:
    """Return the value of a condition key."""
    return principal_arn(ctx.principal_arn) if key.lower() == "aws:principalarn" else original(key, ctx)


@patch(
    "ministack.services.iam",
    "_IAM_HANDLERS[CreateServiceLinkedRole]",
    because="A service-linked role has the description that its creator gives, or none; MiniStack invents one.",
)
def create_service_linked_role(original: Original, p: dict[str, Any]) -> Any:
    """Leave the description to the caller."""
    before = set(iam._roles)
    answer = original(p)
    for name in set(iam._roles) - before:
        iam._roles[name]["Description"] = iam._p(p, "Description") or ""
    return answer
