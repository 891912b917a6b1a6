"""Macie's sensitive data findings: tag the object and encrypt it with a dedicated key, by copying it over itself.

A copy in S3 keeps metadata and content headers, but not the storage class, website redirect and ACL. Objects of up
to 5 GiB take one CopyObject, larger ones a copy in parts. The write is conditional on the ETag that was read, so it
does not overwrite a newer write of another client with older content.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html

In a versioned bucket, the copy leaves the version that the finding is about as it was. The finding becomes RESOLVED
only once that version is gone.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from common import settings

from ..buckets import Bucket, refuse_exempt, tag_set, tags
from ..contract import Plan, Remediation, Step, Target, of_macie
from ..errors import Failed, Known, Refused, Stale
from ..tagging import FINDING_TAG, tag_value

KIND = "Sensitive Data Identifications/"
MOST_TAGS = 10
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
GRANTS = {
    "FULL_CONTROL": "GrantFullControl",
    "READ": "GrantRead",
    "READ_ACP": "GrantReadACP",
    "WRITE_ACP": "GrantWriteACP",
}
RECORDED = ("BucketKeyEnabled", "ETag", "ServerSideEncryption", "SSEKMSKeyId", "StorageClass", "VersionId")
PARALLEL = 16
MARGIN_SECONDS = 60.0
CHANGED = partial(Stale, "the object was changed in the meantime")
# S3 answers a HEAD request without a body, so the status is the only information.
HEAD = {
    "404": partial(Failed, "the object does not exist"),
    "403": partial(Failed, "access denied while reading the object, or it does not exist"),
    "400": partial(Failed, "the object cannot be read: it is encrypted with a customer-provided key (SSE-C)"),
}


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    object_kms_key_arns: dict[str, Any] = field(default_factory=dict)
    """ARN of the key, by Region."""
    copy_single_max_mib: int = 5120
    """Size up to which one CopyObject copies an object; AWS's limit."""
    copy_part_mib: int = 512
    """10,000 parts of this size hold the 5 TiB that an object may have."""
    delete_old_version: bool = False
    """Whether to delete the version that the finding is about, after the copy."""
    exempt_bucket_tag: str = ""


@dataclass(frozen=True)
class Seen:
    """An object as it was read: HeadObject's answer, its tags, and the key to encrypt it with."""

    head: Mapping[str, Any]
    tags: Mapping[str, str]
    key_arn: str
    finding: str
    """Value of the finding's tag."""

    @property
    def encrypted(self) -> bool:
        """True if the object is encrypted with the intended key."""
        return self.head.get("SSEKMSKeyId") == self.key_arn

    @property
    def tagged(self) -> bool:
        """True if the object has the finding's tag, or has no room for it."""
        return not self.fits or self.tags.get(FINDING_TAG) == self.finding

    @property
    def fits(self) -> bool:
        """True if the object can have the finding's tag."""
        return len({*self.tags, FINDING_TAG}) <= MOST_TAGS


