"""Tagged resources in pages, of the kinds that MiniStack lacks; the event of changed tags; saved queries."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until

TAGS = {"service": "orders"}


def test_tagged_resources_come_in_pages_and_untagged_ones_do_not(cloud: Cloud) -> None:
    sns, tagging = cloud.client("sns"), cloud.client("resourcegroupstaggingapi")
    listed = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    made = {sns.create_topic(Name=f"t{number}", Tags=listed)["TopicArn"] for number in range(5)}
    sns.create_topic(Name="other")
    api = cloud.client("apigateway").create_rest_api(name="orders", tags=TAGS)["id"]
    region = cloud.client("sts").meta.region_name
    http = cloud.client("apigatewayv2").create_api(Name="web", ProtocolType="HTTP", Tags=TAGS)["ApiId"]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}
    role = cloud.client("iam").create_role(
        RoleName="orders", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    machine = cloud.client("stepfunctions").create_state_machine(
        name="orders",
        definition=json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}),
        roleArn=role,
        tags=[{"key": "service", "value": "orders"}],
    )["stateMachineArn"]
    pages = list(
        tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": "service", "Values": ["orders"]}], PaginationConfig={"PageSize": 3}
        )
    )
    found = {one["ResourceARN"] for page in pages for one in page["ResourceTagMappingList"]}
    prefix = f"arn:aws:apigateway:{region}::"
    assert found == {*made, machine, f"{prefix}/restapis/{api}", f"{prefix}/apis/{http}"}
    assert [len(page["ResourceTagMappingList"]) for page in pages] == [3, 3, 2]


def test_changed_tags_are_an_event(cloud: Cloud) -> None:
    sqs, events = cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName="tag-changes")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    events.put_rule(Name="tags", EventPattern=json.dumps({"source": ["aws.tag"], "detail": {"service": ["sns"]}}))
    events.put_targets(Rule="tags", Targets=[{"Id": "q", "Arn": arn}])
    topic = cloud.client("sns").create_topic(Name="tagged")["TopicArn"]
    cloud.client("resourcegroupstaggingapi").tag_resources(ResourceARNList=[topic], Tags=TAGS)
    received = wait_until("the event", lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    event = json.loads(received[0]["Body"])
    assert (event["detail-type"], event["resources"]) == ("Tag Change on Resource", [topic])
    assert event["detail"]["changed-tag-keys"] == ["service"]
    assert event["detail"]["tags"] == TAGS


def test_saved_queries(cloud: Cloud) -> None:
    logs = cloud.client("logs")
    made = logs.put_query_definition(name="orders/errors", queryString="fields @message", logGroupNames=["/a"])
    identity = made["queryDefinitionId"]
    logs.put_query_definition(name="orders/errors", queryString="fields @log", queryDefinitionId=identity)
    logs.put_query_definition(name="other", queryString="fields @log")
    found = logs.describe_query_definitions(queryDefinitionNamePrefix="orders/")["queryDefinitions"]
    assert [(one["queryDefinitionId"], one["queryString"]) for one in found] == [(identity, "fields @log")]
    logs.delete_query_definition(queryDefinitionId=identity)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        logs.delete_query_definition(queryDefinitionId=identity)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        logs.put_query_definition(name="orders/errors", queryString="x", queryDefinitionId=identity)
