"""Block Public Access and access points where MiniStack lacks parts of them, and changes reported to Access Analyzer.

Added: the account's Block Public Access, which applies in addition to a bucket's; the policy status of buckets and of
access points; reads of other accounts through an access point's alias, allowed when the access point *and* the
bucket permit them (MiniStack refuses all); public access point policies refused where Block Public Access says so.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

from ministack.core.iam_actions import _s3_action, s3control_action
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, set_request_account_id
from ministack.services import s3

from local.patches.registry import Original, patch
from local.services.accessanalyzer.models import noticed

S3 = "ministack.services.s3"
Answer = tuple[int, dict[str, str], bytes]

SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
PATH = "/v20180820/configuration/publicAccessBlock"
_ACTIONS = {
    "GET": "s3:GetAccountPublicAccessBlock",
    "PUT": "s3:PutAccountPublicAccessBlock",
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_DeletePublicAccessBlock.html
    "DELETE": "s3:PutAccountPublicAccessBlock",
}
# Sub-resources of a bucket that control access to it.
_DECISIVE = {"acl", "policy", "publicAccessBlock", "ownershipControls"}

_accounts: dict[str, frozenset[str]] = {}


def account_block(account: str) -> frozenset[str]:
    """Return the Block Public Access settings that are on for a whole account."""
    return _accounts.get(account, frozenset())


def settings_of(document: str | bytes) -> frozenset[str]:
    """Return the settings that a PublicAccessBlockConfiguration (XML) turns on. Raise ParseError."""
    root = ET.fromstring(document)
    return frozenset(
        child.tag.rpartition("}")[2] for child in root.iter() if (child.text or "").strip().lower() == "true"
    ) & set(SETTINGS)


def _account_request(method: str, body: bytes, account: str) -> Answer:
    answer: Answer
    if method == "PUT":
        try:
            _accounts[account] = settings_of(body)
        except ET.ParseError:
            answer = s3.s3control_error("MalformedXML", "The XML you provided was not well-formed.", 400)
            return answer
        return 201, {"Content-Type": "application/xml"}, b""
    if method == "DELETE":
        _accounts.pop(account, None)
        return 204, {}, b""
    if account not in _accounts:
        code, message = "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"
        answer = s3.s3control_error(code, message, 404, {"AccountId": account})
        return answer
    # A payload member: the configuration is the document's root.
    out = ET.Element("PublicAccessBlockConfiguration", xmlns=s3.S3CONTROL_NS)
    for name in SETTINGS:
        ET.SubElement(out, name).text = str(name in _accounts[account]).lower()
    return 200, {"Content-Type": "application/xml"}, ET.tostring(out, encoding="utf-8", xml_declaration=True)


def _bucket_policy_status(bucket: str) -> Answer:
    status, headers, body = s3._get_bucket_policy(bucket)
    if status != 200:
        return status, headers, body
    out = ET.Element("PolicyStatus", xmlns=s3.S3_NS)
    ET.SubElement(out, "IsPublic").text = str(s3._policy_is_public(body.decode())).lower()
    return 200, {"Content-Type": "application/xml"}, ET.tostring(out, encoding="utf-8", xml_declaration=True)


def _access_point_policy_status(name: str) -> Answer:
    record = s3._access_points.get(name)
    answer: Answer
    if record is None:
        answer = s3._no_such_access_point(name).response()
        return answer
    if not record.get("Policy"):
        answer = s3._access_point_policy(name, "GET", b"")  # states which policy does not exist
        return answer
    out = ET.Element("GetAccessPointPolicyStatusResult", xmlns=s3.S3CONTROL_NS)
    status = ET.SubElement(out, "PolicyStatus")
    ET.SubElement(status, "IsPublic").text = str(s3._policy_is_public(record["Policy"])).lower()
    return 200, {"Content-Type": "application/xml"}, ET.tostring(out, encoding="utf-8", xml_declaration=True)


def _policy_refused(record: dict[str, Any], document: str) -> bool:
    """Return whether a policy is public and the access point, its bucket or the account blocks such policies."""
    blocked = record["PublicAccessBlockConfiguration"].get("BlockPublicPolicy") or s3._public_access_blocked(
        get_account_id(), record["Bucket"], "BlockPublicPolicy"
    )
    return bool(blocked and s3._policy_is_public(document))


def _lets_through(owner: str, region: str, record: dict[str, Any], caller: str, action: str, key: str) -> bool:
    """Return whether the policies of the access point and the bucket allow another account to perform `action`."""
    bucket = record["Bucket"]
    point = s3.access_point_arn(record["Name"], owner, region)
    keys = {
        "s3:dataaccesspointarn": point,
        "s3:dataaccesspointaccount": owner,
        "s3:accesspointnetworkorigin": record["NetworkOrigin"],
    }
    policies = {
        f"{point}/object/{key}" if key else point: record.get("Policy") or "",
        f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}": (
            s3._bucket_policies.get_scoped(owner, None, bucket) or ""
        ),
    }
    restricted = record["PublicAccessBlockConfiguration"].get("RestrictPublicBuckets") or s3._public_access_blocked(
        owner, bucket, "RestrictPublicBuckets"
    )
    for resource, policy in policies.items():
        context = EvalContext(
            principal_arn=f"arn:aws:iam::{caller}:root",
            principal_type="Root",
            principal_account=caller,
            action=action,
            resource_arn=resource,
            region=region,
            service_context=keys,
        )
        public = restricted and s3._policy_is_public(policy or "{}")
        if public or evaluate_resource_policy(policy or "{}", context).decision != "Allow":
            return False
    return True


def _region(account: str, bucket: str) -> str:
    return str((s3._buckets.get_scoped(account, None, bucket) or {}).get("region") or "us-east-1")


@patch("ministack.app", "_handle_s3_control_request", because="MiniStack has no Block Public Access of an account.")
async def handle_s3_control_request(
    original: Original,
    path: str,
    method: str,
    body: bytes,
    query_params: dict[str, Any],
    request_id: str,
    headers: Any = None,
) -> Any:
    """Answer for the account's settings. Other operations of S3 Control are MiniStack's."""
    if path.rstrip("/") != PATH or method not in _ACTIONS:
        return await original(path, method, body, query_params, request_id, headers)
    from ministack import app  # loads the whole gateway: import it only where it runs

    # The account's own settings are not a resource: IAM checks "*" here.
    denied = app._enforce_data_plane("s3", _ACTIONS[method], headers or {}, query_params, request_id)
    return denied or s3.s3control_account_error(headers or {}) or _account_request(method, body, get_account_id())


@patch(S3, "_public_access_blocked", because="The account's settings apply in addition to the bucket's.")
def public_access_blocked(original: Original, owner_account: str, bucket_name: str, setting: str) -> bool:
    """Return whether a setting is on for a bucket."""
    return setting in account_block(owner_account) or original(owner_account, bucket_name, setting)


@patch(
    "ministack.core.iam_actions",
    "extract_iam_action",
    because="MiniStack does not name S3 Control's operations: IAM, the record of calls and faults need their names.",
)
def extract_iam_action(original: Original, service: str, method: str, path: str, *rest: Any) -> Any:
    """Return the IAM action of a request."""
    if path.rstrip("/") == PATH:
        return _ACTIONS.get(method)
    named = s3control_action(method, path) if path.startswith("/v20180820/") else None
    return named or original(service, method, path, *rest)


@patch(S3, "_dispatch", because="MiniStack has no policy status, and Access Analyzer must see changes.")
def dispatch(
    original: Original,
    method: str,
    bucket: str,
    key: str,
    headers: Any,
    body: bytes,
    query_params: dict[str, Any],
) -> Any:
    """Answer a request, and report a change of access to a bucket."""
    if method == "GET" and bucket and not key and "policyStatus" in query_params:
        return _bucket_policy_status(bucket)
    account = get_account_id()
    region = _region(account, bucket)  # a deleted bucket has none afterwards
    answer = original(method, bucket, key, headers, body, query_params)
    decisive = bucket and not key and method in ("PUT", "DELETE")
    if decisive and (not query_params or _DECISIVE & query_params.keys()) and answer[0] < 300:
        noticed(account, region, bucket)
    return answer


@patch(S3, "handle_request", because="MiniStack refuses all other accounts at an access point's alias.")
async def handle_request(
    original: Original,
    method: str,
    path: str,
    headers: Any,
    body: bytes,
    query_params: dict[str, Any],
    *rest: Any,
    **more: Any,
) -> Any:
    """Answer a request. One that access point and bucket both allow is answered as the owner's."""
    alias, key = s3._parse_bucket_key(path, headers)
    resolved = s3.resolve_access_point_alias(alias) if alias.endswith(s3._ACCESS_POINT_ALIAS_SUFFIX) else None
    signed = resolved and s3._request_access_key(method, key, headers, query_params, body)
    if resolved and signed and resolved[0] != (caller := get_account_id()):
        owner, region, record = resolved
        action = f"s3:{_s3_action(method, path, query_params)}"
        if _lets_through(owner, region, record, caller, action, key):
            set_request_account_id(owner)
    return await original(method, path, headers, body, query_params, *rest, **more)


@patch(S3, "handle_access_point_control", because="MiniStack has no policy status of access points.")
def handle_access_point_control(
    original: Original, method: str, path: str, headers: Any, body: bytes, query_params: dict[str, Any]
) -> Any:
    """Answer an operation on access points, and report a change."""
    name, sub, *_ = s3.access_point_control_route(path) or ("", "")
    record = s3._access_points.get(name) or {}
    bucket = record.get("Bucket")
    if sub == "policyStatus" and method == "GET":
        return _access_point_policy_status(name)
    if sub == "policy" and method == "PUT" and record:
        document = s3._child_text(ET.fromstring(body), "Policy")
        try:
            json.loads(document)
        except ValueError:
            return s3.s3control_error("MalformedPolicy", "This policy contains invalid Json", 400)
        if _policy_refused(record, document):
            return s3.s3control_error("AccessDenied", "Access Denied", 403)
    answer = original(method, path, headers, body, query_params)
    bucket = bucket or (s3._access_points.get(name) or {}).get("Bucket")
    if bucket and method in ("PUT", "DELETE") and answer[0] < 300:
        account = get_account_id()
        noticed(account, _region(account, bucket), bucket)
    return answer
