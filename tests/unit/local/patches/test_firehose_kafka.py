"""Firehose reads a topic under its role and the cluster's policy; Lambda's mappings of MSK are refused as on AWS."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import confluent_kafka
import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.patches.test_waf_logging import iam_role

TRUST = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
CONNECTION = [
    f"kafka:{one}" for one in ("CreateVpcConnection", "DescribeCluster", "DescribeClusterV2", "GetBootstrapBrokers")
]
READ: dict[str, Any] = {"Action": ["kafka:*", "kafka-cluster:*"], "Resource": "*"}
WRITE = {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::kafka-records/*"}


@pytest.fixture(scope="module")
def cloud(cloud: Cloud) -> Cloud:
    cloud.client("s3").create_bucket(Bucket="kafka-records", CreateBucketConfiguration={"LocationConstraint": REGION})
    return cloud


@pytest.fixture(scope="module")
def cluster(cloud: Cloud) -> str:
    network = [{"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}]
    serverless = {"VpcConfigs": network, "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}}
    made = cloud.client("kafka").create_cluster_v2(ClusterName="telemetry", Serverless=serverless)
    cloud.command("kafka/create_topic", {"cluster": made["ClusterArn"], "topic": "modems"})
    return str(made["ClusterArn"])


def let_connect(cloud: Cloud, cluster: str, *actions: str) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": list(actions)}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": cluster}]}
    cloud.client("kafka").put_cluster_policy(ClusterArn=cluster, Policy=json.dumps(policy))


def stream(cloud: Cloud, cluster: str, name: str, *statements: dict[str, Any]) -> dict[str, Any]:
    """Create a stream whose role may do these. Return its description."""
    role, firehose = iam_role(cloud, name, TRUST, *statements), cloud.client("firehose")
    delimiter = {"Type": "AppendDelimiterToRecord", "Parameters": []}
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        DeliveryStreamType="MSKAsSource",
        MSKSourceConfiguration={
            "MSKClusterARN": cluster,
            "TopicName": "modems",
            "AuthenticationConfiguration": {"RoleARN": role, "Connectivity": "PRIVATE"},
        },
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": "arn:aws:s3:::kafka-records",
            "Prefix": f"{name}/!{{timestamp:yyyy}}/",
            "CompressionFormat": "GZIP",
            "ProcessingConfiguration": {"Enabled": True, "Processors": [delimiter]},
        },
    )
    found: dict[str, Any] = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    return found


def test_messages_become_lines_of_compressed_objects(cloud: Cloud, cluster: str) -> None:
    let_connect(cloud, cluster, *CONNECTION)
    described = stream(cloud, cluster, "good", READ, WRITE)
    assert described["DeliveryStreamStatus"] == "ACTIVE"
    assert described["Source"]["MSKSourceDescription"]["TopicName"] == "modems"
    brokers = cloud.client("kafka").get_bootstrap_brokers(ClusterArn=cluster)["BootstrapBrokerStringSaslIam"]
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers})
    for value in (b"1", None, b"2"):
        producer.produce("modems", key="a", value=value)
    assert producer.flush(60) == 0
    s3 = cloud.client("s3")

    def lines() -> list[bytes]:
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket="kafka-records", Prefix="good/").get("Contents", ())]
        return [
            line
            for key in keys
            for line in gzip.decompress(s3.get_object(Bucket="kafka-records", Key=key)["Body"].read()).splitlines()
        ]

    assert wait_until("both messages", lambda: found if len(found := lines()) >= 2 else None) == [b"1", b"2"]
    with pytest.raises(ClientError, match="reads a topic"):
        cloud.client("firehose").put_record_batch(DeliveryStreamName="good", Records=[{"Data": b"x"}])


@pytest.mark.parametrize(
    ("actions", "statement", "said"),
    [
        (["kafka-cluster:Connect"], READ, "does not let firehose.amazonaws.com do kafka:CreateVpcConnection"),
        (CONNECTION[1:], READ, "does not let firehose.amazonaws.com do kafka:CreateVpcConnection"),
        (CONNECTION, {"Action": "kafka:*", "Resource": "*"}, "may not do kafka-cluster:Connect"),
    ],
)
def test_a_stream_that_may_not_read_its_topic_fails(
    cloud: Cloud, cluster: str, actions: list[str], statement: dict[str, Any], said: str
) -> None:
    let_connect(cloud, cluster, *actions)
    described = stream(cloud, cluster, f"bad-{len(actions)}-{len(str(statement))}", statement, WRITE)
    assert described["DeliveryStreamStatus"] == "CREATING_FAILED"
    assert said in described["FailureDescription"]["Details"]


@pytest.fixture(scope="module")
def function(cloud: Cloud) -> str:
    """A function that may read the topic."""
    code, name = io.BytesIO(), "reads-kafka"
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("f.py", "def handler(event, context): pass")
    role = iam_role(cloud, name, {**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}}, READ)
    cloud.client("lambda").create_function(
        FunctionName=name, Role=role, Runtime="python3.13", Handler="f.handler", Code={"ZipFile": code.getvalue()}
    )
    return name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Topics": ["a", "b"]}, "Topics must have exactly 1 member"),
        ({"MaximumRetryAttempts": 3}, "MaximumRetryAttempts needs provisioned mode"),
        ({"FunctionResponseTypes": ["ReportBatchItemFailures"]}, "FunctionResponseTypes needs provisioned mode"),
        ({"EventSourceArn": f"arn:aws:kafka:{REGION}:{ACCOUNT_ID}:cluster/none/1"}, "Cluster not found"),
    ],
)
def test_a_mapping_that_lambda_refuses(
    cloud: Cloud, cluster: str, function: str, changes: dict[str, Any], said: str
) -> None:
    wanted = {"EventSourceArn": cluster, "FunctionName": function, "Topics": ["modems"], "StartingPosition": "LATEST"}
    with pytest.raises(ClientError, match=said):
        cloud.client("lambda").create_event_source_mapping(**{**wanted, **changes})
