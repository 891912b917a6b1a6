"""IAM checks that AWS makes and MiniStack does not: KMS use on the caller's behalf, and service principals.

The first: a caller that reads or writes data encrypted with a customer managed key needs `kms:Decrypt` or
`kms:GenerateDataKey` on that key too, from its own policies *and* the key policy. The second: a service that
delivers to a queue, topic, function or encrypted resource must be allowed by the resource's policy and by the
key policy of the key that encrypts it.
"""

from __future__ import annotations

import contextvars
import dataclasses
import functools
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterable
from typing import Any

# Action -> what the service does with the key in the caller's name.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms and the like pages.
_KEY_USE: dict[str, tuple[str, ...]] = {
    "s3:PutObject": ("kms:GenerateDataKey",),
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    # https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
    "kinesis:GetRecords": ("kms:Decrypt",),
    "kinesis:PutRecord": ("kms:GenerateDataKey",),
    "kinesis:PutRecords": ("kms:GenerateDataKey",),
    "kinesis:SubscribeToShard": ("kms:Decrypt",),
    # As AWS WAF's service-linked role may, with the reason KMSForFirehoseSSECMK:
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/WAFV2LoggingServiceRolePolicy.html
    "firehose:PutRecord": ("kms:GenerateDataKey", "kms:Decrypt"),
    "firehose:PutRecordBatch": ("kms:GenerateDataKey", "kms:Decrypt"),
    # Not with includedData = METADATA_ONLY, as the API reference says.
    "states:DescribeExecution": ("kms:Decrypt",),
    "states:StartExecution": ("kms:GenerateDataKey", "kms:Decrypt"),
    "states:StartSyncExecution": ("kms:GenerateDataKey", "kms:Decrypt"),
    "secretsmanager:GetSecretValue": ("kms:Decrypt",),
    # Of a SecureString, with WithDecryption.
    "ssm:GetParameter": ("kms:Decrypt",),
    "ssm:GetParameters": ("kms:Decrypt",),
    "secretsmanager:BatchGetSecretValue": ("kms:Decrypt",),
    "secretsmanager:CreateSecret": ("kms:GenerateDataKey", "kms:Decrypt"),
    "secretsmanager:PutSecretValue": ("kms:GenerateDataKey", "kms:Decrypt"),
    # The API reference names all three, whatever is updated.
    "secretsmanager:UpdateSecret": ("kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"),
    **{
        f"dynamodb:{operation}": ("kms:Decrypt",)
        for operation in [
            "BatchGetItem",
            "BatchWriteItem",
            "ConditionCheckItem",
            "DeleteItem",
            "GetItem",
            "GetRecords",  # of the table's stream
            "PutItem",
            "Query",
            "Scan",
            "UpdateItem",
        ]
    },
}

request_headers: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("headers", default=None)
"""Headers of the request being answered (the gateway sets it), for checks that depend on them."""

request_body: contextvars.ContextVar[bytes] = contextvars.ContextVar("body", default=b"")
"""Its body, likewise."""

request_query: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("query", default={})  # noqa: B039 - never changed
"""Its query parameters, the first value of each, likewise."""


@dataclasses.dataclass(frozen=True)
class Checked:
    """One question to IAM that a request raised. `context` has the condition keys of the request, in lower case."""

    action: str
    resource: str
    context: dict[str, Any]


checks: contextvars.ContextVar[list[Checked] | None] = contextvars.ContextVar("checks", default=None)
"""What IAM was asked for the request being answered; the gateway sets an empty list."""


class Permitted:
    """What sessions of roles were permitted, each question once: the last `limit` of them."""

    def __init__(self, limit: int = 200_000) -> None:
        self._limit, self._kept = limit, dict[tuple[str, str, str, str], Checked]()
        self._lock = threading.Lock()

    def add(self, role: str, asked: Checked) -> None:
        """Keep a question. `role` is `<account>:<name>`."""
        key = role, asked.action, asked.resource, repr(sorted(asked.context.items()))
        with self._lock:
            if key not in self._kept and len(self._kept) >= self._limit:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = asked

    def of(self, account: str) -> dict[str, list[Checked]]:
        """Return the questions by the name of the role, of one account."""
        found: dict[str, list[Checked]] = {}
        with self._lock:
            for (role, *_), asked in self._kept.items():
                owner, _, name = role.partition(":")
                if owner == account:
                    found.setdefault(name, []).append(asked)
        return found


permitted = Permitted()


