"""Composite alarms with a suppressor: what waits, what is suppressed, and what follows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until


def metric_alarm(cloud: Cloud, name: str) -> None:
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName=name,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )


def set_state(cloud: Cloud, name: str, state: str) -> None:
    cloud.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")


@pytest.fixture
def topic(cloud: Cloud) -> str:
    sns = cloud.client("sns")
    arn = str(sns.create_topic(Name="pages")["TopicArn"])
    allowed = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]})
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return arn


def composite(cloud: Cloud, topic: str, rule: str = 'ALARM("child")', **more: Any) -> None:
    arguments = {
        "AlarmName": "service",
        "AlarmRule": rule,
        "AlarmActions": [topic],
        "ActionsSuppressor": "maintenance",
        "ActionsSuppressorWaitPeriod": 600,
        "ActionsSuppressorExtensionPeriod": 600,
        **more,
    }
    cloud.client("cloudwatch").put_composite_alarm(**{k: v for k, v in arguments.items() if v is not None})


def described(cloud: Cloud) -> dict[str, Any]:
    answer = cloud.client("cloudwatch").describe_alarms(AlarmNames=["service"], AlarmTypes=["CompositeAlarm"])
    found: dict[str, Any] = answer["CompositeAlarms"][0]
    return found


def pages(cloud: Cloud, topic: str) -> int:
    return sum(json.loads(one["message"])["NewStateValue"] == "ALARM" for one in cloud.notifications(topic))


def test_a_suppressor_holds_actions_back_and_they_follow_if_the_alarm_stays(cloud: Cloud, topic: str) -> None:
    for name in ("child", "maintenance"):
        metric_alarm(cloud, name)
    composite(cloud, topic)
    assert described(cloud)["ActionsSuppressor"] == "maintenance"
    set_state(cloud, "maintenance", "ALARM")
    set_state(cloud, "child", "ALARM")
    wait_until("suppression", lambda: described(cloud).get("ActionsSuppressedBy") == "Alarm")
    cloud.command("cloudwatch_composites/elapse", {})
    assert pages(cloud, topic) == 0
    set_state(cloud, "maintenance", "OK")
    wait_until("extension", lambda: described(cloud).get("ActionsSuppressedBy") == "ExtensionPeriod")
    assert pages(cloud, topic) == 0
    cloud.command("cloudwatch_composites/elapse", {})
    wait_until("the page", lambda: pages(cloud, topic) == 1)

    set_state(cloud, "child", "OK")  # an incident that begins and ends during a maintenance
    cloud.command("cloudwatch_composites/elapse", {})
    wait_until("no waiting", lambda: "ActionsSuppressedBy" not in described(cloud))
    set_state(cloud, "maintenance", "ALARM")
    set_state(cloud, "child", "ALARM")
    wait_until("suppression", lambda: described(cloud).get("ActionsSuppressedBy") == "Alarm")
    set_state(cloud, "child", "OK")
    set_state(cloud, "maintenance", "OK")
    wait_until("extension", lambda: described(cloud).get("ActionsSuppressedBy") == "ExtensionPeriod")
    cloud.command("cloudwatch_composites/elapse", {})
    wait_until("no waiting", lambda: "ActionsSuppressedBy" not in described(cloud))
    assert pages(cloud, topic) == 1

    with pytest.raises(ClientError, match="depending on it"):
        cloud.client("cloudwatch").delete_alarms(AlarmNames=["maintenance"])
    cloud.client("cloudwatch").delete_alarms(AlarmNames=["service"])
    cloud.client("cloudwatch").delete_alarms(AlarmNames=["maintenance", "child"])


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"ActionsSuppressor": "nowhere"}, "does not exist"),
        ({"ActionsSuppressorWaitPeriod": None}, "needs"),
        ({"rule": " OR ".join(f'ALARM("n{number}")' for number in range(101))}, "at most 100 alarms"),
        ({"rule": f'ALARM("{"n" * 10_240}")'}, "at most 10240 characters"),
    ],
)
def test_what_cloudwatch_refuses(cloud: Cloud, topic: str, more: dict[str, Any], reason: str) -> None:
    metric_alarm(cloud, "child")
    metric_alarm(cloud, "maintenance")
    with pytest.raises(ClientError, match=reason):
        composite(cloud, topic, **more)
