"""Writes of S3 objects where MiniStack is more lenient than the service, or does less.

- A copy's destination is conditional too (`If-Match`). Its storage class is STANDARD unless the request sets another,
  and its website redirect is the request's. A copy of an object over itself must change something, and under SSE-KMS
  its ETag is a new one. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
- A multipart upload keeps the tags and grants of its creation. Its parts except the last have at least 5 MiB.
- `x-amz-expected-bucket-owner` must name the owner.
- The event of a write names the version that it made.
- Tags, ACLs and grants in a write's headers need their own permissions; a lock is shown only with permission.
"""

from __future__ import annotations

import contextvars
import json
import re
import uuid
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3

from local.patches.registry import Original, patch
from local.permissions import request_headers

S3 = "ministack.services.s3"
LEAST_PART = 5 * 2**20
LOCKS = {
    "x-amz-object-lock-mode": "s3:GetObjectRetention",
    "x-amz-object-lock-retain-until-date": "s3:GetObjectRetention",
    "x-amz-object-lock-legal-hold": "s3:GetObjectLegalHold",
}
REDIRECT = "x-amz-website-redirect-location"
CHANGES = ("x-amz-storage-class", REDIRECT, "x-amz-server-side-encryption")
_CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/")


_version: contextvars.ContextVar[str] = contextvars.ContextVar("s3_version", default="")


@patch(S3, "_fire_s3_event", because="An event of S3 has the object's version, which MiniStack knows.")
def fire_s3_event(
    original: Original,
    bucket_name: str,
    key: str,
    event_name: str,
    size: int = 0,
    etag: str = "",
    deletion_type: str | None = None,
    restore_event_data: Any = None,
    version_id: str | None = None,
    **more: Any,
) -> None:
    """Note the version for the event that EventBridge gets."""
    noted = _version.set(version_id or "")
    try:
        original(bucket_name, key, event_name, size, etag, deletion_type, restore_event_data, version_id, **more)
    finally:
        _version.reset(noted)


@patch(
    "ministack.services.eventbridge",
    "_dispatch_event",
    because="An event of S3 has the object's version: S3 user guide, EventBridge event message structure.",
)
def dispatch_event(original: Original, event: Any, view: Any = None) -> Any:
    """Add the version to an event of S3."""
    if event.get("Source") == "aws.s3" and _version.get():
        detail = json.loads(event["Detail"])
        detail["object"]["version-id"] = _version.get()
        event = {**event, "Detail": json.dumps(detail)}
    return original(event, view)


def grants(headers: dict[str, str]) -> bool:
    """Return whether a write's headers set an ACL."""
    return any(name == "x-amz-acl" or name.startswith("x-amz-grant-") for name in headers)


def may(action: str, resource_arn: str) -> bool:
    """Return whether the caller of the request being answered may perform `action` too; internal calls may."""
    signed = _CREDENTIAL.search((request_headers.get() or {}).get("authorization", ""))
    if not signed:
        return True
    return iam_evaluator.enforce(signed.group(1), action, "s3", signed.group(2), resource_arn) is None


@patch(S3, "_dispatch", because="MiniStack ignores x-amz-expected-bucket-owner.")
def dispatch(
    original: Original,
    method: str,
    bucket: str,
    key: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
) -> Any:
    """Answer a request that names the right bucket owners, or none."""
    source = headers.get("x-amz-copy-source", "").lstrip("/").partition("/")[0]
    for name, of in (("x-amz-expected-bucket-owner", bucket), ("x-amz-source-expected-bucket-owner", source)):
        owner = s3._bucket_owner_account(of) if of else None
        if headers.get(name) and owner and headers[name] != owner:
            return s3._error("AccessDenied", "Access Denied", 403, f"/{of}")
    return original(method, bucket, key, headers, body, query_params)