class ObjectPlan:
    """The changes that one object needs, from one read of it. `last` is the latest read."""

    def __init__(self, target: Target, config: Settings) -> None:
        """Raise Refused if the resource is not an object, or if its Region has no key."""
        self.target, self.config, self.bucket = target, config, Bucket(target)
        if not self.bucket.key:
            raise Refused(f"{target.resource.id} names no object")
        region = target.resource.region
        self.key_arn = str(config.object_kms_key_arns.get(region) or "")
        if not self.key_arn:
            raise Refused(f"there is no key for objects in {region}: set one in object_kms_key_arns of the module")
        refuse_exempt(self.bucket, config.exempt_bucket_tag)
        self.seen = self.last = self.look()
        # An object that cannot be tagged must not stay under its old key.
        self.wanted_tags = {**self.seen.tags, **({FINDING_TAG: self.seen.finding} if self.seen.fits else {})}
        self.named = str(target.resource.details.get("VersionId") or "")
        self.current = str(self.seen.head.get("VersionId") or "")

    def look(self) -> Seen:
        """Read the object."""
        return _read(self.bucket, self.key_arn, tag_value(self.target.finding.key.id))

    def steps(self) -> tuple[Step, ...]:
        """Return the write that the object needs, if any. Raise Failed if it cannot be made."""
        if self.seen.encrypted and self.seen.tagged:
            return self._delete() if self.config.delete_old_version and self.open() else ()
        if self.named not in ("", self.current):
            raise Failed(
                f"the finding is about version {self.named}, and {self.current or 'another'} is current: a noncurrent "
                "version cannot be encrypted again; delete it, or make it the current version"
            )
        step = self._tag() if self.seen.encrypted else self._encrypt()
        return (step, *(() if self.seen.encrypted else self._delete()))

    def missing(self) -> str:
        """Read the object back. Return what differs from the intended state."""
        self.last = self.look()
        if not self.last.encrypted:
            return "it is encrypted with another key"
        return "" if self.wanted_tags.items() <= self.last.tags.items() else "its tags differ from those written"

    @property
    def old(self) -> str:
        """The version that the finding is about; if it names none, the one that was current. "" without versions."""
        return self.named or self.current

    def open(self) -> str:
        """Return a text if the version that the finding is about is noncurrent and still exists.

        A copy in a versioned bucket leaves it as it was.
        """
        if self.old in ("", self.last.head.get("VersionId")) or self.old not in self._versions():
            return ""
        return f"version {self.old} is still there, with the same data: delete it, and any earlier ones"

    def _versions(self) -> set[str]:
        """Return the versions of the object. HeadObject would not tell a missing version from a denied one."""
        found: set[str] = set()
        more: dict[str, Any] = {}
        while True:
            page = self.bucket.call("list_object_versions", Prefix=self.bucket.key, **more)
            for each in page.get("Versions", []):
                if each["Key"] != self.bucket.key:  # The keys are sorted, and the shortest comes first.
                    return found
                found.add(each["VersionId"])
            if not page.get("IsTruncated"):
                return found
            more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def _delete(self) -> tuple[Step, ...]:
        """Return the step that deletes the old version, if the settings ask for it and the bucket keeps versions."""
        if not self.config.delete_old_version or not self.old:
            return ()

        def delete() -> None:
            if not self.look().encrypted:  # Never the only copy.
                raise Failed("the copy is not under the key: its old version was not deleted")
            self.bucket.call("delete_object", Key=self.bucket.key, VersionId=self.old)

        return (Step(f"delete version {self.old}", delete),)

    def _encrypt(self) -> Step:
        _refuse_locked(self.seen.head)
        big = self.seen.head["ContentLength"] > self.config.copy_single_max_mib * 2**20
        part = self.config.copy_part_mib * 2**20 if big else 0
        tag = f"tag it with {FINDING_TAG} and " if self.seen.fits else ""
        return Step(
            f"{tag}copy it over itself{', in parts,' if big else ''} with the key {self.key_arn}",
            lambda: _copy(self.bucket, self.seen, self.wanted_tags, part, self.target),
        )

    def _tag(self) -> Step:
        tagging = {"TagSet": tag_set(self.wanted_tags)}
        return Step(
            f"tag it with {FINDING_TAG}",
            lambda: self.bucket.call("put_object_tagging", Key=self.bucket.key, Tagging=tagging),
        )


def plan(target: Target) -> Plan:
    """Read twice. Plan the copy, with a third read, if the key differs, or one write if only the tag is missing."""
    needed = ObjectPlan(target, settings.load(Settings))
    tagged = (
        f"tagged with {FINDING_TAG}" if needed.seen.fits else f"not tagged, because it has {MOST_TAGS} tags already"
    )
    effect = f"{tagged}; encrypted with {needed.key_arn}"
    steps = needed.steps()
    before = {name: needed.seen.head[name] for name in RECORDED if name in needed.seen.head}
    return Plan(steps, effect, needed.missing, needed.open, before)


def _read(bucket: Bucket, key_arn: str, finding: str) -> Seen:
    head = bucket.call("head_object", HEAD, Key=bucket.key)
    listed = bucket.call("get_object_tagging", {"NoSuchKey": HEAD["404"]}, Key=bucket.key)["TagSet"]
    return Seen(head, tags(listed), key_arn, finding)


def _refuse_locked(head: Mapping[str, Any]) -> None:
    if head.get("ObjectLockLegalHoldStatus") == "ON":
        raise Failed("the object is under a legal hold: a copy over it would leave the locked version unchanged")
    if head.get("ObjectLockMode"):
        raise Failed(
            f"the object is locked ({head['ObjectLockMode']}) until {head.get('ObjectLockRetainUntilDate')}: a copy "
            "over it would leave the locked version unchanged"
        )
    if head.get("MissingMeta"):
        raise Failed("the object has metadata that a request cannot contain (x-amz-missing-meta)")
    if head.get("StorageClass") in ARCHIVES or head.get("ArchiveStatus"):
        raise Failed(f"the object is archived ({head.get('StorageClass')}): restore it first")


