"""Writes of S3 objects where MiniStack is kinder or poorer than the service.

- A copy's destination is conditional too (`If-Match`); its storage class is STANDARD unless the request says
  otherwise, its website redirect is the request's, a copy of an object over itself must change something, and under
  SSE-KMS its ETag is a new one. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
- A multipart upload keeps the tags and grants that it was begun with; its parts but the last have 5 MiB at least.
- `x-amz-expected-bucket-owner` must name the owner.
- Tags, ACLs and grants in a write's headers need their own permissions; a lock is shown to whom may see it.
"""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import parse_qs

from local.permissions import request_headers

LEAST_PART = 5 * 2**20
LOCKS = {
    "x-amz-object-lock-mode": "s3:GetObjectRetention",
    "x-amz-object-lock-retain-until-date": "s3:GetObjectRetention",
    "x-amz-object-lock-legal-hold": "s3:GetObjectLegalHold",
}
REDIRECT = "x-amz-website-redirect-location"
CHANGES = ("x-amz-storage-class", REDIRECT, "x-amz-server-side-encryption")
_CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/")


def grants(headers: dict[str, str]) -> bool:
    """Whether a write's headers set an ACL."""
    return any(name == "x-amz-acl" or name.startswith("x-amz-grant-") for name in headers)


def may(action: str, resource_arn: str) -> bool:
    """Whether the caller of the request being answered may do *action* too; calls from inside may."""
    from ministack.core import iam_evaluator

    signed = _CREDENTIAL.search((request_headers.get() or {}).get("authorization", ""))
    if not signed:
        return True
    return iam_evaluator.enforce(signed.group(1), action, "s3", signed.group(2), resource_arn) is None


def install() -> None:
    """Correct MiniStack's object writes, and what IAM is asked about them."""
    _ask_iam()
    _copies()
    _uploads()


def _copies() -> None:
    from ministack.services import s3

    dispatch, copy_object = s3._dispatch, s3._copy_object

    def owners(method: str, bucket: str, key: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        source = headers.get("x-amz-copy-source", "").lstrip("/").partition("/")[0]
        for name, of in (("x-amz-expected-bucket-owner", bucket), ("x-amz-source-expected-bucket-owner", source)):
            owner = s3._bucket_owner_account(of) if of else None
            if headers.get(name) and owner and headers[name] != owner:
                return s3._error("AccessDenied", "Access Denied", 403, f"/{of}")
        return dispatch(method, bucket, key, headers, body, query)

    def copied(bucket: str, key: str, headers: dict[str, str]) -> Any:
        there = (s3._ensure_bucket(bucket) or {"objects": {}})["objects"].get(key)
        refused = s3._check_put_preconditions(headers, there)
        if refused:
            return refused
        itself = s3.url_unquote(headers.get("x-amz-copy-source", "").lstrip("/")) == f"{bucket}/{key}"
        replaced = headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
        if itself and not replaced and not any(headers.get(name) for name in CHANGES):
            message = (
                "This copy request is illegal because it is trying to copy an object to itself without changing the "
                "object's metadata, storage class, website redirect location or encryption attributes."
            )
            return s3._error("InvalidRequest", message, 400, f"/{bucket}/{key}")
        status, answer, body = copy_object(bucket, key, {"x-amz-storage-class": "STANDARD", **headers})
        if status != 200:
            return status, answer, body
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
        return status, answer, body

    s3._dispatch, s3._copy_object = owners, copied


def _uploads() -> None:
    from ministack.services import s3

    create, complete = s3._create_multipart_upload, s3._complete_multipart_upload

    def begun(bucket: str, key: str, headers: dict[str, str]) -> Any:
        known = set(s3._multipart_uploads)
        enforced = s3._bucket_owner_enforced(s3._ensure_bucket(bucket) or {})
        acl, refused = s3._grant_headers_acl(headers, enforced)
        if refused:
            return refused
        answer = create(bucket, key, headers)
        for upload in set(s3._multipart_uploads) - known:
            tagging = parse_qs(headers.get("x-amz-tagging", ""), keep_blank_values=True)
            s3._multipart_uploads[upload] |= {"tags": {name: value[0] for name, value in tagging.items()}, "acl": acl}
        return answer

    def completed(bucket: str, key: str, body: bytes, query: dict[str, Any], headers: Any = None) -> Any:
        upload = s3._multipart_uploads.get(s3._qp(query, "uploadId"))
        if upload:
            *rest, _ = [upload["parts"][number] for number in sorted(upload["parts"])] or [{}]
            if any(part["size"] < LEAST_PART for part in rest):
                message = "Your proposed upload is smaller than the minimum allowed object size."
                return s3._error("EntityTooSmall", message, 400, f"/{bucket}/{key}")
        answer = complete(bucket, key, body, query, headers)
        if upload and answer[0] == 200:
            at = bucket, key, s3._buckets[bucket]["objects"][key].get("version_id")
            for store, value in ((s3._object_tags, upload.get("tags")), (s3._object_acl, upload.get("acl"))):
                store.pop(at, None)
                if value:
                    store[at] = value
        return answer

    s3._create_multipart_upload, s3._complete_multipart_upload = begun, completed


def _ask_iam() -> None:
    from ministack.core import iam_actions
    from ministack.services import s3

    head_object, additional = s3._head_object, iam_actions.s3_additional_checks

    def head(bucket: str, key: str, headers: Any = None, query: Any = None) -> Any:
        status, answer, body = head_object(bucket, key, headers, query)
        resource = f"arn:aws:s3:::{bucket}/{key}"
        hidden = {name for name, action in LOCKS.items() if name in answer and not may(action, resource)}
        return status, {name: value for name, value in answer.items() if name not in hidden}, body

    def checks(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        found = list(additional(method, path, headers, body, query))
        parts = [part for part in path.split("/") if part]
        if len(parts) >= 2 and iam_actions._s3_action(method, path, query) == "PutObject":
            arn = f"arn:aws:s3:::{parts[0]}/{'/'.join(parts[1:])}"
            found += [("s3:PutObjectTagging", arn)] if headers.get("x-amz-tagging") else []
            found += [("s3:PutObjectAcl", arn)] if grants(headers) else []
        return found

    s3._head_object = head
    iam_actions.s3_additional_checks = checks
