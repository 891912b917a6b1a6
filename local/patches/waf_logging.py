"""Logging configurations of web ACLs, which MiniStack's AWS WAF lacks: checked, authorized and delivered as AWS does.

The caller that puts a configuration needs the permissions that WAF uses in its name ("Logging destinations" of the WAF
developer guide), and the destination must let WAF write: WAF adds what is missing to the policy of a bucket or log
group, and makes its service-linked role for a stream. AWS does not document the error for a destination that does not
exist; here it is the one about permissions.

This WAF sees no requests, so it makes no records: `COMMANDS["deliver"]` gives it one, which goes to the destination
as WAF's records do: under its service-linked role, or as the principal of log delivery. Redaction and filters are
kept and not applied.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, request_scope
from ministack.core.router import extract_access_key_id
from ministack.services import cloudwatch_logs, firehose, iam, s3, waf

from local.patches.registry import Original, patch
from local.patches.waf import WafError, invalid
from local.permissions import client, request_body, role_session, service_may

PRINCIPAL, DELIVERY = "wafv2.amazonaws.com", "delivery.logs.amazonaws.com"
ROLE = "AWSServiceRoleForWAFV2Logging"
ROLE_PATH = f"/aws-service-role/{PRINCIPAL}/"
REDACTABLE = {"UriPath", "QueryString", "SingleHeader", "Method"}
NAME = "aws-waf-logs-"
MISSING = "AWS WAF couldn't perform the operation because your resource doesn't exist."
DENIED = (
    "Unable to deliver logs to the configured destination. You might need to grant log delivery permissions for the "
    "destination. If you're using S3 as your log destination, you might have exceeded your bucket limit."
)
BAD_ARN = (
    "The ARN isn't valid. A valid ARN begins with arn: and includes other information separated by colons or slashes."
)

_configurations: dict[str, dict[str, Any]] = {}


def destination_kind(arn: str, region: str, account: str) -> str:
    """Return firehose, logs or s3. Raise WafError if the ARN is no destination of this account and Region."""
    forms = {
        "firehose": f"arn:aws:firehose:{region}:{account}:deliverystream/{NAME}",
        "logs": f"arn:aws:logs:{region}:{account}:log-group:{NAME}",
        "s3": f"arn:aws:s3:::{NAME}",
    }
    for kind, start in forms.items():
        if arn.startswith(start) and len(arn) > len(start):
            return kind
    raise invalid(BAD_ARN, "LOG_DESTINATION", arn)


def check_fields(configuration: dict[str, Any]) -> None:
    """Check redaction, filter and destinations against the API. Raise WafError if it does not allow them."""
    given = configuration.get("LogDestinationConfigs") or []
    if len(given) != 1:
        raise invalid("You exceeded the number of values for a field.", "LOG_DESTINATION", len(given))
    for redacted in configuration.get("RedactedFields") or []:
        if len(redacted) != 1 or set(redacted) - REDACTABLE:
            reason = "Your statement has multiple values set for a field that requires exactly one value, or none."
            raise invalid(reason, "FIELD_TO_MATCH", json.dumps(redacted))
        if "SingleHeader" in redacted and not redacted["SingleHeader"].get("Name"):
            raise invalid("The parameter is missing.", "SINGLE_HEADER", json.dumps(redacted))
    chosen = configuration.get("LoggingFilter")
    for one in [] if chosen is None else chosen.get("Filters") or [{}]:
        if not one.get("Conditions") or any(len(condition) != 1 for condition in one["Conditions"]):
            raise invalid("You must specify a condition.", "LOGGING_FILTER", json.dumps(one))


def put(data: dict[str, Any], access_key: str) -> dict[str, Any]:
    """Answer PutLoggingConfiguration. Raise WafError if refused."""
    configuration = data["LoggingConfiguration"]
    arn = _existing(configuration["ResourceArn"])
    check_fields(configuration)
    (destination,) = configuration["LogDestinationConfigs"]
    kind = destination_kind(destination, get_region(), get_account_id())
    caller = _Caller(access_key, get_region())
    former = _configurations.get(arn)
    if (
        former
        and former["LogDestinationConfigs"] != [destination]
        and ":firehose:" not in former["LogDestinationConfigs"][0]
    ):
        caller.needs("logs:DeleteLogDelivery")  # a stream has no log delivery
    {"firehose": _to_stream, "logs": _to_log_group, "s3": _to_bucket}[kind](destination, caller)
    kept = {"LogType": "WAF_LOGS", "LogScope": "CUSTOMER", **configuration, "ManagedByFirewallManager": False}
    _configurations[arn] = kept
    return {"LoggingConfiguration": kept}


class _Caller:
    """The caller that puts a configuration: WAF acts in its name."""

    def __init__(self, access_key: str, region: str) -> None:
        self._key, self._region = access_key, region

    def needs(self, action: str, resource: str = "*", **context: Any) -> None:
        """Raise WafError if the caller may not do `action`."""
        given = {"aws:CalledVia": [PRINCIPAL], **context}
        if iam_evaluator.enforce(self._key, action, action.split(":")[0], self._region, resource, given) is not None:
            raise WafError("WAFLogDestinationPermissionIssueException", DENIED)


def _to_stream(arn: str, caller: _Caller) -> None:
    caller.needs("firehose:ListDeliveryStreams")
    stream = firehose._streams.get(arn.rpartition("/")[2])
    if not stream:
        raise WafError("WAFLogDestinationPermissionIssueException", DENIED)
    if stream["type"] != "DirectPut":
        raise invalid("The stream's source must be Direct PUT.", "LOG_DESTINATION", arn)
    if ROLE in iam._roles:
        return
    role = f"arn:aws:iam::{get_account_id()}:role{ROLE_PATH}{ROLE}"
    caller.needs("iam:CreateServiceLinkedRole", role, **{"iam:AWSServiceName": PRINCIPAL})
    _make_role(role)


def _make_role(arn: str) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/WAFV2LoggingServiceRolePolicy.html
    actions = ["firehose:PutRecord", "firehose:PutRecordBatch"]
    put = {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:firehose:*:*:deliverystream/{NAME}*"}
    use = {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"}
    may = [put, {**use, "Condition": {"StringLike": {"kms:ViaService": "firehose.*.amazonaws.com"}}}]
    iam._create_service_linked_role({"AWSServiceName": PRINCIPAL})
    made = iam._roles.pop("AWSServiceRoleForWafv2")
    iam._roles[ROLE] = {
        **made,
        "RoleName": ROLE,
        "Arn": arn,
        "Path": ROLE_PATH,
        "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        "InlinePolicies": {"WAFV2LoggingServiceRolePolicy": json.dumps({"Version": "2012-10-17", "Statement": may})},
    }


def _to_log_group(arn: str, caller: _Caller) -> None:
    for action in ("CreateLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies", "PutResourcePolicy"):
        caller.needs(f"logs:{action}")
    if arn.split(":log-group:")[1].removesuffix(":*") not in cloudwatch_logs._log_groups:
        raise WafError("WAFLogDestinationPermissionIssueException", DENIED)
    if _log_refusal(arn):
        statement = {
            "Sid": "AWSLogDeliveryWrite",
            "Effect": "Allow",
            "Principal": {"Service": DELIVERY},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{arn.removesuffix(':*')}:log-stream:*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        cloudwatch_logs._put_resource_policy({"policyName": f"AWSLogDelivery-{arn[-20:]}", "policyDocument": document})


def _to_bucket(arn: str, caller: _Caller) -> None:
    bucket = arn.partition("/")[0]
    name = bucket.rpartition(":")[2]
    caller.needs("logs:CreateLogDelivery")
    for action in ("GetBucketPolicy", "PutBucketPolicy"):
        caller.needs(f"s3:{action}", bucket)
    if name not in s3._buckets:
        raise WafError("WAFLogDestinationPermissionIssueException", DENIED)
    if _bucket_refusal(arn, "x"):
        document = json.loads(s3._bucket_policies.get(name) or '{"Version": "2012-10-17", "Statement": []}')
        allow = {"Effect": "Allow", "Principal": {"Service": DELIVERY}}
        written = f"{arn}/AWSLogs/{get_account_id()}/*"
        document["Statement"] += [
            {"Sid": "AWSLogDeliveryWrite", **allow, "Action": "s3:PutObject", "Resource": written},
            {"Sid": "AWSLogDeliveryAclCheck", **allow, "Action": "s3:GetBucketAcl", "Resource": bucket},
        ]
        s3._bucket_policies[name] = json.dumps(document)


def _log_refusal(arn: str) -> str:
    """Return why log delivery may not write to a log group; empty if it may."""
    statements = [
        statement
        for policy in cloudwatch_logs._resource_policies.values()
        for statement in json.loads(policy["policyDocument"])["Statement"]
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    stream = f"{arn.removesuffix(':*')}:log-stream:x"
    return _refusal("logs:CreateLogStream", stream, document) or _refusal("logs:PutLogEvents", stream, document)


def _bucket_refusal(arn: str, key: str) -> str:
    """Return why log delivery may not write an object; empty if it may."""
    bucket, _, prefix = arn.partition("/")
    path = "/".join(filter(None, [bucket, prefix, "AWSLogs", get_account_id(), key]))
    policy = s3._bucket_policies.get(bucket.rpartition(":")[2]) or ""
    return _refusal("s3:PutObject", path, policy) or _refusal("s3:GetBucketAcl", bucket, policy)


def _refusal(action: str, resource: str, policy: Any) -> str:
    account, region = get_account_id(), get_region()
    source = f"arn:aws:logs:{region}:{account}:delivery-source:waf"
    sent = {"s3:x-amz-acl": "bucket-owner-full-control"} if action == "s3:PutObject" else {}
    return service_may(DELIVERY, action, resource, policy, source, account, region, sent)


def _existing(arn: str) -> str:
    """Return the ARN of an existing web ACL. Raise WafError if there is none."""
    found, refused = waf._resolve_local_waf_resource_arn(arn, ("webacl",))
    if refused:
        code = json.loads(refused[2])["__type"].rpartition("#")[2]
        raise WafError(code, MISSING if code == "WAFNonexistentItemException" else BAD_ARN)
    return str(found)


def _stored(arn: str) -> dict[str, Any]:
    """Return a web ACL's configuration. Raise the same WafError if the web ACL or its logging does not exist."""
    arn = _existing(arn)
    if arn not in _configurations:
        raise WafError("WAFNonexistentItemException", MISSING)
    return _configurations[arn]