@dataclasses.dataclass(frozen=True)
class Use:
    """One use of a customer managed key by a service on a caller's behalf."""

    key_arn: str
    actions: tuple[str, ...]
    via_service: str
    encryption_context: dict[str, str]


def key_arn(key: str) -> str:
    """ARN of a key given by id, ARN or alias; empty for AWS owned and AWS managed keys."""
    from ministack.services import kms

    if not key or "alias/aws/" in key:
        return ""
    record = kms._resolve_key(key)
    return str(record["Arn"]) if record else key


def _s3_key(resource_arn: str, action: str) -> tuple[str, dict[str, str]]:
    from ministack.services import s3

    bucket, _, key = resource_arn.split(":::", 1)[-1].partition("/")
    header = "x-amz-server-side-encryption-aws-kms-key-id"
    if action == "s3:PutObject" and _upload():
        upload = s3._multipart_uploads.get(_upload()) or {}
        return upload.get("preserved_headers", {}).get(header, ""), {"aws:s3:arn": f"arn:aws:s3:::{bucket}"}
    if action == "s3:PutObject":
        headers = request_headers.get() or {}
        if headers.get("x-amz-server-side-encryption", "aws:kms") != "aws:kms":
            return "", {}
        return headers.get(header) or s3._bucket_default_sse_headers(bucket).get(header, ""), {
            "aws:s3:arn": f"arn:aws:s3:::{bucket}"
        }
    record = (s3._buckets.get(bucket) or {"objects": {}})["objects"].get(key) or {}
    return record.get("preserved_headers", {}).get(header, ""), {"aws:s3:arn": f"arn:aws:s3:::{bucket}"}


def _upload() -> str:
    """The multipart upload that the request belongs to."""
    return request_query.get().get("uploadId", "")


def _key_of(service: str, resource_arn: str, action: str) -> tuple[str, dict[str, str]]:
    if service == "s3":
        return _s3_key(resource_arn, action)
    if service == "sqs":
        from ministack.services import sqs

        queue = sqs._queue_by_arn(resource_arn)
        return (queue["attributes"].get("KmsMasterKeyId") or "" if queue else ""), {"aws:sqs:arn": resource_arn}
    if service == "sns":
        from ministack.services import sns

        topic = sns._topic_by_arn_any_scope(resource_arn)
        return (topic["attributes"].get("KmsMasterKeyId") or "" if topic else ""), {"aws:sns:topicArn": resource_arn}
    if service == "dynamodb":
        from ministack.services import dynamodb

        name = resource_arn.split(":table/", 1)[-1].split("/")[0]
        table = dynamodb._tables.get(name) or {}
        return (table.get("SSEDescription") or {}).get("KMSMasterKeyArn", ""), {"aws:dynamodb:tableName": name}
    if service == "states":
        from ministack.services import stepfunctions

        if json.loads(request_body.get() or b"{}").get("includedData") == "METADATA_ONLY":
            return "", {}
        execution = stepfunctions._executions.get(resource_arn) or {"stateMachineArn": resource_arn}
        arn = execution["stateMachineArn"]
        machine = stepfunctions._state_machines.get(arn) or {}
        key = (machine.get("encryptionConfiguration") or {}).get("kmsKeyId") or ""
        return key, {"aws:states:stateMachineArn": arn}
    if service == "kinesis":
        from ministack.services import kinesis

        arn = resource_arn.partition("/consumer/")[0]
        account, region = kinesis._kinesis_arn_scope(arn)
        stream = kinesis._streams.get_scoped(account, region, arn.partition("/")[2]) or {}
        return stream.get("KeyId") or "", {"aws:kinesis:arn": arn}
    if service == "firehose":
        from ministack.services import firehose

        stream = firehose._streams.get(resource_arn.partition("deliverystream/")[2]) or {}
        return (stream.get("encryption") or {}).get("KeyARN") or "", {}
    if service == "secretsmanager":
        from ministack.services import secretsmanager

        if action == "secretsmanager:CreateSecret":  # there is no secret yet: the request names the key
            return str(json.loads(request_body.get() or b"{}").get("KmsKeyId") or ""), {}
        _, secret = secretsmanager._resolve(resource_arn)
        return ((secret or {}).get("KmsKeyId") or ""), {"SecretARN": resource_arn}
    if service == "ssm":
        from ministack.services import ssm

        if not json.loads(request_body.get() or b"{}").get("WithDecryption"):
            return "", {}
        _, parameter = ssm._lookup_parameter(resource_arn)
        return ((parameter or {}).get("KeyId") or ""), {"PARAMETER_ARN": resource_arn}
    return "", {}


