"""Lambda reads a queue as the function's role; Chatbot subscribes to topics, with a role that trusts it."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.patches import sns_chatbot as chat
from local.patches.lambda_sqs import gathering
from local.services.chatbot import models
from local.settings import ACCOUNT_ID, REGION

NEEDED = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]


def role(cloud: Cloud, name: str, service: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return str(cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])


def allow(cloud: Cloud, actions: list[str], resource: str, name: str = "reader") -> None:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)


def function(cloud: Cloud, name: str, code: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", code)
    cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role(cloud, name, "lambda.amazonaws.com"),
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )


def waiting(cloud: Cloud, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(counts[name]) for name in names)


def test_a_queue_is_read_as_the_functions_role(cloud: Cloud) -> None:
    sqs, functions = cloud.client("sqs"), cloud.client("lambda")
    function(cloud, "reader", "def handler(event, context): pass")
    url = sqs.create_queue(QueueName="read")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:read"
    insecure = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": arn}
    statement = {**insecure, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
    functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="reader")
    sqs.send_message(QueueUrl=url, MessageBody="one")

    def told() -> str:
        return str(
            functions.list_event_source_mappings(FunctionName="reader")["EventSourceMappings"][0][
                "LastProcessingResult"
            ]
        )

    for missing in NEEDED:
        allow(cloud, [action for action in NEEDED if action != missing], arn)
        wait_until(f"the refusal without {missing}", lambda missing=missing: missing in told(), 30)  # type: ignore[misc]
        assert waiting(cloud, url) == 1
    allow(cloud, NEEDED, arn)
    wait_until("the delivery", lambda: waiting(cloud, url) == 0, 30)
    assert "PROBLEM" not in told()


def test_what_the_function_did_not_handle_comes_back_soon(cloud: Cloud) -> None:
    """This is long before its visibility timeout. Handled messages do not come back."""
    sqs = cloud.client("sqs")
    code = """
def handler(event, context):
    first = [r for r in event["Records"] if r["body"] == "late" and r["attributes"]["ApproximateReceiveCount"] == "1"]
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in first]}
"""
    function(cloud, "again", code)
    url = sqs.create_queue(QueueName="again", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:again"
    allow(cloud, NEEDED, arn, "again")
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName="again", FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    for body in ("late", "soon"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    wait_until("the first message to be handled", lambda: waiting(cloud, url) == 1, 10)
    wait_until("the other to be handled the second time", lambda: waiting(cloud, url) == 0, 30)


@pytest.mark.parametrize(
    ("window", "size", "visible", "gathers"),
    [
        (0, 10, [100.0], False),
        (1, 10, [], False),
        (1, 10, [99.5], True),
        (1, 10, [99.5, 99.9], True),
        (1, 2, [99.5, 99.9], False),
        (1, 10, [98.9, 99.9], False),
        (60, 10, [98.9], False),
        (1, 10, [130.0], False),
    ],
)
def test_a_batch_waits_for_its_window(window: int, size: int, visible: list[float], gathers: bool) -> None:
    """Messages in flight do not count. One that comes back counts from then on."""
    mapping = {"MaximumBatchingWindowInSeconds": window, "BatchSize": size}
    messages = [{"sent_at": 1.0, "visible_at": at} for at in visible]
    assert gathering(messages, mapping, now=100.0) is gathers


class SlowList(list[Any]):
    def remove(self, value: Any) -> None:
        time.sleep(0.05)
        super().remove(value)


def test_channels_at_once_share_one_subscription(monkeypatch: pytest.MonkeyPatch) -> None:
    from ministack.services import sns

    def slow() -> str:
        time.sleep(0.05)
        return str(uuid.uuid4())

    topic: dict[str, Any] = {"subscriptions": SlowList(), "attributes": {}}
    monkeypatch.setattr(sns, "_topic_by_arn_any_scope", lambda arn: topic)
    monkeypatch.setattr(sns, "_refresh_subscription_counts", lambda topic: None)
    monkeypatch.setattr(sns, "_sub_arn_to_topic", {})
    monkeypatch.setattr(sns, "new_uuid", slow)
    monkeypatch.setattr(models, "neighbours", chat.Engine())
    chatbot, arns, counts = models.backend(ACCOUNT_ID), {f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:told"}, []
    with ThreadPoolExecutor(4) as channels:
        for before, after in ((set[str](), arns), (arns, set[str]())):
            list(channels.map(chatbot._subscribe, [before] * 4, [after] * 4))
            counts.append(len(topic["subscriptions"]))
    assert counts == [1, 0]


def test_chatbot_gets_what_its_topic_sends(cloud: Cloud) -> None:
    chatbot, sns = cloud.client("chatbot"), cloud.client("sns")
    cloud.command("chatbot/authorize_workspace", {"team_id": "T1", "name": "Example"})
    topic = sns.create_topic(Name="told")["TopicArn"]
    request = {
        "ConfigurationName": "security",
        "SlackTeamId": "T1",
        "SlackChannelId": "C1",
        "SnsTopicArns": [topic],
        "IamRoleArn": role(cloud, "wrong", "lambda.amazonaws.com"),
    }
    with pytest.raises(ClientError, match="cannot assume"):
        chatbot.create_slack_channel_configuration(**request)
    request["IamRoleArn"] = role(cloud, "channel", "chatbot.amazonaws.com")
    with pytest.raises(ClientError, match="no such topic"):
        chatbot.create_slack_channel_configuration(**{**request, "SnsTopicArns": [f"{topic}-none"]})
    made = chatbot.create_slack_channel_configuration(**request)["ChannelConfiguration"]
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == (
        "https",
        "https://global.sns-api.chatbot.amazonaws.com",
    )
    sns.publish(TopicArn=topic, Message="not an event")

    def got() -> Any:
        return cloud.command("chatbot/messages", {"configuration": "security"})

    (entry,) = wait_until("the message", got, 30)
    assert (entry["message"], entry["posted"]) == ("not an event", False)
    chatbot.delete_slack_channel_configuration(ChatConfigurationArn=made["ChatConfigurationArn"])
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