def _listed(data: dict[str, Any]) -> dict[str, Any]:
    acls = waf._values_for_scope(waf._web_acls, data["Scope"])
    found = [_configurations[arn] for arn in sorted(acl["ARN"] for acl in acls) if arn in _configurations]
    start, limit = int(data.get("NextMarker") or 0), int(data.get("Limit") or 100)
    more = {"NextMarker": str(start + limit)} if len(found) > start + limit else {}
    return {"LoggingConfigurations": found[start : start + limit], **more}


def answer(action: str, data: dict[str, Any], access_key: str) -> dict[str, Any] | None:
    """Return the answer to an operation on logging configurations, or None for any other. Raise WafError if refused."""
    match action:
        case "PutLoggingConfiguration":
            return put(data, access_key)
        case "GetLoggingConfiguration":
            return {"LoggingConfiguration": _stored(data["ResourceArn"])}
        case "DeleteLoggingConfiguration":
            _stored(data["ResourceArn"])
            del _configurations[data["ResourceArn"]]
            return {}
        case "ListLoggingConfigurations":
            return _listed(data)
    return None


# --- records -------------------------------------------------------------------------------------------------------


def deliver(web_acl_arn: str, record: dict[str, Any]) -> str:
    """Deliver a log record of a web ACL as WAF does. Return its destination. Raise PermissionError if refused."""
    _, _, _, region, account, resource = web_acl_arn.split(":", 5)
    with request_scope(account, region):
        (destination,) = _stored(web_acl_arn)["LogDestinationConfigs"]
        name = resource.split("/")[2]
        kind = destination_kind(destination, region, account)
        line = json.dumps({"webaclId": web_acl_arn, "timestamp": int(time.time() * 1000), "formatVersion": 1, **record})
        if kind == "firehose":
            return _record_to_stream(destination, line)
        if kind == "logs":
            return _record_to_log_group(destination, f"{region}_{name}_0", line)
        return _record_to_bucket(destination, name, line)


