"""MSK Connect of the local cloud: names, states, use, updates and pages, as AWS documents them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import install_all, kafkaconnect
from local.services.bridge import RESOURCE_ARNS
from local.services.kafkaconnect import models, neighbours

PLACE: dict[str, Any] = {"account": "123456789012", "region": "eu-west-1"}
CONTENT = "key.converter=org.apache.kafka.connect.storage.StringConverter\nvalue.converter=x\n"
FIXED: dict[str, Any] = {
    "kafkaCluster": {"apacheKafkaCluster": {"bootstrapServers": "b:9098", "vpc": {"subnets": ["subnet-1"]}}},
    "kafkaClusterClientAuthentication": {"authenticationType": "IAM"},
    "kafkaClusterEncryptionInTransit": {"encryptionType": "TLS"},
    "kafkaConnectVersion": "3.7.x",
    "serviceExecutionRoleArn": "arn:aws:iam::123456789012:role/connect",
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(models, "LAG", 0.02)
    monkeypatch.setattr(neighbours, "current", neighbours.Neighbours())
    install_all()
    with mock_aws():
        models.kafkaconnect_backends.clear()
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        yield session.client("kafkaconnect")
        models.kafkaconnect_backends.clear()


def until(probe: Callable[[], Any]) -> Any:
    ends = time.monotonic() + 30
    while not (found := probe()):
        assert time.monotonic() < ends
        time.sleep(0.01)
    return found


def refused(code: str, call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


def worker(api: Any, name: str = "w", content: str = CONTENT, **more: Any) -> Any:
    return api.create_worker_configuration(name=name, propertiesFileContent=_encoded(content), **more)


def _encoded(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


def plugin(api: Any, name: str = "p") -> str:
    location = {"s3Location": {"bucketArn": "arn:aws:s3:::b", "fileKey": "p.zip", "objectVersion": "1"}}
    arn = str(api.create_custom_plugin(name=name, contentType="ZIP", location=location)["customPluginArn"])
    until(lambda: api.describe_custom_plugin(customPluginArn=arn)["customPluginState"] == "ACTIVE")
    return arn


def connector(api: Any, plugin_arn: str, worker_arn: str, name: str = "c") -> str:
    made = api.create_connector(
        connectorName=name,
        capacity={"autoScaling": {"mcuCount": 1, "minWorkerCount": 1, "maxWorkerCount": 2}},
        connectorConfiguration={"connector.class": "a.B", "tasks.max": "1"},
        plugins=[{"customPlugin": {"customPluginArn": plugin_arn, "revision": 1}}],
        workerConfiguration={"workerConfigurationArn": worker_arn, "revision": 1},
        **FIXED,
    )
    assert made["connectorState"] == "CREATING"
    running(api, made["connectorArn"])
    return str(made["connectorArn"])


def running(api: Any, arn: str) -> Any:
    return until(lambda: (d := api.describe_connector(connectorArn=arn))["connectorState"] == "RUNNING" and d)


def test_a_worker_configuration_has_state_time_revision_and_tags(api: Any) -> None:
    made = worker(api, tags={"project": "demo-tags"})
    assert made["workerConfigurationState"] == "ACTIVE"
    assert made["latestRevision"]["revision"] == 1
    assert made["creationTime"]
    assert api.list_tags_for_resource(resourceArn=made["workerConfigurationArn"])["tags"] == {"project": "demo-tags"}
    refused("ConflictException", lambda: worker(api))
    found = api.describe_worker_configuration(workerConfigurationArn=made["workerConfigurationArn"])
    assert found["latestRevision"]["propertiesFileContent"] == _encoded(CONTENT)
    api.tag_resource(resourceArn=made["workerConfigurationArn"], tags={"a": "b"})
    api.untag_resource(resourceArn=made["workerConfigurationArn"], tagKeys=["project"])
    assert api.list_tags_for_resource(resourceArn=made["workerConfigurationArn"])["tags"] == {"a": "b"}


def test_names_by_prefix_in_pages(api: Any) -> None:
    for name in ("team-a", "team-b", "other", "team-c"):
        worker(api, name)
    pages = list(
        api.get_paginator("list_worker_configurations").paginate(namePrefix="team-", PaginationConfig={"PageSize": 2})
    )
    assert [[one["name"] for one in page["workerConfigurations"]] for page in pages] == [
        ["team-a", "team-b"],
        ["team-c"],
    ]
    assert "propertiesFileContent" not in pages[0]["workerConfigurations"][0]["latestRevision"]
    refused("BadRequestException", lambda: api.list_worker_configurations(nextToken="x"))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("key.converter=a\n", "value.converter"),
        (CONTENT + "rest.port=1\n", "rest.port"),
        (CONTENT + "group.id=1\n", "group.id"),
        (CONTENT + "producer.sasl.jaas.config=1\n", "producer.sasl.jaas.config"),
        (CONTENT + "consumer.group.id=1\n", "consumer.group.id"),
    ],
)
def test_unsupported_properties_are_refused(api: Any, content: str, word: str) -> None:
    assert word in refused("BadRequestException", lambda: worker(api, content=content))


def test_content_must_be_base64(api: Any) -> None:
    refused("BadRequestException", lambda: api.create_worker_configuration(name="w", propertiesFileContent="%"))


def test_what_is_in_use_cannot_be_deleted(api: Any) -> None:
    made, file = worker(api)["workerConfigurationArn"], plugin(api)
    arn = connector(api, file, made)
    refused("BadRequestException", lambda: api.delete_worker_configuration(workerConfigurationArn=made))
    refused("BadRequestException", lambda: api.delete_custom_plugin(customPluginArn=file))
    assert len(api.list_worker_configurations()["workerConfigurations"]) == 1
    assert api.delete_connector(connectorArn=arn)["connectorState"] == "DELETING"
    until(lambda: not api.list_connectors()["connectors"])
    assert api.delete_worker_configuration(workerConfigurationArn=made)["workerConfigurationState"] == "DELETING"
    api.delete_custom_plugin(customPluginArn=file)
    until(lambda: not api.list_worker_configurations()["workerConfigurations"])
    until(lambda: not api.list_custom_plugins()["customPlugins"])
    refused("NotFoundException", lambda: api.delete_worker_configuration(workerConfigurationArn=made))


def test_an_update_sends_one_thing_that_differs_with_the_current_version(api: Any) -> None:
    arn = connector(api, plugin(api), worker(api)["workerConfigurationArn"])
    before = api.describe_connector(connectorArn=arn)
    version, changed = before["currentVersion"], {"connector.class": "a.B", "tasks.max": "2"}
    same = {
        "mcuCount": 1, "minWorkerCount": 1, "maxWorkerCount": 2,
        "scaleInPolicy": {"cpuUtilizationPercentage": 20}, "scaleOutPolicy": {"cpuUtilizationPercentage": 80},
    }  # fmt: skip

    def update(**arguments: Any) -> Any:
        return api.update_connector(connectorArn=arn, **{"currentVersion": version, **arguments})

    assert "identical" in refused("BadRequestException", lambda: update(capacity={"autoScaling": same}))
    refused("BadRequestException", lambda: update(connectorConfiguration=before["connectorConfiguration"]))
    refused("BadRequestException", lambda: update(connectorConfiguration={"connector.class": "other"}))
    refused("BadRequestException", lambda: update(connectorConfiguration=changed, currentVersion="old"))
    refused("BadRequestException", lambda: update(connectorConfiguration=changed, capacity={"autoScaling": same}))
    refused("BadRequestException", update)
    assert update(connectorConfiguration=changed)["connectorState"] == "UPDATING"
    refused("BadRequestException", lambda: update(connectorConfiguration=changed))
    after = running(api, arn)
    assert after["connectorConfiguration"] == changed
    assert after["currentVersion"] != version
    operations = api.list_connector_operations(connectorArn=arn)["connectorOperations"]
    assert [one["connectorOperationState"] for one in operations] == ["UPDATE_COMPLETE"]


def test_an_update_can_be_rolled_back_and_a_connector_can_fail(api: Any) -> None:
    arn = connector(api, plugin(api), worker(api)["workerConfigurationArn"])
    before = api.describe_connector(connectorArn=arn)
    kafkaconnect.refuse_update(arn, **PLACE)
    api.update_connector(
        connectorArn=arn, currentVersion=before["currentVersion"], connectorConfiguration={"connector.class": "a.B"}
    )
    assert running(api, arn)["connectorConfiguration"] == before["connectorConfiguration"]
    operations = api.list_connector_operations(connectorArn=arn)["connectorOperations"]
    assert operations[0]["connectorOperationState"] == "ROLLBACK_COMPLETE"
    kafkaconnect.fail(arn, "UnknownError", "no route", **PLACE)
    failed = api.describe_connector(connectorArn=arn)
    assert (failed["connectorState"], failed["stateDescription"]["code"]) == ("FAILED", "UnknownError")


def test_a_connector_needs_what_it_names(api: Any) -> None:
    file = plugin(api)
    refused("NotFoundException", lambda: connector(api, file, file.replace("custom-plugin", "worker-configuration")))
    refused("NotFoundException", lambda: api.describe_connector(connectorArn=file))


def test_the_caller_must_be_able_to_read_the_plugin(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(neighbours.Neighbours):
        def plugin_file(self, region: str, bucket: str, key: str, version: str) -> neighbours.PluginFile:
            raise neighbours.ObjectRefused(f"404 for {key} of {bucket}")

    monkeypatch.setattr(neighbours, "current", Closed())
    assert "404 for p.zip of b" in refused("BadRequestException", lambda: plugin(api))


def test_iam_is_asked_about_the_arn_of_the_path() -> None:
    arn, of = "arn:aws:kafkaconnect:eu-west-1:123456789012:connector/c/u", RESOURCE_ARNS["kafkaconnect"]
    quoted = "/v1/connectors/arn%3Aaws%3Akafkaconnect%3Aeu-west-1%3A123456789012%3Aconnector%2Fc%2Fu"
    assert of("DescribeConnector", "GET", quoted, b"", "eu-west-1", "123456789012") == arn
    assert of("ListConnectorOperations", "GET", f"/v1/connectors/{arn}/operations", b"", "", "") == arn
    assert of("ListConnectors", "GET", "/v1/connectors", b"", "", "") == "*"


def test_other_operations_answer_501(api: Any) -> None:
    arn = connector(api, plugin(api), worker(api)["workerConfigurationArn"])
    refused("NotImplemented", lambda: api.restart_connector(connectorArn=arn))
