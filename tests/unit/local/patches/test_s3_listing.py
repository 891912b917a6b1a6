"""S3's listing of versions: keys as every client can delete them."""

from __future__ import annotations

from typing import Any

from local.harness.cloud import Cloud

KEYS = ["a b.json", "a+b.json", "a/%2B&ä.json"]


def test_versions_are_listed_encoded_when_asked(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="versions", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    for key in KEYS:
        s3.put_object(Bucket="versions", Key=key, Body=b"1")
        s3.delete_object(Bucket="versions", Key=key)
    raw: dict[str, bytes] = {}

    def keep(http_response: Any, **_: Any) -> None:
        raw["body"] = http_response.content

    s3.meta.events.register("after-call.s3.ListObjectVersions", keep)
    listed = s3.list_object_versions(Bucket="versions")  # boto3 requests the encoding, and decodes
    assert [one["Key"] for one in listed["Versions"]] == KEYS == [one["Key"] for one in listed["DeleteMarkers"]]
    assert b"<Key>a%2Bb.json</Key>" in raw["body"]
    assert b"<EncodingType>url</EncodingType>" in raw["body"]
    s3.list_object_versions(Bucket="versions", Prefix="a/", EncodingType="url")
    assert b"<Prefix>a/</Prefix>" in raw["body"]