def _record_to_stream(arn: str, line: str) -> str:
    region, account = arn.split(":")[3:5]
    credentials = role_session(f"arn:aws:iam::{account}:role{ROLE_PATH}{ROLE}", "waf", PRINCIPAL)
    stream = arn.rpartition("/")[2]
    client("firehose", region, credentials).put_record(DeliveryStreamName=stream, Record={"Data": f"{line}\n".encode()})
    return stream


def _record_to_log_group(arn: str, stream: str, line: str) -> str:
    if reason := _log_refusal(arn):
        raise PermissionError(reason)
    where = {"logGroupName": arn.split(":log-group:")[1].removesuffix(":*"), "logStreamName": stream}
    cloudwatch_logs._create_log_stream(where)  # an existing stream is refused, which is as good
    cloudwatch_logs._put_log_events({**where, "logEvents": [{"timestamp": int(time.time() * 1000), "message": line}]})
    return stream


def _record_to_bucket(arn: str, name: str, line: str) -> str:
    account, region, at = get_account_id(), get_region(), time.gmtime()
    stamp = time.strftime("%Y%m%dT%H%MZ", at)
    folder = f"WAFLogs/{region}/{name}/{time.strftime('%Y/%m/%d/%H/%M', at)}"
    key = f"{folder}/{account}_waflogs_{region}_{name}_{stamp}_{time.time_ns():x}.log.gz"
    if reason := _bucket_refusal(arn, key):
        raise PermissionError(reason)
    bucket, _, prefix = arn.removeprefix("arn:aws:s3:::").partition("/")
    path = "/".join(filter(None, [prefix, "AWSLogs", account, key]))
    firehose._put_s3_object(bucket, path, gzip.compress(f"{line}\n".encode()))
    return path


