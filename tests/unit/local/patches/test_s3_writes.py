"""Copies, multipart uploads and their permissions, as in S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.settings import ACCOUNT_ID, REGION

PART = 5 * 2**20
OWN = {"Bucket": "files", "Key": "a b"}
LOG_DELIVERY = 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"'


@pytest.fixture(scope="module")
def key(cloud: Cloud) -> str:
    return str(cloud.client("kms").create_key()["KeyMetadata"]["Arn"])


@pytest.fixture
def s3(cloud: Cloud) -> Iterator[Any]:
    api = cloud.client("s3")
    api.create_bucket(
        Bucket="files", CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectOwnership="ObjectWriter"
    )
    yield api
    for version in api.list_object_versions(Bucket="files").get("Versions", []):
        api.delete_object(Bucket="files", Key=version["Key"], VersionId=version["VersionId"])
    api.delete_bucket(Bucket="files")


@pytest.fixture
def limited(cloud: Cloud) -> Iterator[Any]:
    """Yield `limited(actions...)`: S3 as a user who may perform only these actions."""
    iam = cloud.client("iam")
    iam.create_user(UserName="writer")
    keys = iam.create_access_key(UserName="writer")["AccessKey"]

    def of(*actions: str) -> Any:
        document = {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
        iam.put_user_policy(UserName="writer", PolicyName="p", PolicyDocument=json.dumps(document))
        return cloud.client("s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])

    yield of
    iam.delete_user_policy(UserName="writer", PolicyName="p")
    iam.delete_access_key(UserName="writer", AccessKeyId=keys["AccessKeyId"])
    iam.delete_user(UserName="writer")


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return str(raised.value.response["Error"]["Code"])


def test_a_copy_over_itself_keeps_what_s3_keeps_and_loses_the_rest(s3: Any, key: str) -> None:
    put = s3.put_object(
        **OWN, Body=b"1", StorageClass="STANDARD_IA", WebsiteRedirectLocation="/x", CacheControl="no-store"
    )
    assert code(s3.copy_object, **OWN, CopySource=OWN) == "InvalidRequest"
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    answer = s3.copy_object(**OWN, CopySource=OWN, IfMatch=put["ETag"], **encrypted)
    head = s3.head_object(**OWN)
    assert (head.get("StorageClass"), head.get("WebsiteRedirectLocation")) == (None, None)
    assert (head["CacheControl"], head["SSEKMSKeyId"]) == ("no-store", key)
    assert put["ETag"] != answer["CopyObjectResult"]["ETag"] == head["ETag"]
    assert code(s3.copy_object, **OWN, CopySource=OWN, IfMatch=put["ETag"], **encrypted) == "PreconditionFailed"


def test_a_multipart_copy_keeps_tags_and_grants(s3: Any, key: str) -> None:
    s3.put_object(**OWN, Body=b"1" * (PART + 7))
    begun = s3.create_multipart_upload(
        **OWN, Tagging="Team=a%20b", GrantRead=LOG_DELIVERY, ServerSideEncryption="aws:kms", SSEKMSKeyId=key
    )
    upload = {**OWN, "UploadId": begun["UploadId"]}

    def copied(number: int, first: int, last: int) -> dict[str, Any]:
        made = s3.upload_part_copy(**upload, PartNumber=number, CopySource=OWN, CopySourceRange=f"bytes={first}-{last}")
        return {"PartNumber": number, "ETag": made["CopyPartResult"]["ETag"]}

    small = [copied(1, 0, 9), copied(2, 10, PART + 6)]
    assert code(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": small}) == "EntityTooSmall"
    parts = [copied(1, 0, PART - 1), copied(2, PART, PART + 6)]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object_tagging(**OWN)["TagSet"] == [{"Key": "Team", "Value": "a b"}]
    (grant,) = s3.get_object_acl(**OWN)["Grants"]
    assert (grant["Grantee"]["Type"], grant["Permission"]) == ("Group", "READ")
    assert s3.get_object(**OWN)["Body"].read() == b"1" * (PART + 7)


def test_a_bucket_of_another_owner_than_expected_is_refused(s3: Any) -> None:
    assert code(s3.get_bucket_tagging, Bucket="files", ExpectedBucketOwner="444455556666") == "AccessDenied"
    assert code(s3.get_bucket_tagging, Bucket="files", ExpectedBucketOwner=ACCOUNT_ID) == "NoSuchTagSet"
    s3.put_object(**OWN, Body=b"1")
    other = {"ExpectedSourceBucketOwner": "444455556666", "MetadataDirective": "REPLACE"}
    assert code(s3.copy_object, **OWN, CopySource=OWN, **other) == "AccessDenied"


def test_tags_and_grants_need_their_own_permissions(s3: Any, limited: Any) -> None:
    writer = limited("s3:PutObject")
    writer.put_object(**OWN, Body=b"1")
    assert code(writer.put_object, **OWN, Body=b"1", Tagging="a=b") == "AccessDenied"
    assert code(writer.put_object, **OWN, Body=b"1", GrantRead=LOG_DELIVERY) == "AccessDenied"
    assert code(writer.create_multipart_upload, **OWN, Tagging="a=b") == "AccessDenied"
    both = limited("s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl")
    both.put_object(**OWN, Body=b"1", Tagging="a=b", GrantRead=LOG_DELIVERY)


def test_a_multipart_upload_under_a_key_needs_to_read_its_parts(s3: Any, key: str, limited: Any) -> None:
    writer = limited("s3:PutObject", "kms:GenerateDataKey")
    begun = writer.create_multipart_upload(**OWN, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    part = {**OWN, "UploadId": begun["UploadId"], "PartNumber": 1, "Body": b"1"}
    assert code(writer.upload_part, **part) == "AccessDenied"
    assert limited("s3:PutObject", "kms:GenerateDataKey", "kms:Decrypt").upload_part(**part)["ETag"]
    s3.abort_multipart_upload(**OWN, UploadId=begun["UploadId"])


def test_locks_are_shown_to_whom_may_see_them(cloud: Cloud, limited: Any) -> None:
    api = cloud.client("s3")
    own = {"Bucket": "locked", "Key": "a"}
    api.create_bucket(
        Bucket="locked", CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectLockEnabledForBucket=True
    )
    api.put_object(**own, Body=b"1", ObjectLockLegalHoldStatus="ON")
    assert "ObjectLockLegalHoldStatus" not in limited("s3:GetObject").head_object(**own)
    reader = limited("s3:GetObject", "s3:GetObjectLegalHold")
    assert reader.head_object(**own)["ObjectLockLegalHoldStatus"] == "ON"
