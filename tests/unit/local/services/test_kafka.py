"""MSK of the local cloud: serverless clusters whose brokers speak Kafka, policies and tags, as AWS documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import confluent_kafka
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import install_all, kafka
from local.services.bridge import RESOURCE_ARNS
from local.services.kafka import models

PLACE: dict[str, Any] = {"account": "123456789012", "region": "eu-west-1"}
SERVERLESS: dict[str, Any] = {
    "VpcConfigs": [{"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}],
    "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}},
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        models.kafka_backends.clear()
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        yield session.client("kafka")
        models.kafka_backends.clear()


def created(api: Any, name: str = "telemetry") -> str:
    arn = api.create_cluster_v2(ClusterName=name, Serverless=SERVERLESS, Tags={"Team": "a"})["ClusterArn"]
    return str(arn)


def refused(code: str, call: Any) -> None:
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] == code


def test_a_cluster_is_described_as_it_was_made(api: Any) -> None:
    arn = created(api)
    assert arn.startswith("arn:aws:kafka:eu-west-1:123456789012:cluster/telemetry/")
    found = api.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]
    assert (found["State"], found["ClusterType"], found["Serverless"], found["Tags"]) == (
        "ACTIVE",
        "SERVERLESS",
        SERVERLESS,
        {"Team": "a"},
    )
    refused("ConflictException", lambda: created(api))
    api.delete_cluster(ClusterArn=arn)
    refused("NotFoundException", lambda: api.describe_cluster_v2(ClusterArn=arn))


def test_a_cluster_without_iam_is_refused(api: Any) -> None:
    off = {**SERVERLESS, "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": False}}}}
    refused("BadRequestException", lambda: api.create_cluster_v2(ClusterName="a", Serverless=off))


def test_clients_reach_the_brokers(api: Any) -> None:
    arn = created(api)
    servers = {"bootstrap.servers": api.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringSaslIam"]}
    assert kafka.create_topic(arn, "modems", **PLACE) == 4
    assert kafka.create_topic(arn, "modems", **PLACE) == 4
    producer = confluent_kafka.Producer(servers)
    producer.produce("modems", key="a", value=b"1", partition=2)
    assert producer.flush(30) == 0
    consumer = confluent_kafka.Consumer({**servers, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.assign([confluent_kafka.TopicPartition("modems", 2, 0)])
    [message] = consumer.consume(1, 30)
    consumer.close()
    assert (message.key(), message.value(), message.offset()) == (b"a", b"1", 0)


def test_the_policy_of_a_cluster(api: Any) -> None:
    arn = created(api)
    refused("NotFoundException", lambda: api.get_cluster_policy(ClusterArn=arn))
    policy = json.dumps({"Statement": [{"Action": ["kafka:CreateVpcConnection"]}]})
    version = api.put_cluster_policy(ClusterArn=arn, Policy=policy)["CurrentVersion"]
    assert api.get_cluster_policy(ClusterArn=arn)["Policy"] == policy
    refused("BadRequestException", lambda: api.put_cluster_policy(ClusterArn=arn, Policy=policy, CurrentVersion="old"))
    api.put_cluster_policy(ClusterArn=arn, Policy=policy, CurrentVersion=version)
    other = json.dumps({"Statement": [{"Action": "s3:GetObject"}]})
    for wrong in ("{", "{}", other):
        refused("BadRequestException", lambda wrong=wrong: api.put_cluster_policy(ClusterArn=arn, Policy=wrong))
    api.delete_cluster_policy(ClusterArn=arn)
    refused("NotFoundException", lambda: api.get_cluster_policy(ClusterArn=arn))


def test_tags(api: Any) -> None:
    arn = created(api)
    api.tag_resource(ResourceArn=arn, Tags={"Owner": "b"})
    api.untag_resource(ResourceArn=arn, TagKeys=["Team"])
    assert api.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"Owner": "b"}


@pytest.mark.parametrize(
    "path", ["/v1/clusters/{}", "/v1/clusters/{}/bootstrap-brokers", "/v1/clusters/{}/policy", "/v1/tags/{}"]
)
def test_iam_is_asked_about_the_cluster(path: str) -> None:
    arn = "arn:aws:kafka:eu-west-1:123456789012:cluster/a/1-s1"
    asked = path.format(arn.replace(":", "%3A").replace("/", "%2F"))
    assert RESOURCE_ARNS["kafka"]("X", "GET", asked, b"", "eu-west-1", "1") == arn
    assert RESOURCE_ARNS["kafka"]("CreateClusterV2", "POST", "/api/v2/clusters", b"", "eu-west-1", "1") == "*"