def _copy(bucket: Bucket, seen: Seen, merged: Mapping[str, str], part: int, target: Target) -> None:
    """Copy the object over itself. `part` is the size of the parts in bytes, or 0 for one copy."""
    kept: dict[str, Any] = {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": seen.key_arn,
        "BucketKeyEnabled": True,
        "Tagging": urlencode(merged),
        "StorageClass": seen.head.get("StorageClass", "STANDARD"),
        **_grants(bucket.call("get_object_acl", Key=bucket.key)),
    }
    if "WebsiteRedirectLocation" in seen.head:
        kept["WebsiteRedirectLocation"] = seen.head["WebsiteRedirectLocation"]
    changed = {"PreconditionFailed": CHANGED, "412": CHANGED, "NoSuchKey": CHANGED}
    if part:
        _copy_parts(bucket, seen, kept, part, changed, target)
        return
    # S3 has If-Match for CopyObject since October 2025. The SDK of Lambda's runtime may not have the parameter yet
    # (requirements/runtime.in), so the header is set after its validation of parameters, before the signature.
    bucket.api.meta.events.register("before-call.s3.CopyObject", _replace_only_the_source, "macie-object-if-match")
    bucket.call(
        "copy_object",
        changed,
        Key=bucket.key,
        CopySource={"Bucket": bucket.name, "Key": bucket.key},
        ExpectedSourceBucketOwner=bucket.owner,
        CopySourceIfMatch=seen.head["ETag"],
        MetadataDirective="COPY",
        TaggingDirective="REPLACE",
        **kept,
    )


def _replace_only_the_source(params: Mapping[str, Any], **_: object) -> None:
    """Have S3 refuse a copy over an object that is no longer the source, by the source's ETag."""
    params["headers"]["If-Match"] = params["headers"]["x-amz-copy-source-if-match"]


def _copy_parts(bucket: Bucket, seen: Seen, kept: dict[str, Any], part: int, changed: Known, target: Target) -> None:
    size = seen.head["ContentLength"]
    described = {name: seen.head[name] for name in HEADERS if name in seen.head}
    upload = bucket.call(
        "create_multipart_upload", Key=bucket.key, Metadata=seen.head.get("Metadata", {}), **{**described, **kept}
    )["UploadId"]

    def copy(number: int) -> dict[str, Any]:
        if target.seconds_left() < MARGIN_SECONDS:
            raise Failed("the object is too large to be copied within the function's time")
        first = (number - 1) * part
        answer = bucket.call(
            "upload_part_copy",
            changed,
            Key=bucket.key,
            UploadId=upload,
            PartNumber=number,
            CopySource={"Bucket": bucket.name, "Key": bucket.key},
            ExpectedSourceBucketOwner=bucket.owner,
            CopySourceIfMatch=seen.head["ETag"],
            CopySourceRange=f"bytes={first}-{min(first + part, size) - 1}",
        )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    try:
        with ThreadPoolExecutor(PARALLEL) as pool:
            numbers = range(1, -(-size // part) + 1)
            try:
                parts = list(pool.map(copy, numbers))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        bucket.call(
            "complete_multipart_upload",
            changed,
            Key=bucket.key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            IfMatch=seen.head["ETag"],
        )
    except BaseException:
        # Parts cost money until they are removed. NoSuchUpload: the upload was completed, and the response was lost.
        bucket.read("abort_multipart_upload", "NoSuchUpload", Key=bucket.key, UploadId=upload)
        raise


def _grants(acl: Mapping[str, Any]) -> dict[str, str]:
    """Return the ACL as arguments of a write. A grant to the owner alone gives none: buckets without ACLs have it."""
    owner = acl["Owner"]["ID"]
    grants = [(_grantee(grant["Grantee"]), grant["Permission"]) for grant in acl["Grants"]]
    if grants == [(f'id="{owner}"', "FULL_CONTROL")] or not grants:
        return {}
    found: dict[str, list[str]] = {}
    for grantee, permission in grants:
        found.setdefault(GRANTS[permission], []).append(grantee)
    return {name: ", ".join(grantees) for name, grantees in found.items()}


def _grantee(grantee: Mapping[str, str]) -> str:
    return f'uri="{grantee["URI"]}"' if "URI" in grantee else f'id="{grantee["ID"]}"'


REMEDIATION = Remediation(
    findings="Macie's sensitive data findings (Sensitive Data Identifications)",
    accepts=lambda finding: of_macie(finding) and any(each.startswith(KIND) for each in finding.types),
    resource_type="AwsS3Object",
    plan=plan,
)
