"""IAM of alarms, pages and recent metrics of ListMetrics, events of instances, and State Manager's associations."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.settings import ACCOUNT_ID, REGION

ALARM: dict[str, Any] = {
    "Namespace": "n",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "LessThanThreshold",
}

both = pytest.mark.parametrize("protocol", ["json", "query"])


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return str(raised.value.response["Error"]["Code"])


def client(cloud: Cloud, protocol: str, key: str = "test", secret: str = "test") -> Any:
    """Return CloudWatch by one protocol: boto3 of Lambda's age has the Query protocol alone, today's prefers JSON."""
    session = boto3.session.Session(key, secret, region_name=REGION)
    loader = session._session.get_component("data_loader")
    loader.load_service_model("cloudwatch", "service-2")["metadata"]["protocols"] = [protocol]  # kept by the loader
    return session.client("cloudwatch", endpoint_url=cloud.endpoint)


def writer(cloud: Cloud, protocol: str, user: str, *actions: str) -> Any:
    """Return CloudWatch as a user who may do these actions on alarms that begin with own/."""
    iam, name = cloud.client("iam"), f"{user}-{protocol}"
    iam.create_user(UserName=name)
    resource = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT_ID}:alarm:own/*"
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": [statement]}))
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    return client(cloud, protocol, keys["AccessKeyId"], keys["SecretAccessKey"])


def test_boto3_of_functions_has_the_query_protocol_alone(cloud: Cloud) -> None:
    assert client(cloud, "query").meta.service_model.resolved_protocol == "query"
    assert client(cloud, "json").meta.service_model.resolved_protocol == "json"


@both
def test_iam_is_asked_about_each_alarm(cloud: Cloud, protocol: str) -> None:
    cloudwatch = writer(cloud, protocol, "writer", "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms")
    cloudwatch.put_metric_alarm(AlarmName="own/a", **ALARM)
    assert code(cloudwatch.put_metric_alarm, AlarmName="other", **ALARM).startswith("AccessDenied")
    cloud.client("cloudwatch").put_metric_alarm(AlarmName="other", **ALARM)
    assert code(cloudwatch.delete_alarms, AlarmNames=["own/a", "other"]).startswith("AccessDenied")
    cloudwatch.delete_alarms(AlarmNames=["own/a"])


@both
def test_injected_faults_have_the_form_of_the_protocol(cloud: Cloud, protocol: str) -> None:
    fault = {"principal": "root", "operation": "ListMetrics", "kind": "error", "status": 400, "code": "ValidationError"}
    with cloud.faults(fault):
        assert code(client(cloud, protocol).list_metrics) == "ValidationError"


@both
def test_a_list_of_alarms_needs_permission_for_all(cloud: Cloud, protocol: str) -> None:
    cloudwatch = writer(cloud, protocol, "reader", "cloudwatch:DescribeAlarms")
    assert code(cloudwatch.describe_alarms, AlarmNamePrefix="own/").startswith("AccessDenied")
    assert code(cloudwatch.describe_alarms, AlarmNames=["own/a"]).startswith("AccessDenied")


@both
def test_an_alarm_with_tags_needs_another_permission(cloud: Cloud, protocol: str) -> None:
    tags = [{"Key": "a", "Value": "b"}]
    without = writer(cloud, protocol, "untagged", "cloudwatch:PutMetricAlarm")
    assert code(without.put_metric_alarm, AlarmName="own/t", Tags=tags, **ALARM).startswith("AccessDenied")
    allowed = writer(cloud, protocol, "tagger", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource")
    allowed.put_metric_alarm(AlarmName="own/t", Tags=tags, **ALARM)


@both
def test_metrics_are_listed_in_pages_and_recent_ones_alone(cloud: Cloud, protocol: str) -> None:
    cloudwatch, namespace, now = client(cloud, protocol), f"pages-{protocol}", datetime.now(UTC)
    published = [now - timedelta(hours=0 if number else 5) for number in range(502)]
    data = [
        {"MetricName": "m", "Dimensions": [{"Name": "N", "Value": str(number)}], "Value": 1, "Timestamp": at}
        for number, at in enumerate(published)
    ]
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    pages = list(cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace))
    assert [len(page["Metrics"]) for page in pages] == [500, 2]
    recent = list(cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace, RecentlyActive="PT3H"))
    assert [len(page["Metrics"]) for page in recent] == [500, 1]
    [one] = cloudwatch.list_metrics(Namespace=namespace, Dimensions=[{"Name": "N", "Value": "7"}])["Metrics"]
    assert one == {"Namespace": namespace, "MetricName": "m", "Dimensions": [{"Name": "N", "Value": "7"}]}
    assert code(cloudwatch.list_metrics, NextToken="?") == "InvalidParameterValue"


def test_instances_send_an_event_for_each_change_of_state(cloud: Cloud) -> None:
    events, sqs, ec2 = cloud.client("events"), cloud.client("sqs"), cloud.client("ec2")
    url = sqs.create_queue(QueueName="states")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:states"
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_rule(Name="states", EventPattern=json.dumps({"source": ["aws.ec2"]}))
    events.put_targets(Rule="states", Targets=[{"Id": "q", "Arn": arn}])
    instance = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[instance])
    ec2.start_instances(InstanceIds=[instance])
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.terminate_instances(InstanceIds=[instance])  # no change
    states: list[str] = []
    ends = time.monotonic() + 30
    while len(states) < 4 and time.monotonic() < ends:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            assert detail["instance-id"] == instance
            states.append(detail["state"])
    assert sorted(states) == ["running", "running", "stopped", "terminated"]


def test_an_association_is_kept_changed_and_deleted(cloud: Cloud) -> None:
    ssm = cloud.client("ssm")
    targets = [{"Key": "tag:A", "Values": ["b"]}]
    assert code(ssm.create_association, Name="missing", Targets=targets) == "InvalidDocument"
    tags = [{"Key": "stage", "Value": "one"}]
    made = ssm.create_association(Name="AWS-ConfigureAWSPackage", Targets=targets, Tags=tags)["AssociationDescription"]
    tagged = {"ResourceType": "Association", "ResourceId": made["AssociationId"]}
    assert ssm.list_tags_for_resource(**tagged)["TagList"] == tags
    named = {"AssociationId": made["AssociationId"]}
    ssm.update_association(**named, ScheduleExpression="rate(1 day)")
    found = ssm.describe_association(**named)["AssociationDescription"]
    assert (found["Targets"], found["ScheduleExpression"], found["AssociationVersion"]) == (targets, "rate(1 day)", "2")
    ssm.delete_association(**named)
    assert ssm.list_tags_for_resource(**tagged)["TagList"] == []
    assert code(ssm.describe_association, **named) == "AssociationDoesNotExist"