def key_use(resource_arn: str, action: str, region: str) -> Use | None:
    """How answering `action` on `resource_arn` uses a customer managed key, or None."""
    actions, service = _KEY_USE.get(action), action.partition(":")[0]
    if not actions or not resource_arn.startswith("arn:"):
        return None
    key, context = _key_of(service, resource_arn, action)
    arn = key_arn(key)
    if action == "s3:PutObject" and _upload():  # parts are read again when they become an object
        actions = ("kms:GenerateDataKey", "kms:Decrypt")
    return Use(arn, actions, f"{service}.{region}.amazonaws.com", context) if arn else None


def _source_keys(service: str, action: str, source_arn: str, account: str) -> dict[str, Any]:
    """Return the condition keys that say for which resource and account a service principal calls.

    EventBridge presents neither to SNS ("You can't use Condition blocks in Amazon SNS topic policies for EventBridge":
    EventBridge user guide, "Using resource-based policies") nor to KMS (SNS developer guide, "Key management").
    """
    if service == "events.amazonaws.com" and action.startswith(("sns:", "kms:")):
        return {}
    return {k: v for k, v in {"aws:sourcearn": source_arn, "aws:sourceaccount": account}.items() if v}


def _allows(document: Any, service: str, action: str, resource: str, region: str, keys: dict[str, Any]) -> bool:
    """Return whether a resource's or a role's policy lets a service principal do an action, with these keys alone."""
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=region,
        secure_transport=True,
        service_context={
            "aws:principalisawsservice": "true",
            "aws:principalservicename": service,
            **{k.lower(): v for k, v in keys.items()},
        },
    )
    return bool(evaluate_resource_policy(document, context, service=service).decision == "Allow")


def service_may(
    service: str,
    action: str,
    resource_arn: str,
    policy: Any,
    source_arn: str,
    account: str,
    region: str,
    conditions: dict[str, str] | None = None,
) -> str:
    """Why the service principal `service` may not do `action`, or an empty string when it may.

    `conditions` are further condition keys of the request.
    """
    keys = {**(conditions or {}), **_source_keys(service, action, source_arn, account)}
    if not _allows(policy, service, action, resource_arn, region, keys):
        return f"the policy of {resource_arn} does not let {service} do {action}"
    use = key_use(resource_arn, action, region)
    return service_may_use(service, use, source_arn, account, region, conditions) if use else ""


def service_may_use(
    service: str, use: Use, source_arn: str, account: str, region: str, conditions: dict[str, str] | None = None
) -> str:
    """Why the key's policy does not let a service principal use it for the account, or an empty string when it does.

    A service principal calls KMS itself: there is no kms:ViaService in its request.
    """
    from ministack.services import kms

    document = (kms.key_policy_for_arn(use.key_arn) or ("", ""))[0]
    context = {f"kms:EncryptionContext:{name}": value for name, value in use.encryption_context.items()}
    for action in use.actions:
        keys = {**(conditions or {}), **_source_keys(service, action, source_arn, account), **context}
        if not _allows(document, service, action, use.key_arn, region, keys):
            return f"the key policy of {use.key_arn} does not let {service} do {action}"
    return ""


_SOURCE = ("aws:SourceArn", "aws:SourceAccount")

# Service -> condition keys that it presents when it assumes a role, as its guide says; others present none, so that
# a trust policy with a condition refuses them.
_PRESENTED: dict[str, tuple[str, ...]] = {
    # https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html
    "codebuild.amazonaws.com": _SOURCE,  # the project
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/cross-service-confused-deputy-prevention.html
    "codepipeline.amazonaws.com": _SOURCE,  # the pipeline
    # https://docs.aws.amazon.com/config/latest/developerguide/iamrole-permissions.html#iam-trust-policy
    "config.amazonaws.com": _SOURCE,
    # https://docs.aws.amazon.com/cognito/latest/developerguide/cross-service-confused-deputy-prevention.html
    "cognito-idp.amazonaws.com": (*_SOURCE, "sts:ExternalId"),
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    "ecs-tasks.amazonaws.com": _SOURCE,  # the task
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html
    "events.amazonaws.com": _SOURCE,  # the rule
    # https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#firehose-assume-role
    "firehose.amazonaws.com": ("sts:ExternalId",),  # the account
    # https://docs.aws.amazon.com/iot/latest/developerguide/iot-create-role.html
    "iot.amazonaws.com": _SOURCE,  # the rule
    # https://docs.aws.amazon.com/opensearch-service/latest/developerguide/ml-amazon-connector.html
    "opensearchservice.amazonaws.com": _SOURCE,  # the domain
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    "scheduler.amazonaws.com": _SOURCE,  # the schedule's group, not the schedule
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html
    "ssm.amazonaws.com": _SOURCE,  # the automation's execution
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    "states.amazonaws.com": _SOURCE,  # the state machine
}


