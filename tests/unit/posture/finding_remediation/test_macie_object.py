"""Given Macie's finding of an object, when it is remediated, then it is the same object under another key, tagged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common import clients
from posture.finding_remediation.remediations import macie_object

from .conftest import MACIE, OTHER_REGION, REGION, World, bucket, error

KEY = "people/Ümlaut & co+1.csv"
READS = ["s3:HeadObject", "s3:GetObjectTagging"]
UPDATE = "securityhub:BatchUpdateFindings"
DESCRIBED = {
    "ContentType": "text/csv",
    "CacheControl": "no-store",
    "ContentDisposition": "attachment",
    "ContentLanguage": "de",
    "ContentEncoding": "gzip",
    "Metadata": {"owner": "ledger"},
    "StorageClass": "STANDARD_IA",
}
OWNER = "a" * 64


class Objects:
    """A bucket with one object, its finding, and the module's key."""

    def __init__(self, world: World, **environment: Any) -> None:
        self.world, self.s3 = world, world.s3
        self.key_arn = world.api("kms").create_key()["KeyMetadata"]["Arn"]
        world.settings("macie_object", **{"OBJECT_KMS_KEY_ARNS": {REGION: self.key_arn}, **environment})
        self.arn = bucket(world, "files")

    def put(self, body: bytes = b"name;iban", **more: Any) -> str:
        """Put the object. Return its version."""
        given = {**DESCRIBED, "Tagging": "Team=ledger&Kind=a%20b", **more}
        return str(self.s3.put_object(Bucket="files", Key=KEY, Body=body, **given).get("VersionId", ""))

    def finding(self, number: int = 1, version: str = "", **fields: Any) -> dict[str, Any]:
        details = {"Details": {"AwsS3Object": {"VersionId": version}}} if version else {}
        return self.world.finding(
            number,
            "AwsS3Object",
            "unused",
            ProductArn=MACIE,
            **{
                "Types": ["Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal"],
                "Resources": [
                    {"Type": "AwsS3Bucket", "Id": self.arn},
                    {"Type": "AwsS3Object", "Id": f"{self.arn}/{KEY}", **details},
                ],
                **fields,
            },
        )

    def head(self, **version: str) -> dict[str, Any]:
        return dict(self.s3.head_object(Bucket="files", Key=KEY, **version))

    def tags(self) -> dict[str, str]:
        return {t["Key"]: t["Value"] for t in self.s3.get_object_tagging(Bucket="files", Key=KEY)["TagSet"]}

    def body(self) -> bytes:
        return bytes(self.s3.get_object(Bucket="files", Key=KEY)["Body"].read())


@pytest.fixture
def objects(world: World) -> Objects:
    return Objects(world)


def sent(monkeypatch: pytest.MonkeyPatch, operation: str) -> list[dict[str, Any]]:
    """Collect the requests of one operation that the function sends to S3 from now on."""
    calls: list[dict[str, Any]] = []
    s3 = clients.client("s3", region=REGION)
    s3.meta.events.register_first(f"provide-client-params.s3.{operation}", lambda params, **_: calls.append(params))
    return calls


def test_an_object_is_copied_over_itself_with_everything_it_had(world: World, objects: Objects) -> None:
    objects.put()
    assert world.send([objects.finding()]) == []
    head = objects.head()
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", objects.key_arn)
    assert {name: head[name] for name in DESCRIBED} == DESCRIBED
    assert objects.tags() == {"Team": "ledger", "Kind": "a b", "SH_Finding_ID": "finding-1"}
    assert objects.body() == b"name;iban"
    told = f"Remediated: tagged with SH_Finding_ID; encrypted with {objects.key_arn}."
    assert world.state(1) == ("RESOLVED", told)
    assert world.calls == [*READS, "s3:GetObjectAcl", "s3:CopyObject", *READS, UPDATE]
    world.send([world.read(1)])
    assert world.calls == READS


