"""Secrets Manager as it behaves: versions by client token, moving labels, and rotation that calls its function.

It also sends the events of CloudTrail. Each call that changes something becomes an "AWS API Call via CloudTrail"
event, also if it fails (then with `errorCode`), and a rotation "AWS Service Event via CloudTrail" events, in the
shapes of https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html, which contain no
values of secrets. AWS delivers them within minutes on a best-effort basis, this cloud at once.
(MiniStack itself makes "Secret Label Updated".)
"""

from __future__ import annotations

import contextvars
import datetime
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.iam_evaluator import request_caller_arn
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, request_scope
from ministack.services import lambda_svc, secretsmanager

from local.patches.eventbridge import emit
from local.patches.registry import Original, patch
from local.permissions import service_may
from local.services.config.items import next_rotation
from local.settings import ACCOUNT_ID, REGION

logger = logging.getLogger("switchyard.secretsmanager")

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], Answer]

EVENT_SOURCE = "secretsmanager.amazonaws.com"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
_HIDDEN = {"SecretString", "SecretBinary"}
_CHANGES = {
    "CancelRotateSecret",
    "CreateSecret",
    "DeleteResourcePolicy",
    "DeleteSecret",
    "PutResourcePolicy",
    "PutSecretValue",
    "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions",
    "RestoreSecret",
    "RotateSecret",
    "StopReplicationToReplica",
    "TagResource",
    "UntagResource",
    "UpdateSecret",
    "UpdateSecretVersionStage",
}


def _error(code: str, message: str) -> Answer:
    answer: Answer = error_response_json(code, message, 400)
    return answer


def _ok(data: dict[str, Any]) -> Answer:
    answer: Answer = json_response(data)
    return answer


def _find(data: Mapping[str, Any]) -> dict[str, Any] | None:
    secret: dict[str, Any] | None = secretsmanager._resolve(data.get("SecretId") or data.get("Name"))[1]
    return secret


def _value(data: Mapping[str, Any]) -> tuple[Any, Any]:
    return data.get("SecretString"), data.get("SecretBinary")


def _body(answer: Answer) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(answer[2])
    return made


# --- operations ------------------------------------------------------------------------------------------------


def _repeated(secret: Mapping[str, Any], data: Mapping[str, Any]) -> Answer | None:
    """Return the answer to a token that a version already has: ignore an equal value, refuse a different one."""
    version = secret["Versions"].get(data.get("ClientRequestToken"))
    if version is None or _value(version) == (None, None):
        return None
    if _value(version) != _value(data):
        return _error(
            "ResourceExistsException",
            f"You can't use ClientRequestToken {data['ClientRequestToken']} because that value is already in use for "
            f"a version of secret {secret['ARN']}.",
        )
    identity = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": data["ClientRequestToken"]}
    return _ok({**identity, "VersionStages": list(version["Stages"])})


def _rename_version(secret: dict[str, Any], old: str, new: str | None) -> None:
    if new:
        secret["Versions"] = {new if key == old else key: value for key, value in secret["Versions"].items()}