def trusts(document: Any, service: str, source_arn: str = "", source_account: str = "", external_id: str = "") -> bool:
    """Return whether a trust policy lets a service assume its role for this resource, account and external id."""
    known = dict(zip((*_SOURCE, "sts:ExternalId"), (source_arn, source_account, external_id), strict=True))
    presented = {key: known[key] for key in _PRESENTED.get(service, ()) if known[key]}
    return _allows(document, service, "sts:AssumeRole", "*", "", presented)


def role_session(
    role_arn: str, session_name: str, service: str, source_arn: str = "", external_id: str = ""
) -> dict[str, Any]:
    """Return boto3 credentials of a service's session of a role, for a resource of the role's account.

    Raises:
        PermissionError: There is no such role, or its trust policy refuses.
    """
    from ministack.services import iam, sts

    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    trust = (role or {}).get("AssumeRolePolicyDocument")
    source_account = source_arn.split(":")[4] if source_arn else ""
    if not role or not trusts(trust, service, source_arn, source_account, external_id):
        raise PermissionError(f"{service} is not trusted to assume {role_arn}")
    digest = hashlib.sha256(f"{role_arn}:{session_name}:{service}".encode()).hexdigest()
    key, secret, token = f"ASIA{digest[:16].upper()}", digest[16:56], digest[::-1]
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name[:64]}",
            "UserId": f"{name}:{session_name[:64]}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "IssuedAt": time.time(),
        },
    )
    return {"aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token}


def role_may(role: str, service: str, asked: Iterable[tuple[str, str]], region: str, external_id: str = "") -> str:
    """Why a role that `service` assumes may not do one of these (action, resource), or an empty string.

    For what a service does itself, such as Lambda's pollers: there is no request, and its calls use TLS, which policies
    of resources require.
    """
    from ministack.core import iam_evaluator

    try:
        key = role_session(role, "poller", service, external_id=external_id)["aws_access_key_id"]
    except PermissionError as error:
        return str(error)
    iam_evaluator.pin_request_origin("127.0.0.1", secure_transport=True)
    for action, resource in asked:
        if iam_evaluator.enforce(key, action, action.partition(":")[0], region, resource) is not None:
            return f"{role} may not do {action} on {resource}, or use its key"
    return ""


@functools.cache
def _session() -> Any:
    """The session of all clients: a new one, with the models that it reads, takes longer than most calls."""
    import botocore.session

    return botocore.session.Session()


_making = threading.Lock()  # a session makes one client at a time


@functools.lru_cache(maxsize=200)
def _client(service: str, region: str, attempts: int, credentials: tuple[tuple[str, str], ...]) -> Any:
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=905)
    with _making:
        return _session().create_client(service, region_name=region, config=config, **dict(credentials))


def client(service: str, region: str, credentials: dict[str, Any], attempts: int = 5) -> Any:
    """The client of an API, on this cloud, with the credentials of a `role_session`."""
    return _client(service, region, attempts, tuple(sorted(credentials.items())))


def caller() -> tuple[str, dict[str, str]]:
    """Return (ARN, boto3 credentials) of the principal that makes the request that is being answered."""
    from ministack.services import sts

    headers = request_headers.get() or {}
    signed = re.search(r"Credential=([^/]+)/", headers.get("authorization", ""))
    key = signed[1] if signed else "test"
    session = sts._sessions.get(key) or {}
    credentials = {"aws_access_key_id": key, "aws_secret_access_key": session.get("SecretAccessKey", "test")}
    if session.get("SessionToken"):
        credentials["aws_session_token"] = session["SessionToken"]
    return str(session.get("Arn", "")), credentials


def principal_arn(caller_arn: str) -> str:
    """`aws:PrincipalArn` of a caller: of a role's session it is the role, where MiniStack gives the session."""
    from ministack.services import iam

    if ":assumed-role/" not in caller_arn:
        return caller_arn
    account, name = caller_arn.split(":")[4], caller_arn.split("/")[1]
    role = iam._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else caller_arn
