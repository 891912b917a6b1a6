"""Logging configurations as strict as AWS WAF's: names, fields, the caller's permissions, the destination's policy."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud, LocalCloudError
from local.harness.scenario import wait_until
from local.patches import waf_logging
from local.patches.waf import WafError
from local.settings import ACCOUNT_ID, REGION

VISIBLE = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
STREAM = f"arn:aws:firehose:{REGION}:{ACCOUNT_ID}:deliverystream/aws-waf-logs-s"
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:aws-waf-logs-g"
BUCKET = "arn:aws:s3:::aws-waf-logs-b"
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/wafv2.amazonaws.com/AWSServiceRoleForWAFV2Logging"
VIA_WAF = {"ForAnyValue:StringEquals": {"aws:CalledVia": "wafv2.amazonaws.com"}}
NEEDED: dict[str, list[dict[str, Any]]] = {
    STREAM: [
        {"Action": "firehose:ListDeliveryStreams"},
        {
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": ROLE,
            "Condition": {"StringEquals": {"iam:AWSServiceName": "wafv2.amazonaws.com"}},
        },
    ],
    GROUP: [
        {"Action": "logs:CreateLogDelivery", "Condition": VIA_WAF},
        {"Action": "logs:DescribeLogGroups"},
        {"Action": "logs:DescribeResourcePolicies"},
        {"Action": "logs:PutResourcePolicy", "Condition": VIA_WAF},
    ],
    BUCKET: [
        {"Action": "logs:CreateLogDelivery", "Condition": VIA_WAF},
        {"Action": "s3:GetBucketPolicy", "Resource": BUCKET},
        {"Action": "s3:PutBucketPolicy", "Resource": BUCKET},
    ],
}


@pytest.fixture(scope="module")
def cloud(cloud: Cloud) -> Cloud:
    s3, logs, firehose = cloud.client("s3"), cloud.client("logs"), cloud.client("firehose")
    for name in ("aws-waf-logs-b", "stream-bucket"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    logs.create_log_group(logGroupName="aws-waf-logs-g")
    trust = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam_role(cloud, "stream", trust, {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::stream-bucket/*"})
    firehose.create_delivery_stream(
        DeliveryStreamName="aws-waf-logs-s",
        S3DestinationConfiguration={"RoleARN": role, "BucketARN": "arn:aws:s3:::stream-bucket"},
    )
    return cloud


@pytest.fixture
def wafv2(cloud: Cloud) -> Any:
    return cloud.client("wafv2")


@pytest.fixture
def acl(wafv2: Any, request: pytest.FixtureRequest) -> str:
    name = request.node.name.translate({ord(c): "-" for c in "[]:/."})[:100]
    made = wafv2.create_web_acl(Name=name, Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=VISIBLE)
    return str(made["Summary"]["ARN"])


def iam_role(cloud: Cloud, name: str, trust: dict[str, Any], *statements: dict[str, Any]) -> str:
    def document(*allowed: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(allowed)})

    iam = cloud.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=name,
        PolicyName="p",
        PolicyDocument=document(*({"Effect": "Allow", "Resource": "*", **one} for one in statements)),
    )
    return str(arn)


def as_user(cloud: Cloud, name: str, *statements: dict[str, Any]) -> Any:
    """Return WAF's client for a user with these permissions only."""
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **s} for s in statements]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return cloud.client(
        "wafv2", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], attempts=1
    )


def code(call: Any, **arguments: Any) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def wanted(acl: str, destination: str = GROUP, **more: Any) -> dict[str, Any]:
    return {"LoggingConfiguration": {"ResourceArn": acl, "LogDestinationConfigs": [destination], **more}}


def test_none_and_no_web_acl_answer_the_same(wafv2: Any, acl: str) -> None:
    missing = acl[:-4] + "0000"
    for arn in (acl, missing):
        assert code(wafv2.get_logging_configuration, ResourceArn=arn) == "WAFNonexistentItemException"
        assert code(wafv2.delete_logging_configuration, ResourceArn=arn) == "WAFNonexistentItemException"
    assert code(wafv2.put_logging_configuration, **wanted(missing)) == "WAFNonexistentItemException"


