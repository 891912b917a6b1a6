"""Firehose writes under its role: compressed, encrypted, refused, kept and retried."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.patches.test_waf_logging import iam_role

BUCKET = "arn:aws:s3:::records"
TRUST = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture(scope="module")
def cloud(cloud: Cloud) -> Cloud:
    cloud.client("s3").create_bucket(Bucket="records", CreateBucketConfiguration={"LocationConstraint": REGION})
    cloud.client("logs").create_log_group(logGroupName="errors")
    cloud.client("logs").create_log_stream(logGroupName="errors", logStreamName="delivery")
    return cloud


def stream(cloud: Cloud, name: str, *statements: dict[str, Any], trust: Any = TRUST, **more: Any) -> Any:
    """Create a stream of that name whose role may perform these actions. Return Firehose's client."""
    role = iam_role(cloud, name, trust, {"Action": "logs:PutLogEvents"}, *statements)
    client = cloud.client("firehose")
    client.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": BUCKET,
            "Prefix": f"{name}/",
            "CloudWatchLoggingOptions": {"Enabled": True, "LogGroupName": "errors", "LogStreamName": "delivery"},
            **more,
        },
    )
    return client


def objects(cloud: Cloud, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        cloud.client("s3").list_objects_v2(Bucket="records", Prefix=f"{name}/").get("Contents", [])
    )
    return found


def waiting(cloud: Cloud) -> int:
    return int(cloud.command("firehose/flush", {}))


def told(cloud: Cloud) -> list[str]:
    events = cloud.client("logs").get_log_events(logGroupName="errors", logStreamName="delivery")["events"]
    return [json.loads(event["message"])["errorMessage"] for event in events]


def test_gzip_and_extension(cloud: Cloud) -> None:
    may = {"Action": "s3:PutObject", "Resource": f"{BUCKET}/gz/*"}
    client = stream(cloud, "gz", may, CompressionFormat="GZIP", FileExtension=".json.gz")
    described = client.describe_delivery_stream(DeliveryStreamName="gz")["DeliveryStreamDescription"]
    assert described["Destinations"][0]["ExtendedS3DestinationDescription"]["FileExtension"] == ".json.gz"
    batch = [{"Data": b'{"n": 1}\n'}, {"Data": b'{"n": 2}\n'}]
    client.put_record_batch(DeliveryStreamName="gz", Records=batch)
    wait_until("both objects", lambda: len(objects(cloud, "gz")) == 2, 20)
    found = objects(cloud, "gz")
    assert all(one["Key"].endswith(".json.gz") for one in found)
    bodies = [cloud.client("s3").get_object(Bucket="records", Key=one["Key"])["Body"].read() for one in found]
    assert sorted(gzip.decompress(body) for body in bodies) == [b'{"n": 1}\n', b'{"n": 2}\n']


def test_a_key_needs_the_roles_right_to_it(cloud: Cloud) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    may = {"Action": "s3:PutObject", "Resource": f"{BUCKET}/kms/*"}
    encrypted = {"EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}}}
    client = stream(cloud, "kms", may, **encrypted)
    client.put_record(DeliveryStreamName="kms", Record={"Data": b"x"})
    wait_until("the refusal", lambda: any("kms:GenerateDataKey" in message for message in told(cloud)), 20)
    assert objects(cloud, "kms") == []

    document = {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": key}
    cloud.client("iam").put_role_policy(
        RoleName="kms", PolicyName="key", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [document]})
    )
    wait_until("the record that was kept", lambda: waiting(cloud) == 0, 20)
    (found,) = objects(cloud, "kms")
    assert cloud.client("s3").head_object(Bucket="records", Key=found["Key"])["SSEKMSKeyId"] == key


def test_a_role_without_the_right_to_the_bucket(cloud: Cloud) -> None:
    client = stream(cloud, "poor", {"Action": "s3:PutObject", "Resource": f"{BUCKET}/other/*"})
    client.put_record(DeliveryStreamName="poor", Record={"Data": b"x"})
    wait_until("the refusal", lambda: any("s3:PutObject" in message for message in told(cloud)), 20)
    assert objects(cloud, "poor") == []
    cloud.client("iam").put_role_policy(
        RoleName="poor",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}
        ),
    )
    wait_until("the record that was kept", lambda: waiting(cloud) == 0 and objects(cloud, "poor"), 20)


@pytest.mark.parametrize(
    ("name", "trust"),
    [
        ("nobody", {**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}}),
        ("stranger", {**TRUST, "Condition": {"StringEquals": {"sts:ExternalId": "111122223333"}}}),
    ],
)
def test_a_role_that_does_not_trust_firehose_for_this_account(cloud: Cloud, name: str, trust: Any) -> None:
    client = stream(cloud, name, {"Action": "s3:PutObject"}, trust=trust)
    client.put_record(DeliveryStreamName=name, Record={"Data": b"x"})
    assert wait_until("the refusal", lambda: waiting(cloud), 20) == 1
    assert objects(cloud, name) == []
    trusted = {**TRUST, "Condition": {"StringEquals": {"sts:ExternalId": ACCOUNT_ID}}}
    cloud.client("iam").update_assume_role_policy(
        RoleName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    )
    wait_until("the record that was kept", lambda: waiting(cloud) == 0 and objects(cloud, name), 20)