def create_secret(data: dict[str, Any]) -> Answer:
    """Create a secret with the requested version id; without a value, create no version."""
    existing = secretsmanager._secrets.get(data.get("Name"))
    if existing and existing.get("DeletedDate"):
        return _error(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
    if existing and (repeated := _repeated(existing, data)):
        return repeated
    answer: Answer = secretsmanager._create_secret(data)
    if answer[0] != 200:
        return answer
    made = _body(answer)
    secret = secretsmanager._secrets[data["Name"]]
    if _value(data) == (None, None):
        secret["Versions"] = {}
        del made["VersionId"]
    elif token := data.get("ClientRequestToken"):
        _rename_version(secret, made["VersionId"], token)
        made["VersionId"] = token
    if data.get("AddReplicaRegions"):
        replication: dict[str, Any] = {
            name: data[name] for name in ("AddReplicaRegions", "ForceOverwriteReplicaSecret") if name in data
        }
        replicated: Answer = secretsmanager._replicate_secret_to_regions({"SecretId": made["ARN"], **replication})
        if replicated[0] != 200:
            del secretsmanager._secrets[data["Name"]]
            return replicated
        made["ReplicationStatus"] = _body(replicated)["ReplicationStatus"]
    return _ok(made)


def put_secret_value(data: dict[str, Any]) -> Answer:
    """Add a version. It is idempotent by token, and labels leave the versions that had them."""
    secret = _find(data)
    if secret and not secret.get("DeletedDate") and (repeated := _repeated(secret, data)):
        return repeated
    answer: Answer = secretsmanager._put_secret_value(data)
    if answer[0] != 200 or not secret:
        return answer
    made, labels = _body(answer), data.get("VersionStages") or ["AWSCURRENT"]
    for label in labels:
        secretsmanager._remove_stage_everywhere(secret, label, except_version_id=made["VersionId"])
        secretsmanager._add_stage(secret, made["VersionId"], label)
    secretsmanager._sync_replicas(secret)
    return _ok({**made, "VersionStages": list(secret["Versions"][made["VersionId"]]["Stages"])})


def update_secret(data: dict[str, Any]) -> Answer:
    """Update a secret. A value is stored as PutSecretValue stores it."""
    secret = _find(data)
    has_value = _value(data) != (None, None)
    if has_value and secret and not secret.get("DeletedDate") and (repeated := _repeated(secret, data)):
        return repeated
    answer: Answer = secretsmanager._update_secret({key: value for key, value in data.items() if key not in _HIDDEN})
    if answer[0] != 200 or not has_value:
        return answer
    made = _body(put_secret_value(data))
    return _ok({name: made[name] for name in ("ARN", "Name", "VersionId")})


def list_secrets(data: dict[str, Any]) -> Answer:
    """List secrets with their keys and the dates of their rotations."""
    answer: Answer = secretsmanager._list_secrets(data)
    listed = _body(answer)
    for entry in listed.get("SecretList", []):
        secret = secretsmanager._secrets[entry["Name"]]
        if secret.get("KmsKeyId"):
            entry["KmsKeyId"] = secret["KmsKeyId"]
        entry.update(_rotation_dates(secret))
    return _ok(listed) if answer[0] == 200 else answer


@patch(
    "ministack.services.secretsmanager",
    "_filter_secret_names",
    because="MiniStack searches anywhere in a name, in any letter case, without negation.",
)
def filter_names(names: list[str], filters: list[dict[str, Any]]) -> list[str]:
    """Filter as documented: by prefix, case-sensitive (except descriptions); a leading "!" negates."""
    secrets = secretsmanager._secrets
    fields: dict[str, Callable[[str], list[str]]] = {
        "name": lambda name: [name],
        "tag-key": lambda name: [tag["Key"] for tag in secrets[name].get("Tags", [])],
        "tag-value": lambda name: [tag.get("Value", "") for tag in secrets[name].get("Tags", [])],
        "description": lambda name: [secrets[name].get("Description", "").lower()],
        "primary-region": lambda name: [secrets[name].get("_PrimaryRegion") or ""],
    }
    for wanted in filters:
        of = fields.get(wanted.get("Key", ""), lambda name: [name, *fields["tag-key"](name)])
        values = [v.lower() if wanted.get("Key") == "description" else v for v in wanted.get("Values", [])]

        def passes(name: str, of: Any = of, values: list[str] = values) -> bool:
            return any(
                any(item.startswith(v.removeprefix("!")) for item in of(name)) != v.startswith("!") for v in values
            )

        names = [name for name in names if passes(name)]
    return names


def remove_regions_from_replication(data: dict[str, Any]) -> Answer:
    """Delete the native replicas in the named Regions."""
    secret = _find(data)
    if not secret:
        return _error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    gone = set(data.get("RemoveReplicaRegions") or [])
    statuses = secret.get("ReplicationStatus", [])
    secretsmanager._delete_replicas({**secret, "ReplicationStatus": [s for s in statuses if s["Region"] in gone]})
    secret["ReplicationStatus"] = [status for status in statuses if status["Region"] not in gone]
    return _ok({"ARN": secret["ARN"], "ReplicationStatus": secret["ReplicationStatus"]})


def stop_replication_to_replica(data: dict[str, Any]) -> Answer:
    """Make a native replica an independent secret, as in the loss of its primary's Region."""
    secret = _find(data)
    if not secret:
        return _error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if not secret.get("_PrimarySecretArn"):
        return _error("InvalidRequestException", "The secret is not a replica.")
    secretsmanager._unlink_from_primary(secret)
    del secret["_PrimarySecretArn"], secret["_PrimaryRegion"]
    return _ok({"ARN": secret["ARN"]})


# --- rotation --------------------------------------------------------------------------------------------------


def rotate_secret(data: dict[str, Any]) -> Answer:
    """Check the function's policy, mark a version AWSPENDING, and call the function's four steps."""
    secret = _find(data)
    if not secret:
        return _error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if secret.get("DeletedDate") or secret.get("_PrimarySecretArn"):
        answer: Answer = secretsmanager._rotate_secret(data)  # its errors
        return answer
    function_arn = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if not function_arn:
        return _error("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
    if reason := _may_not_call(function_arn):
        logger.warning("RotateSecret of %s refused: %s", secret["Name"], reason)
        return _error(
            "AccessDeniedException",
            f"Secrets Manager cannot invoke the specified Lambda function {function_arn}. Ensure that the function "
            "policy grants access to the principal secretsmanager.amazonaws.com.",
        )
    for version in secret["Versions"].values():
        if "AWSPENDING" in version["Stages"] and "AWSCURRENT" not in version["Stages"]:
            return _error(
                "InvalidRequestException",
                "A previous rotation isn't complete. That rotation will be reattempted.",
            )
    if (
        not secret.get("RotationEnabled")
        or data.get("RotationRules", secret["RotationRules"]) != secret["RotationRules"]
    ):
        secret["_RotationConfigured"] = int(time.time())
    secret.update(RotationEnabled=True, RotationLambdaARN=function_arn)
    if data.get("RotationRules"):
        secret["RotationRules"] = data["RotationRules"]
    made = {"ARN": secret["ARN"], "Name": secret["Name"]}
    if data.get("RotateImmediately", True):
        token = data.get("ClientRequestToken") or str(uuid.uuid4())
        empty: dict[str, Any] = {
            "SecretString": None,
            "SecretBinary": None,
            "CreatedDate": int(time.time()),
            "Stages": [],
        }
        secret["Versions"][token] = empty
        secretsmanager._remove_stage_everywhere(secret, "AWSPENDING")
        secretsmanager._add_stage(secret, token, "AWSPENDING")
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(_rotate, secret["ARN"], function_arn, token), daemon=True).start()
        made["VersionId"] = token
    return _ok(made)


def cancel_rotate_secret(data: dict[str, Any]) -> Answer:
    """Turn rotation off. Its function and rules stay."""
    secret = _find(data)
    if not secret:
        return _error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if not secret.get("RotationEnabled"):
        return _error("InvalidRequestException", "The secret is not configured for rotation.")
    secret["RotationEnabled"] = False
    return _ok({"ARN": secret["ARN"], "Name": secret["Name"]})


def describe_secret(data: dict[str, Any]) -> Answer:
    """Describe a secret with the dates of its last and next rotation."""
    answer: Answer = secretsmanager._describe_secret(data)
    secret = _find(data)
    return _ok({**_body(answer), **_rotation_dates(secret)}) if answer[0] == 200 and secret else answer


def _rotation_dates(secret: Mapping[str, Any]) -> dict[str, Any]:
    dates = {"LastRotatedDate": secret.get("LastRotatedDate"), "NextRotationDate": next_rotation(dict(secret))}
    return {name: value for name, value in dates.items() if value}


def age(secret_id: str, days: float, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Age a secret by `days`: all its dates move into the past."""
    with request_scope(account, region):
        secret = _find({"SecretId": secret_id})
    if secret is None:
        raise ValueError(f"there is no secret {secret_id!r}")
    for date in ("CreatedDate", "LastAccessedDate", "LastChangedDate", "LastRotatedDate", "_RotationConfigured"):
        if secret.get(date):
            secret[date] -= int(days * 86_400)


COMMANDS: dict[str, Any] = {"age": age}


def _function(function_arn: str) -> tuple[Any, Any]:
    function, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
    return function, config


def _may_not_call(function_arn: str) -> str:
    function, config = _function(function_arn)
    if not function or not config:
        return f"{function_arn} does not exist"
    return service_may(
        EVENT_SOURCE, "lambda:InvokeFunction", function_arn, function.get("policy"), "", get_account_id(), get_region()
    )


def _rotate(secret_arn: str, function_arn: str, token: str) -> None:
    _service_event("RotationStarted", secret_arn)
    function, config = _function(function_arn)
    for step in STEPS:
        event = {"Step": step, "SecretId": secret_arn, "ClientRequestToken": token}
        result = lambda_svc._execute_function(lambda_svc._execution_record_for_config(function, config), event)
        if result.get("error"):
            logger.warning("Rotation of %s failed in %s: %s", secret_arn, step, result.get("body"))
            _service_event("RotationFailed", secret_arn)
            return
    secret = _find({"SecretId": secret_arn}) or {"Versions": {}}
    labels = secret["Versions"].get(token, {"Stages": []})["Stages"]
    if "AWSCURRENT" in labels and "AWSPENDING" in labels:
        labels.remove("AWSPENDING")
    if "AWSCURRENT" in labels:
        secret["LastRotatedDate"] = int(time.time())
    _service_event("RotationSucceeded" if "AWSCURRENT" in labels else "RotationFailed", secret_arn)


# --- events ----------------------------------------------------------------------------------------------------


def _camel(value: Any) -> Any:
    """Return parameters as CloudTrail writes them: names begin in lower case, secret values are left out."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _camel(item) for name, item in value.items() if name not in _HIDDEN}
    return [_camel(item) for item in value] if isinstance(value, list) else value


def _record(name: str, event_type: str, **fields: Any) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "eventVersion": "1.08",
        "eventTime": now,
        "eventSource": EVENT_SOURCE,
        "eventName": name,
        "awsRegion": get_region(),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": event_type,
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
        **fields,
    }


def _emit(detail_type: str, detail: dict[str, Any]) -> None:
    try:
        emit("aws.secretsmanager", detail_type, detail, [], get_account_id(), get_region())
    except Exception:
        logger.exception("The event %s was not delivered", detail["eventName"])


def _service_event(name: str, secret_arn: str) -> None:
    detail = _record(
        name,
        "AwsServiceEvent",
        userIdentity={"accountId": get_account_id(), "invokedBy": EVENT_SOURCE},
        sourceIPAddress=EVENT_SOURCE,
        userAgent=EVENT_SOURCE,
        requestParameters=None,
        responseElements=None,
        additionalEventData={"SecretId": secret_arn},
        requestID=f"Rotation-{secret_arn}-{uuid.uuid4()}",
    )
    _emit("AWS Service Event via CloudTrail", detail)


def _api_event(action: str, data: dict[str, Any], answer: Answer, caller: str, headers: Mapping[str, str]) -> None:
    made = _body(answer) if answer[2] else {}
    outcome: dict[str, Any] = {"responseElements": {"arn": made["ARN"]} if "ARN" in made else None}
    if answer[0] != 200:
        code = str(made.get("__type", "")).rpartition("#")[2]
        outcome = {"responseElements": None, "errorCode": code, "errorMessage": made.get("message", "")}
    kind = "AssumedRole" if ":assumed-role/" in caller else "Root" if caller.endswith(":root") else "IAMUser"
    detail = _record(
        action,
        "AwsApiCall",
        userIdentity={"type": kind, "arn": caller, "accountId": caller.split(":")[4]},
        sourceIPAddress="127.0.0.1",
        userAgent=headers.get("user-agent", ""),
        requestParameters=_camel(data),
        requestID=str(uuid.uuid4()),
        **outcome,
    )
    _emit("AWS API Call via CloudTrail", detail)


_OWN: dict[str, Handler] = {
    "CancelRotateSecret": cancel_rotate_secret,
    "CreateSecret": create_secret,
    "DescribeSecret": describe_secret,
    "ListSecrets": list_secrets,
    "PutSecretValue": put_secret_value,
    "RemoveRegionsFromReplication": remove_regions_from_replication,
    "RotateSecret": rotate_secret,
    "StopReplicationToReplica": stop_replication_to_replica,
    "UpdateSecret": update_secret,
}


@patch(
    "ministack.app",
    "SERVICE_HANDLERS[secretsmanager]",
    because="MiniStack ignores client tokens, never calls a rotation function, and sends no events of CloudTrail.",
)
async def handle(
    original: Original, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Any:
    """Answer a request, and send the event of one that changes something."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        data = json.loads(body) if body else {}
    except ValueError:
        return await original(method, path, headers, body, query_params)
    if action in _OWN:
        answer = _OWN[action](data)
    else:
        answer = await original(method, path, headers, body, query_params)
    if action in _CHANGES:
        _api_event(action, data, answer, request_caller_arn(headers, query_params), headers)
    return answer