def test_put_get_replace_list_delete(wafv2: Any, acl: str) -> None:
    kept: dict[str, Any] = {"RedactedFields": [{"SingleHeader": {"Name": "cookie"}}, {"Method": {}}]}
    wafv2.put_logging_configuration(**wanted(acl, **kept))
    found = wafv2.get_logging_configuration(ResourceArn=acl)["LoggingConfiguration"]
    assert found == {
        **wanted(acl, **kept)["LoggingConfiguration"],
        "LogType": "WAF_LOGS",
        "LogScope": "CUSTOMER",
        "ManagedByFirewallManager": False,
    }
    wafv2.put_logging_configuration(**wanted(acl))
    assert "RedactedFields" not in wafv2.get_logging_configuration(ResourceArn=acl)["LoggingConfiguration"]
    listed = wafv2.list_logging_configurations(Scope="REGIONAL", Limit=100)["LoggingConfigurations"]
    assert acl in [one["ResourceArn"] for one in listed]
    wafv2.delete_logging_configuration(ResourceArn=acl)
    assert code(wafv2.get_logging_configuration, ResourceArn=acl) == "WAFNonexistentItemException"


def test_pages(wafv2: Any, acl: str) -> None:
    other = wafv2.create_web_acl(Name="zz", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=VISIBLE)
    for arn in (acl, other["Summary"]["ARN"]):
        wafv2.put_logging_configuration(**wanted(arn))
    first = wafv2.list_logging_configurations(Scope="REGIONAL", Limit=1)
    rest = wafv2.list_logging_configurations(Scope="REGIONAL", Limit=100, NextMarker=first["NextMarker"])
    found = {one["ResourceArn"] for page in (first, rest) for one in page["LoggingConfigurations"]}
    assert {acl, other["Summary"]["ARN"]} <= found
    assert "NextMarker" not in rest


def test_a_web_acl_of_cloudfront(cloud: Cloud) -> None:
    wafv2 = cloud.client("wafv2", region="us-east-1")
    cloud.client("logs", region="us-east-1").create_log_group(logGroupName="aws-waf-logs-g")
    made = wafv2.create_web_acl(Name="cdn", Scope="CLOUDFRONT", DefaultAction={"Allow": {}}, VisibilityConfig=VISIBLE)
    arn = made["Summary"]["ARN"]
    assert ":global/webacl/" in arn
    assert code(wafv2.put_logging_configuration, **wanted(arn)) == "WAFInvalidParameterException"
    wafv2.put_logging_configuration(**wanted(arn, GROUP.replace(REGION, "us-east-1")))


@pytest.mark.parametrize(
    "arn",
    [
        STREAM.replace("aws-waf-logs-", "logs-"),
        GROUP.replace("aws-waf-logs-", "logs-"),
        BUCKET.replace("aws-waf-logs-", "logs-"),
        STREAM.replace(REGION, "us-east-1"),
        GROUP.replace(ACCOUNT_ID, "111122223333"),
        f"arn:aws:kinesis:{REGION}:{ACCOUNT_ID}:stream/aws-waf-logs-s",
        STREAM[:-1],
    ],
)
def test_destinations_by_their_names(arn: str) -> None:
    with pytest.raises(WafError, match="LOG_DESTINATION"):
        waf_logging.destination_kind(arn, REGION, ACCOUNT_ID)


@pytest.mark.parametrize(
    "wrong",
    [
        {"LogDestinationConfigs": []},
        {"LogDestinationConfigs": [GROUP, STREAM]},
        {"RedactedFields": [{"Body": {}}]},
        {"RedactedFields": [{"UriPath": {}, "Method": {}}]},
        {"RedactedFields": [{"SingleHeader": {}}]},
        {"LoggingFilter": {"DefaultBehavior": "KEEP", "Filters": []}},
        {"LoggingFilter": {"DefaultBehavior": "KEEP", "Filters": [{"Conditions": []}]}},
    ],
)
def test_fields_that_the_api_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(WafError) as caught:
        waf_logging.check_fields({"LogDestinationConfigs": [GROUP], **wrong})
    assert caught.value.code == "WAFInvalidParameterException"


@pytest.mark.parametrize("destination", [STREAM + "x", GROUP + "x", BUCKET + "x"])
def test_a_destination_that_does_not_exist(wafv2: Any, acl: str, destination: str) -> None:
    refused = code(wafv2.put_logging_configuration, **wanted(acl, destination))
    assert refused == "WAFLogDestinationPermissionIssueException"
    assert code(wafv2.get_logging_configuration, ResourceArn=acl) == "WAFNonexistentItemException"


