"""Chatbot of the local cloud: configurations, their refusals, and the messages that topics bring to a channel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import chatbot, install_all
from local.services.chatbot import models

ACCOUNT = "123456789012"
ROLE, TOPIC = f"arn:aws:iam::{ACCOUNT}:role/channel", f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic"
SLACK = {"ConfigurationName": "security", "SlackTeamId": "T1", "SlackChannelId": "C1", "IamRoleArn": ROLE}
TEAMS = {
    "ConfigurationName": "soc",
    "TenantId": "11112222-3333-4444-5555-666677778888",
    "TeamId": "99998888-7777-6666-5555-444433332222",
    "ChannelId": "19%3aab12cd34ef56%40thread.tacv2",
    "IamRoleArn": ROLE,
}


class Neighbours(models.Neighbours):
    def __init__(self) -> None:
        self.subscribed: list[str] = []

    def trusts(self, role_arn: str) -> bool:
        return role_arn == ROLE

    def subscribe(self, topic_arn: str) -> bool:
        self.subscribed.append(topic_arn)
        return topic_arn.startswith(TOPIC)

    def unsubscribe(self, topic_arn: str) -> None:
        self.subscribed.remove(topic_arn)


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Neighbours:
    made = Neighbours()
    monkeypatch.setattr(models, "neighbours", made)
    return made


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, around: Neighbours) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        chatbot.authorize_workspace("T1", "Example")
        chatbot.authorize_team(TEAMS["TenantId"], TEAMS["TeamId"], "SOC")
        yield boto3.client("chatbot", "eu-west-1")


def refusal(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def test_slack_from_making_to_deleting(api: Any, around: Neighbours) -> None:
    tags = [{"TagKey": "stack", "TagValue": "test"}]
    made = api.create_slack_channel_configuration(**SLACK, SnsTopicArns=[TOPIC], Tags=tags)["ChannelConfiguration"]
    arn = made["ChatConfigurationArn"]
    assert arn == f"arn:aws:chatbot::{ACCOUNT}:chat-configuration/slack-channel/security"
    assert (made["SlackTeamName"], made["State"], around.subscribed) == ("Example", "ENABLED", [TOPIC])
    assert made["GuardrailPolicyArns"] == ["arn:aws:iam::aws:policy/AdministratorAccess"]  # the default
    api.update_slack_channel_configuration(
        ChatConfigurationArn=arn, SlackChannelId="C2", SnsTopicArns=[f"{TOPIC}-2"], LoggingLevel="INFO"
    )
    (found,) = api.describe_slack_channel_configurations(ChatConfigurationArn=arn)["SlackChannelConfigurations"]
    assert (found["SlackChannelId"], found["LoggingLevel"], found["IamRoleArn"]) == ("C2", "INFO", ROLE)
    assert around.subscribed == [f"{TOPIC}-2"]
    api.tag_resource(ResourceARN=arn, Tags=[{"TagKey": "team", "TagValue": "soc"}])
    api.untag_resource(ResourceARN=arn, TagKeys=["stack"])
    assert api.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"TagKey": "team", "TagValue": "soc"}]
    api.delete_slack_channel_configuration(ChatConfigurationArn=arn)
    assert api.describe_slack_channel_configurations()["SlackChannelConfigurations"] == []
    assert around.subscribed == []


def test_teams_from_making_to_deleting(api: Any) -> None:
    made = api.create_microsoft_teams_channel_configuration(**TEAMS, SnsTopicArns=[TOPIC])["ChannelConfiguration"]
    arn = made["ChatConfigurationArn"]
    got = api.get_microsoft_teams_channel_configuration(ChatConfigurationArn=arn)["ChannelConfiguration"]
    assert (got["TeamName"], got["ChannelId"]) == ("SOC", TEAMS["ChannelId"])
    assert len(api.list_microsoft_teams_channel_configurations()["TeamChannelConfigurations"]) == 1
    api.delete_microsoft_teams_channel_configuration(ChatConfigurationArn=arn)
    assert (
        refusal(api.get_microsoft_teams_channel_configuration, ChatConfigurationArn=arn) == "ResourceNotFoundException"
    )


def test_refusals_change_nothing(api: Any, around: Neighbours) -> None:
    create = api.create_slack_channel_configuration
    assert refusal(create, **{**SLACK, "SlackTeamId": "T2"}) == "InvalidRequestException"  # not authorized
    assert refusal(create, **{**SLACK, "IamRoleArn": f"{ROLE}2"}) == "InvalidParameterException"  # not trusted
    assert refusal(create, **{**SLACK, "SlackTeamId": "t"}) == "InvalidParameterException"
    assert refusal(create, **SLACK, SnsTopicArns=[TOPIC.replace("topic", "none")]) == "InvalidParameterException"
    assert api.describe_slack_channel_configurations()["SlackChannelConfigurations"] == []
    create(**SLACK)
    assert refusal(create, **SLACK) == "ConflictException"  # the name
    assert refusal(create, **{**SLACK, "ConfigurationName": "other"}) == "ConflictException"  # the channel
    teams = api.create_microsoft_teams_channel_configuration
    assert refusal(teams, **{**TEAMS, "ChannelId": TEAMS["TeamId"]}) == "InvalidParameterException"
    assert refusal(teams, **{**TEAMS, "TeamId": TEAMS["TenantId"]}) == "InvalidRequestException"


EVENT = {
    "version": "0",
    "id": "1",
    "detail-type": "Security Hub Findings - Imported",
    "source": "aws.securityhub",
    "account": ACCOUNT,
    "time": "2026-01-01T00:00:00Z",
    "region": "eu-west-1",
    "resources": [],
    "detail": {"findings": []},
}


@pytest.mark.parametrize(
    ("message", "posted"),
    [
        (json.dumps(EVENT), True),
        (json.dumps({"AlarmName": "x", "NewStateValue": "ALARM"}), True),
        (json.dumps({"version": "1.0", "source": "custom", "content": {"description": "x"}}), True),
        (json.dumps({**EVENT, "source": "own.app"}), False),
        (json.dumps({"title": "what an input transformer made of it"}), False),
        ("A bucket is public", False),
        ("[]", False),
    ],
)
def test_only_known_formats_are_shown(api: Any, message: str, posted: bool) -> None:
    api.create_slack_channel_configuration(**SLACK, SnsTopicArns=[TOPIC])
    api.create_microsoft_teams_channel_configuration(**TEAMS, SnsTopicArns=[f"{TOPIC}-2"])
    models.backend(ACCOUNT).receive(TOPIC, message)
    (entry,) = chatbot.messages("security")
    assert (entry["posted"], entry["message"], entry["topic"]) == (posted, message, TOPIC)
    assert chatbot.messages("soc") == []