def test_the_copy_asks_for_what_s3_does_not_keep(world: World, objects: Objects, monkeypatch: Any) -> None:
    """S3's copy keeps none of the object's storage class, website redirect and ACL."""
    objects.put(WebsiteRedirectLocation="/other")
    grants = [
        {"Grantee": {"Type": "CanonicalUser", "ID": OWNER}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"Type": "CanonicalUser", "ID": "b" * 64}, "Permission": "READ"},
        {"Grantee": {"Type": "CanonicalUser", "ID": "c" * 64}, "Permission": "READ"},
        {
            "Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"},
            "Permission": "READ_ACP",
        },
    ]
    s3 = clients.client("s3", region=REGION)
    monkeypatch.setattr(s3, "get_object_acl", lambda **_: {"Grants": grants, "Owner": {"ID": OWNER}}, raising=False)
    etag = objects.head()["ETag"]
    calls, requests = sent(monkeypatch, "CopyObject"), []
    s3.meta.events.register("before-send.s3.CopyObject", lambda request, **_: requests.append(request.headers))
    assert world.send([objects.finding()]) == []
    (call,), (headers,) = calls, requests
    assert (call["StorageClass"], call["WebsiteRedirectLocation"]) == ("STANDARD_IA", "/other")
    assert call["GrantFullControl"] == f'id="{OWNER}"'
    assert call["GrantRead"] == f'id="{"b" * 64}", id="{"c" * 64}"'
    assert call["GrantReadACP"] == 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"'
    assert (call["CopySourceIfMatch"], headers["If-Match"].decode()) == (etag, etag)
    assert b"if-match" in headers["Authorization"]
    assert (call["MetadataDirective"], call["TaggingDirective"], call["BucketKeyEnabled"]) == ("COPY", "REPLACE", True)
    assert call["ExpectedBucketOwner"] == call["ExpectedSourceBucketOwner"] == "123456789012"


def test_the_owner_alone_needs_no_grants() -> None:
    """A bucket without ACLs refuses requests that contain grants."""
    own = [{"Grantee": {"Type": "CanonicalUser", "ID": "me"}, "Permission": "FULL_CONTROL"}]
    assert macie_object._grants({"Owner": {"ID": "me"}, "Grants": own}) == {}
    other = [*own, {"Grantee": {"Type": "CanonicalUser", "ID": "you"}, "Permission": "WRITE_ACP"}]
    assert macie_object._grants({"Owner": {"ID": "me"}, "Grants": other}) == {
        "GrantFullControl": 'id="me"',
        "GrantWriteACP": 'id="you"',
    }


def test_an_object_with_the_key_gets_the_tag_alone(world: World, objects: Objects) -> None:
    objects.put(ServerSideEncryption="aws:kms", SSEKMSKeyId=objects.key_arn)
    world.send([objects.finding()])
    assert world.calls == [*READS, "s3:PutObjectTagging", *READS, UPDATE]
    assert objects.tags() == {"Team": "ledger", "Kind": "a b", "SH_Finding_ID": "finding-1"}


# Larger than one copy allows


def test_a_big_object_is_copied_in_parts(world: World, monkeypatch: Any) -> None:
    objects = Objects(world, COPY_SINGLE_MAX_MIB="1", COPY_PART_MIB="5")
    body = bytes(range(256)) * 4096 * 11  # 11 MiB
    objects.put(body, WebsiteRedirectLocation="/other")
    created, parts = sent(monkeypatch, "CreateMultipartUpload"), sent(monkeypatch, "UploadPartCopy")
    completed = sent(monkeypatch, "CompleteMultipartUpload")
    etag = objects.head()["ETag"]
    assert world.send([objects.finding()]) == []
    assert objects.body() == body
    head = objects.head()
    assert {name: head[name] for name in DESCRIBED} == DESCRIBED
    assert head["SSEKMSKeyId"] == objects.key_arn
    assert created[0]["WebsiteRedirectLocation"] == "/other"
    assert created[0]["Tagging"] == "Team=ledger&Kind=a+b&SH_Finding_ID=finding-1"
    ranges = sorted((call["PartNumber"], call["CopySourceRange"], call["CopySourceIfMatch"]) for call in parts)
    five = 5 * 2**20
    assert ranges == [
        (1, f"bytes=0-{five - 1}", etag),
        (2, f"bytes={five}-{2 * five - 1}", etag),
        (3, f"bytes={2 * five}-{len(body) - 1}", etag),
    ]
    assert completed[0]["IfMatch"] == etag
    assert [part["PartNumber"] for part in completed[0]["MultipartUpload"]["Parts"]] == [1, 2, 3]