@pytest.mark.parametrize("kind", [STREAM, GROUP, BUCKET])
def test_the_caller_needs_what_waf_does_in_its_name(cloud: Cloud, acl: str, kind: str) -> None:
    if "firehose" in kind:  # created once in an account; another test may have done so
        code(cloud.client("iam").delete_service_linked_role, RoleName=waf_logging.ROLE)
    put = {
        "Action": "wafv2:PutLoggingConfiguration",
        "Resource": f"arn:aws:wafv2:{REGION}:{ACCOUNT_ID}:regional/webacl/*",
        "Condition": {
            "ArnEquals": {"wafv2:LogDestinationResource": kind},
            "StringEquals": {"wafv2:LogScope": "Customer"},
        },
    }
    tag = kind.rpartition("-")[2]
    for number in range(len(NEEDED[kind])):
        rest = [*NEEDED[kind][:number], *NEEDED[kind][number + 1 :]]
        refused = code(as_user(cloud, f"u-{tag}-{number}", put, *rest).put_logging_configuration, **wanted(acl, kind))
        assert refused == "WAFLogDestinationPermissionIssueException", NEEDED[kind][number]
    elsewhere = {**put, "Condition": {"ArnEquals": {"wafv2:LogDestinationResource": kind + "-other"}}}
    user = as_user(cloud, f"u-{tag}-elsewhere", elsewhere, *NEEDED[kind])
    assert code(user.put_logging_configuration, **wanted(acl, kind)) == "AccessDeniedException"
    user = as_user(cloud, f"u-{tag}-all", put, *NEEDED[kind])
    assert code(user.put_logging_configuration, **wanted(acl, kind)) == ""


def test_who_takes_a_web_acl_from_a_log_group_ends_its_delivery(cloud: Cloud, wafv2: Any, acl: str) -> None:
    wafv2.put_logging_configuration(**wanted(acl))
    may = [{"Action": "wafv2:PutLoggingConfiguration"}, *NEEDED[STREAM]]
    user = as_user(cloud, "leaver", *may)
    assert code(user.put_logging_configuration, **wanted(acl, STREAM)) == "WAFLogDestinationPermissionIssueException"
    user = as_user(cloud, "ender", *may, {"Action": "logs:DeleteLogDelivery", "Condition": VIA_WAF})
    assert code(user.put_logging_configuration, **wanted(acl, STREAM)) == ""


def deliver(cloud: Cloud, acl: str) -> str:
    sent = {"web_acl_arn": acl, "record": {"action": "BLOCK"}}
    return str(cloud.command("waf_logging/deliver", sent))


def test_a_record_lands_in_each(cloud: Cloud, wafv2: Any, acl: str) -> None:
    s3, logs = cloud.client("s3"), cloud.client("logs")

    wafv2.put_logging_configuration(**wanted(acl, STREAM))
    deliver(cloud, acl)
    found = wait_until("the object", lambda: s3.list_objects_v2(Bucket="stream-bucket").get("Contents"), 20)
    body = s3.get_object(Bucket="stream-bucket", Key=found[0]["Key"])["Body"].read()
    assert json.loads(body)["webaclId"] == acl

    wafv2.put_logging_configuration(**wanted(acl, GROUP))
    stream = deliver(cloud, acl)
    events = logs.get_log_events(logGroupName="aws-waf-logs-g", logStreamName=stream)["events"]
    assert [json.loads(event["message"])["action"] for event in events] == ["BLOCK"]

    wafv2.put_logging_configuration(**wanted(acl, BUCKET))
    key = deliver(cloud, acl)
    assert key.startswith(f"AWSLogs/{ACCOUNT_ID}/WAFLogs/{REGION}/test_a_record_lands_in_each/")
    wait_until("the object", lambda: s3.list_objects_v2(Bucket="aws-waf-logs-b").get("Contents"), 20)
    body = s3.get_object(Bucket="aws-waf-logs-b", Key=key)["Body"].read()
    assert json.loads(gzip.decompress(body))["webaclId"] == acl


def test_a_policy_that_refuses_log_delivery_stops_records(cloud: Cloud, wafv2: Any, acl: str) -> None:
    wafv2.put_logging_configuration(**wanted(acl, BUCKET))
    refuse = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{BUCKET}/*"}
    s3 = cloud.client("s3")
    before = s3.get_bucket_policy(Bucket="aws-waf-logs-b")["Policy"]
    document = json.loads(before)
    document["Statement"].append(refuse)
    s3.put_bucket_policy(Bucket="aws-waf-logs-b", Policy=json.dumps(document))
    try:
        with pytest.raises(LocalCloudError, match=r"does not let delivery\.logs\.amazonaws\.com do s3:PutObject"):
            deliver(cloud, acl)
    finally:
        s3.put_bucket_policy(Bucket="aws-waf-logs-b", Policy=before)