@patch(S3, "_copy_object", because="MiniStack copies unconditionally, and with the source's class, redirect and ETag.")
def copy_object(original: Original, bucket_name: str, dest_key: str, headers: dict[str, str]) -> Any:
    """Copy an object as the request says."""
    there = (s3._ensure_bucket(bucket_name) or {"objects": {}})["objects"].get(dest_key)
    refused = s3._check_put_preconditions(headers, there)
    if refused:
        return refused
    itself = s3.url_unquote(headers.get("x-amz-copy-source", "").lstrip("/")) == f"{bucket_name}/{dest_key}"
    replaced = headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    if itself and not replaced and not any(headers.get(name) for name in CHANGES):
        message = (
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
        return s3._error("InvalidRequest", message, 400, f"/{bucket_name}/{dest_key}")
    status, answer, body = original(bucket_name, dest_key, {"x-amz-storage-class": "STANDARD", **headers})
    if status == 200:
        body = _complete_copy(bucket_name, dest_key, headers, body)
    return status, answer, body


def _complete_copy(bucket: str, key: str, headers: dict[str, str], body: bytes) -> bytes:
    """Give a copy its own redirect and, under SSE-KMS, its own ETag; return the answer with that."""
    made = s3._buckets[bucket]["objects"][key]
    versions = s3._object_versions.get((bucket, key), [])
    records = [made, *(version for version in versions if version["version_id"] == made.get("version_id"))]
    for record in records:
        preserved = record["preserved_headers"] = dict(record.get("preserved_headers") or {})
        preserved.pop(REDIRECT, None)
        if headers.get(REDIRECT):
            preserved[REDIRECT] = headers[REDIRECT]
    if made["preserved_headers"].get("x-amz-server-side-encryption") == "aws:kms":
        old, new = made["etag"], f'"{uuid.uuid4().hex}"'
        for record in records:
            record["etag"] = new
        body = body.replace(old.strip('"').encode(), new.strip('"').encode())
    return body


@patch(S3, "_create_multipart_upload", because="MiniStack forgets the tags and grants that an upload is begun with.")
def create_multipart_upload(original: Original, bucket_name: str, key: str, headers: dict[str, str]) -> Any:
    """Begin an upload; keep its tags and grants."""
    known = set(s3._multipart_uploads)
    enforced = s3._bucket_owner_enforced(s3._ensure_bucket(bucket_name) or {})
    acl, refused = s3._grant_headers_acl(headers, enforced)
    if refused:
        return refused
    answer = original(bucket_name, key, headers)
    for upload in set(s3._multipart_uploads) - known:
        tagging = parse_qs(headers.get("x-amz-tagging", ""), keep_blank_values=True)
        s3._multipart_uploads[upload] |= {"tags": {name: value[0] for name, value in tagging.items()}, "acl": acl}
    return answer


@patch(S3, "_complete_multipart_upload", because="MiniStack takes parts of any size, and gives the object no tags.")
def complete_multipart_upload(
    original: Original, bucket_name: str, key: str, body: bytes, query_params: dict[str, Any], headers: Any = None
) -> Any:
    """Make the object of an upload whose parts are large enough."""
    upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"))
    if upload:
        *rest, _ = [upload["parts"][number] for number in sorted(upload["parts"])] or [{}]
        if any(part["size"] < LEAST_PART for part in rest):
            message = "Your proposed upload is smaller than the minimum allowed object size."
            return s3._error("EntityTooSmall", message, 400, f"/{bucket_name}/{key}")
    answer = original(bucket_name, key, body, query_params, headers)
    if upload and answer[0] == 200:
        at = bucket_name, key, s3._buckets[bucket_name]["objects"][key].get("version_id")
        for store, value in ((s3._object_tags, upload.get("tags")), (s3._object_acl, upload.get("acl"))):
            store.pop(at, None)
            if value:
                store[at] = value
    return answer


@patch(S3, "_head_object", because="MiniStack shows a lock to a caller who may not see it.")
def head_object(original: Original, bucket_name: str, key: str, headers: Any = None, query_params: Any = None) -> Any:
    """Return an object's headers that the caller may see."""
    status, answer, body = original(bucket_name, key, headers, query_params)
    resource = f"arn:aws:s3:::{bucket_name}/{key}"
    hidden = {name for name, action in LOCKS.items() if name in answer and not may(action, resource)}
    return status, {name: value for name, value in answer.items() if name not in hidden}, body


@patch(
    "ministack.core.iam_actions",
    "s3_additional_checks",
    because="Tags, ACLs and grants in a write's headers need their own permissions.",
)
def s3_additional_checks(
    original: Original, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Any:
    """Return what else a request needs: pairs of action and ARN."""
    found = list(original(method, path, headers, body, query_params))
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 2 and iam_actions._s3_action(method, path, query_params) == "PutObject":
        arn = f"arn:aws:s3:::{parts[0]}/{'/'.join(parts[1:])}"
        found += [("s3:PutObjectTagging", arn)] if headers.get("x-amz-tagging") else []
        found += [("s3:PutObjectAcl", arn)] if grants(headers) else []
    return found