@pytest.mark.parametrize("fails", ["UploadPartCopy", "CompleteMultipartUpload"])
@pytest.mark.parametrize(
    ("fault", "failed"),
    [(error("AccessDenied", 403), []), (error("SlowDown", 503), ["m0"]), (ZeroDivisionError(), ["m0"])],
)
def test_parts_are_not_left_behind(world: World, fails: str, fault: Exception, failed: list[str]) -> None:
    objects = Objects(world, COPY_SINGLE_MAX_MIB="1", COPY_PART_MIB="5")
    objects.put(b"x" * 7 * 2**20)
    world.fail[fails] = [fault]
    assert world.send([objects.finding()]) == failed
    assert "s3:AbortMultipartUpload" in world.calls
    assert "Uploads" not in objects.s3.list_multipart_uploads(Bucket="files")
    assert "SSEKMSKeyId" not in objects.head()
    assert world.state(1)[0] == "NEW"


def test_an_object_too_large_for_the_functions_time_is_reported(world: World, monkeypatch: Any) -> None:
    objects = Objects(world, COPY_SINGLE_MAX_MIB="1", COPY_PART_MIB="5")
    objects.put(b"x" * 7 * 2**20)
    monkeypatch.setattr(macie_object, "MARGIN_SECONDS", 1000.0)
    assert world.send([objects.finding()]) == []
    assert world.state(1) == ("NEW", "Not remediated: the object is too large to be copied within the function's time.")
    assert "s3:AbortMultipartUpload" in world.calls


# Changes by others in the meantime


@pytest.mark.parametrize("code", ["PreconditionFailed", "NoSuchKey"])
def test_an_object_written_meanwhile_is_read_again(world: World, objects: Objects, code: str) -> None:
    objects.put()
    one = objects.finding()
    world.fail["CopyObject"] = [error(code, 412)]
    assert world.send([one]) == []
    assert world.calls.count("s3:CopyObject") == 2
    assert world.state(1)[0] == "RESOLVED"


def test_an_object_that_keeps_changing_is_tried_later(world: World, objects: Objects) -> None:
    objects.put()
    one = objects.finding()
    world.fail["CopyObject"] = [error("PreconditionFailed", 412)] * 3
    assert world.send([one]) == ["m0"]
    assert "SSEKMSKeyId" not in objects.head()


# Versions


def test_a_finding_stays_open_while_its_version_is_there(world: World, objects: Objects) -> None:
    """A copy leaves the version that the finding is about: who may read versions still reads the data."""
    objects.s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    old = objects.put()
    one = objects.finding(version=old)
    assert world.send([one]) == []
    assert objects.head()["VersionId"] != old
    told = (
        f"Remediated in part: tagged with SH_Finding_ID; encrypted with {objects.key_arn}; version {old} is still "
        "there, with the same data: delete it, and any earlier ones."
    )
    assert world.state(1) == ("NEW", told)
    world.send([one])  # Repeated unchanged: the same note, for the version that the finding names.
    assert world.state(1) == ("NEW", told)
    assert len(objects.s3.list_object_versions(Bucket="files")["Versions"]) == 2
    world.send([world.read(1)])
    assert world.calls == [*READS, "s3:ListObjectVersions"], "nothing is written for the event of its own answer"
    objects.s3.delete_object(Bucket="files", Key=KEY, VersionId=old)
    world.send([world.read(1)])
    assert world.state(1) == ("RESOLVED", f"Remediated: tagged with SH_Finding_ID; encrypted with {objects.key_arn}.")


def test_the_version_of_a_finding_that_names_none_is_the_one_that_was_current(world: World, objects: Objects) -> None:
    objects.s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    old = objects.put()
    assert world.send([objects.finding()]) == []
    assert world.state(1)[0] == "NEW"
    assert f"version {old} is still there" in world.state(1)[1]