COMMANDS = {"deliver": deliver}


def condition_keys(action: str, body: bytes) -> dict[str, Any]:
    """Return the condition keys of the Service Authorization Reference that only logging has."""
    if action != "wafv2:PutLoggingConfiguration":
        return {}
    configuration = json.loads(body or b"{}").get("LoggingConfiguration") or {}
    scope = re.sub(r"_?([A-Z])([A-Z]*)", lambda m: m[1] + m[2].lower(), configuration.get("LogScope", "CUSTOMER"))
    destinations = configuration.get("LogDestinationConfigs") or [""]
    return {"wafv2:LogDestinationResource": destinations[0], "wafv2:LogScope": scope}


@patch("ministack.app", "SERVICE_HANDLERS[wafv2]", because="MiniStack lacks the operations on logging configurations.")
async def handle(
    original: Original, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Any:
    """Answer the four operations. The others are MiniStack's."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if "LoggingConfiguration" in action:
        try:
            given = json.loads(body or b"{}")
            return json_response(answer(action, given, extract_access_key_id(headers, query_params)))
        except WafError as error:
            return error_response_json(error.code, error.message, 400)
    return await original(method, path, headers, body, query_params)


@patch("ministack.core.iam_evaluator", "enforce", because="MiniStack lacks the condition keys of logging.")
def enforce(
    original: Original,
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Evaluate with the request's logging configuration as condition keys."""
    if service == "wafv2":
        service_context = {**(service_context or {}), **condition_keys(iam_action, request_body.get())}
    return original(access_key_id, iam_action, service, region, resource_arn, service_context)
