"""What a request asks of IAM: recorded, with the condition keys of role changes and with iam:PassRole.

The gateway's record of calls has the questions, so that a deployer's policies can be made and evaluated
from it (tools/deploy). What roles were permitted is kept as well: a grant that none of it needed is one too many.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from ministack.core.responses import get_account_id
from ministack.services import dynamodb, iam, kms, sts

from local.patches.registry import Original, patch
from local.permissions import Checked, checks, permitted, request_body

# Action -> service that gets the role which the request names. "To pass a role (and its permissions) to an AWS
# service, a user must have permissions to pass the role" (IAM user guide); dependent actions of the Service
# Authorization Reference.
_PASSES_TO = {
    "apigateway:PATCH": "apigateway.amazonaws.com",
    "chatbot:CreateMicrosoftTeamsChannelConfiguration": "chatbot.amazonaws.com",
    "chatbot:CreateSlackChannelConfiguration": "chatbot.amazonaws.com",
    "chatbot:UpdateMicrosoftTeamsChannelConfiguration": "chatbot.amazonaws.com",
    "chatbot:UpdateSlackChannelConfiguration": "chatbot.amazonaws.com",
    "codebuild:CreateProject": "codebuild.amazonaws.com",
    "codebuild:UpdateProject": "codebuild.amazonaws.com",
    "codepipeline:CreatePipeline": "codepipeline.amazonaws.com",
    "codepipeline:UpdatePipeline": "codepipeline.amazonaws.com",
    "cognito-idp:CreateUserPool": "cognito-idp.amazonaws.com",
    "cognito-idp:SetUserPoolMfaConfig": "cognito-idp.amazonaws.com",
    "cognito-idp:UpdateUserPool": "cognito-idp.amazonaws.com",
    "config:PutConfigurationAggregator": "config.amazonaws.com",
    "config:PutConfigurationRecorder": "config.amazonaws.com",
    "ecs:RegisterTaskDefinition": "ecs-tasks.amazonaws.com",
    "es:ESHttpPost": "opensearchservice.amazonaws.com",  # a connector's role
    "events:PutTargets": "events.amazonaws.com",
    "firehose:CreateDeliveryStream": "firehose.amazonaws.com",
    "firehose:UpdateDestination": "firehose.amazonaws.com",
    "iot:CreateTopicRule": "iot.amazonaws.com",
    "iot:ReplaceTopicRule": "iot.amazonaws.com",
    "lambda:CreateFunction": "lambda.amazonaws.com",
    "lambda:UpdateFunctionConfiguration": "lambda.amazonaws.com",
    "scheduler:CreateSchedule": "scheduler.amazonaws.com",
    "scheduler:UpdateSchedule": "scheduler.amazonaws.com",
    "states:CreateStateMachine": "states.amazonaws.com",
    "states:UpdateStateMachine": "states.amazonaws.com",
}
_ROLE_FIELDS = {"executionrolearn", "iamrolearn", "role", "rolearn", "servicerole", "snscallerarn", "taskrolearn"}
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+")

# Operations on a role that have the condition key iam:PermissionsBoundary (Service Authorization Reference).
_BOUNDED = {
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
}


def _named_roles(value: Any) -> Iterator[str]:
    """Yield the role ARNs in the role fields of a request, at any depth."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name.lower() in _ROLE_FIELDS and isinstance(inner, str) and _ROLE_ARN.fullmatch(inner):
            yield inner
        else:
            yield from _named_roles(inner)
    for inner in value if isinstance(value, list) else ():
        yield from _named_roles(inner)


def passed_roles(action: str, body: bytes) -> list[str]:
    """Return the roles that a request passes to the action's service."""
    if action not in _PASSES_TO:
        return []
    if action == "apigateway:PATCH":  # patch operations have the role as a value
        return sorted(set(_ROLE_ARN.findall(body.decode())))
    with contextlib.suppress(ValueError):
        return sorted(set(_named_roles(json.loads(body or b"{}"))))
    return []


