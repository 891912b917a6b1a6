"""EventBridge delivers what its targets' policies permit, and sends the rest to the target's dead-letter queue."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION

RULE = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/notices"


def policy(action: str, resource: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": resource, **condition}]})


@pytest.fixture(scope="module")
def dead_letters(cloud: Cloud) -> str:
    """URL of a queue that lets EventBridge send for the rule."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:dead"
    document = policy("sqs:SendMessage", arn, Condition={"ArnEquals": {"aws:SourceArn": RULE}})
    return str(cloud.client("sqs").create_queue(QueueName="dead", Attributes={"Policy": document})["QueueUrl"])


def publish(cloud: Cloud, source: str, **condition: Any) -> str:
    """Send an event through the rule to a topic whose policy has the condition; the topic's ARN."""
    topic = str(cloud.client("sns").create_topic(Name=source)["TopicArn"])
    document = policy("sns:Publish", topic, **condition)
    cloud.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)
    events = cloud.client("events")
    events.put_rule(Name="notices", EventPattern=json.dumps({"source": [source]}))
    dead = {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:dead"}
    events.put_targets(Rule="notices", Targets=[{"Id": "topic", "Arn": topic, "DeadLetterConfig": dead}])
    events.put_events(Entries=[{"Source": source, "DetailType": "Notice", "Detail": "{}"}])
    return topic


def test_a_topic_without_a_condition_gets_events(cloud: Cloud, dead_letters: str) -> None:
    topic = publish(cloud, "plain")
    assert len(wait_until("the notice", lambda: cloud.notifications(topic), 30)) == 1


def test_a_topics_condition_on_the_rule_refuses_every_event(cloud: Cloud, dead_letters: str) -> None:
    topic = publish(cloud, "bound", Condition={"ArnLike": {"aws:SourceArn": RULE}})

    def received() -> Any:
        queue = cloud.client("sqs")
        return queue.receive_message(QueueUrl=dead_letters, MessageAttributeNames=["All"]).get("Messages")

    (letter,) = wait_until("the dead letter", received, 30)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert letter["MessageAttributes"]["TARGET_ARN"]["StringValue"] == topic
    assert cloud.notifications(topic) == []