def test_the_old_version_is_deleted_where_the_settings_ask_for_it(world: World) -> None:
    objects = Objects(world, DELETE_OLD_VERSION="true")
    objects.s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    older = objects.put(b"other data")
    old = objects.put()
    assert world.send([objects.finding(version=old)]) == []
    assert world.state(1) == ("RESOLVED", f"Remediated: tagged with SH_Finding_ID; encrypted with {objects.key_arn}.")
    versions = [each["VersionId"] for each in objects.s3.list_object_versions(Bucket="files")["Versions"]]
    assert (older in versions, old in versions, len(versions)) == (True, False, 2)
    assert objects.body() == b"name;iban"


def test_the_old_version_is_deleted_by_a_later_attempt_too(world: World) -> None:
    objects = Objects(world, DELETE_OLD_VERSION="true")
    objects.s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    old = objects.put()
    one = objects.finding(version=old)
    world.fail["DeleteObject"] = [error("AccessDenied", 403, "no policy allows it")]
    assert world.send([one]) == []
    assert world.state(1) == ("NEW", "Not remediated: Denied while calling DeleteObject on files: no policy allows it.")
    assert world.send([one]) == []
    assert world.state(1)[0] == "RESOLVED"
    assert "s3:CopyObject" not in world.calls


def test_an_object_without_versions_loses_none(world: World) -> None:
    objects = Objects(world, DELETE_OLD_VERSION="true")
    objects.put()
    assert world.send([objects.finding()]) == []
    assert world.state(1)[0] == "RESOLVED"
    assert not [call for call in world.calls if call in ("s3:DeleteObject", "s3:ListObjectVersions")]


def test_a_version_that_is_not_under_the_key_is_never_deleted(world: World, monkeypatch: Any) -> None:
    """The copy is read before the delete."""
    objects = Objects(world, DELETE_OLD_VERSION="true")
    objects.s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    old = objects.put()
    monkeypatch.setattr(macie_object, "_copy", lambda *_: None)
    assert world.send([objects.finding(version=old)]) == []
    assert objects.head()["VersionId"] == old
    assert world.state(1)[0] == "NEW"


def test_versions_are_read_to_the_end_and_only_of_the_object(world: World, objects: Objects, monkeypatch: Any) -> None:
    objects.s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    old = objects.put()
    one = objects.finding(version=old)
    pages = [
        {
            "Versions": [{"Key": KEY, "VersionId": "newer"}],
            "IsTruncated": True,
            "NextKeyMarker": KEY,
            "NextVersionIdMarker": "newer",
        },
        {"Versions": [{"Key": KEY, "VersionId": old}, {"Key": f"{KEY}.bak", "VersionId": "x"}], "IsTruncated": True},
    ]
    asked: list[dict[str, Any]] = []
    s3 = clients.client("s3", region=REGION)

    def page(**call: Any) -> dict[str, Any]:
        asked.append(call)
        return pages[len(asked) - 1]

    monkeypatch.setattr(s3, "list_object_versions", page, raising=False)
    assert world.send([one]) == []
    assert f"version {old} is still there" in world.state(1)[1]
    assert [call.get("VersionIdMarker") for call in asked] == [None, "newer"]
    other = {"Versions": [{"Key": f"{KEY}.bak", "VersionId": old}], "IsTruncated": False}
    monkeypatch.setattr(s3, "list_object_versions", lambda **_: other, raising=False)
    assert world.send([one]) == []
    assert world.state(1)[0] == "RESOLVED"


def test_a_finding_of_an_old_version_does_not_bring_it_back(world: World, objects: Objects) -> None:
    objects.s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    old = objects.put()
    current = objects.put(b"corrected")
    assert world.send([objects.finding(version=old)]) == []
    assert objects.body() == b"corrected"
    assert world.state(1) == (
        "NEW",
        (
            f"Not remediated: the finding is about version {old}, and {current} is current: a noncurrent version "
            "cannot be encrypted again; delete it, or make it the current version."
        ),
    )
    assert world.calls == [*READS, UPDATE]