def _role_keys(operation: str, role: str, form: dict[str, list[str]]) -> dict[str, Any]:
    """Return the condition keys of an operation on a role: of its boundary, present or requested, and its policy."""
    keys: dict[str, Any] = {}
    if operation in _BOUNDED:
        record = iam._roles.get_scoped(get_account_id(), None, role.rpartition("/")[2]) or {}
        keys["iam:permissionsboundary"] = form.get("PermissionsBoundary", [record.get("PermissionsBoundary")])[0]
    if "PolicyArn" in form:
        keys["iam:policyarn"] = form["PolicyArn"][0]
    if "AWSServiceName" in form:
        keys["iam:awsservicename"] = form["AWSServiceName"][0]
    return {name: value for name, value in keys.items() if value}


def _partition(table_arn: str, body: bytes) -> str:
    """Return the value of the partition key of the item that a request names, or "" if it names none.

    Requests for several items, and queries, have it on AWS too, but not here.
    """
    table = dynamodb._tables.get(table_arn.rpartition("/")[2]) or {}
    fields = json.loads(body or b"{}")
    item = fields.get("Key") or fields.get("Item") or {}
    value = item.get(table.get("pk_name")) if isinstance(item, dict) else None
    return str(next(iter(value.values()))) if isinstance(value, dict) and value else ""


def condition_keys(action: str, resource_arn: str, body: bytes) -> dict[str, Any]:
    """Return the condition keys of an action that MiniStack does not have, in lower case."""
    service, _, operation = action.partition(":")
    if service == "iam":
        return _role_keys(operation, resource_arn, parse_qs(body.decode("latin-1")))
    if service == "dynamodb" and (partition := _partition(resource_arn, body)):
        return {"dynamodb:leadingkeys": [partition]}
    if service == "kms" and ":key/" in resource_arn:
        key_id = resource_arn.rpartition("/")[2]
        aliases = [str(arn).rpartition(":")[2] for arn, target in kms._aliases.items() if target == key_id]
        return {"kms:resourcealiases": aliases} if aliases else {}
    return {}


_evaluated: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("evaluated", default=None)
"""Condition keys of the last evaluation: those of the request, and the resource's tags where a policy names them."""


@patch(
    "ministack.core.iam_evaluator",
    "evaluate",
    because="The condition keys that MiniStack adds to those of the request are not known outside.",
)
def evaluate(original: Original, ctx: Any, policies: Any, *limits: Any) -> Any:
    """Evaluate, and keep the condition keys."""
    _evaluated.set(ctx.service_context)
    return original(ctx, policies, *limits)


def _keep(access_key_id: str, question: Checked, denied: Any) -> None:
    """Keep what was permitted to a session of a role."""
    parts = str((sts._sessions.get(access_key_id) or {}).get("Arn", "")).split(":")
    if denied is None and parts[-1].startswith("assumed-role/"):
        keys = {k: v for k, v in (_evaluated.get() or question.context).items() if v is not None}
        permitted.add(f"{parts[4]}:{parts[-1].split('/')[1]}", dataclasses.replace(question, context=keys))


def permitted_to(account: str) -> dict[str, list[dict[str, Any]]]:
    """Return what roles of an account were permitted: action, resource and condition keys, by the role's name."""
    return {name: [dataclasses.asdict(one) for one in kept] for name, kept in permitted.of(account).items()}


COMMANDS = {"permitted": permitted_to}


@patch(
    "ministack.core.iam_evaluator",
    "enforce",
    because="MiniStack asks neither for iam:PassRole nor with the condition keys of role changes and of key aliases.",
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
    """Return None, or the denial of the action or of passing a role. Keep what was asked."""
    body = request_body.get()
    context = {k.lower(): v for k, v in {**(service_context or {})}.items()}
    context |= condition_keys(iam_action, resource_arn, body)
    question = Checked(iam_action, resource_arn, {k: v for k, v in context.items() if v is not None})
    asked = checks.get()
    if asked is not None:
        asked.append(question)
    _evaluated.set(None)
    denied = original(access_key_id, iam_action, service, region, resource_arn, context)
    _keep(access_key_id, question, denied)
    for role in passed_roles(iam_action, body) if denied is None else ():
        question = Checked("iam:PassRole", role, {"iam:passedtoservice": _PASSES_TO[iam_action]})
        if asked is not None:
            asked.append(question)
        denied = denied or original(access_key_id, "iam:PassRole", "iam", region, role, question.context)
        _keep(access_key_id, question, denied)
    return denied