# Objects that cannot be remediated


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ({"ObjectLockLegalHoldStatus": "ON"}, "the object is under a legal hold"),
        (
            {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": "2030"},
            "the object is locked (COMPLIANCE) until 2030",
        ),
        ({"StorageClass": "GLACIER"}, "the object is archived (GLACIER): restore it first"),
        ({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}, "the object is archived"),
        ({"MissingMeta": 1}, "the object has metadata that a request cannot contain"),
    ],
)
def test_objects_that_a_copy_cannot_remediate_are_reported(
    world: World, objects: Objects, monkeypatch: Any, head: dict[str, Any], told: str
) -> None:
    objects.put()
    real = objects.head()
    s3 = clients.client("s3", region=REGION)
    monkeypatch.setattr(s3, "head_object", lambda **_: {**real, **head}, raising=False)
    assert world.send([objects.finding()]) == []
    status, note = world.state(1)
    assert (status, note.startswith(f"Not remediated: {told}")) == ("NEW", True)
    assert "s3:CopyObject" not in world.calls


@pytest.mark.parametrize(
    ("code", "told"),
    [("404", "does not exist"), ("403", "access denied while reading the object"), ("400", "cannot be read")],
)
def test_an_object_that_cannot_be_read_is_reported(world: World, objects: Objects, code: str, told: str) -> None:
    one = objects.finding()
    world.fail["HeadObject"] = [error(code, int(code))]
    assert world.send([one]) == []
    assert told in world.state(1)[1]
    assert world.calls == ["s3:HeadObject", UPDATE]


def test_an_object_without_room_for_the_tag_is_encrypted_all_the_same(world: World, objects: Objects) -> None:
    objects.put(Tagging="&".join(f"t{number}=x" for number in range(10)))
    world.send([objects.finding()])
    assert objects.head()["SSEKMSKeyId"] == objects.key_arn
    assert objects.tags() == {f"t{number}": "x" for number in range(10)}
    told = f"Remediated: not tagged, because it has 10 tags already; encrypted with {objects.key_arn}."
    assert world.state(1) == ("RESOLVED", told)
    world.send([world.read(1)])
    assert world.calls == READS


def test_a_region_without_a_key_is_refused(world: World, objects: Objects) -> None:
    objects.put()
    one = objects.finding()
    for resource in one["Resources"]:
        resource["Region"] = OTHER_REGION
    world.send([one])
    assert world.calls == [UPDATE]
    assert world.state(1) == (
        "NEW",
        "Refused: there is no key for objects in us-east-1: set one in object_kms_key_arns of the module.",
    )


def test_a_policy_finding_is_refused(world: World, objects: Objects) -> None:
    """Acceptance: the object action on a bucket finding fails cleanly and leaves it unresolved."""
    objects.put()
    types = ["Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BucketPublic"]
    bucket_only = [{"Type": "AwsS3Bucket", "Id": objects.arn}]
    world.send([objects.finding(Types=types, Resources=bucket_only)])
    status, note = world.state(1)
    assert status == "NEW"
    assert note.startswith("Refused: this remediation is for Macie's sensitive data findings")
    assert world.calls == [UPDATE]


def test_a_dry_run_says_how_it_would_be_copied(world: World) -> None:
    objects = Objects(world, COPY_SINGLE_MAX_MIB="1", DRY_RUN="true")
    objects.put(b"x" * 3 * 2**20)
    world.send([objects.finding()])
    assert world.calls == [*READS, UPDATE]
    assert world.state(1) == (
        "NEW",
        (
            "Dry run, nothing was changed: it would tag it with SH_Finding_ID and copy it over itself, in parts, with "
            f"the key {objects.key_arn}."
        ),
    )


def test_an_object_arn_without_a_key_is_refused(world: World, objects: Objects) -> None:
    one = objects.finding()
    one["Resources"] = [{"Type": "AwsS3Object", "Id": objects.arn}]
    world.send([one])
    assert world.state(1)[1] == f"Refused: {objects.arn} names no object."


def test_settings_are_json(world: World, objects: Objects) -> None:
    world.settings("macie_object", OBJECT_KMS_KEY_ARNS=json.dumps({}))
    objects.put()
    world.send([objects.finding()])
    assert "there is no key for objects in eu-west-1" in world.state(1)[1]
