"""ChatbotBackend: channel configurations of Slack and Microsoft Teams, subscribed to SNS topics.

Sources: Chatbot API reference; Amazon Q Developer in chat applications, administrator guide ("Monitoring AWS
services", "Custom notifications"). A configuration belongs to the account; every Region shows it.
"""

from __future__ import annotations

import collections
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import Pager, TokenError, operation

from .exceptions import (
    ConflictException,
    InvalidParameterException,
    InvalidRequestException,
    ResourceNotFoundException,
)

Data = dict[str, Any]
SLACK, TEAMS = "slack-channel", "teams-channel"
ENDPOINT = "https://global.sns-api.chatbot.amazonaws.com"
"""The endpoint that Chatbot subscribes to a topic."""
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
"""The guardrail of a configuration that names none."""
# The names, in an update and in a description, of what differs between the two kinds.
CHANNEL = {SLACK: ("SlackTeamId", "SlackChannelId"), TEAMS: ("TeamId", "ChannelId")}


class Neighbours:
    """What Chatbot needs of other services. An engine with topics and roles replaces this."""

    def trusts(self, role_arn: str) -> bool:
        """Return whether a role lets Chatbot assume it."""
        return True

    def subscribe(self, topic_arn: str) -> bool:
        """Subscribe `ENDPOINT` to a topic. Return False if there is no such topic."""
        return True

    def unsubscribe(self, topic_arn: str) -> None:
        """Remove that subscription."""


neighbours = Neighbours()


def set_neighbours(new: Neighbours) -> None:
    """Replace the neighbours from now on."""
    global neighbours  # noqa: PLW0603 - one engine per process
    neighbours = new


def postable(message: str) -> bool:
    """Return whether Chatbot can show a message: an AWS service's event or alarm, or a custom notification.

    It drops anything else, such as an event that an input transformer has changed.
    """
    try:
        content = json.loads(message)
    except ValueError:
        return False
    if not isinstance(content, dict):
        return False
    if content.get("source") == "custom":
        return content.get("version") == "1.0" and isinstance(content.get("content"), dict)
    event = {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
    return (event <= content.keys() and str(content["source"]).startswith("aws.")) or "AlarmName" in content


class ChatbotBackend(BaseBackend):
    """Chatbot of one account."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.pager = Pager(lambda: 3600.0)
        self.workspaces: dict[str, str] = {}
        self.teams: dict[tuple[str, str], str] = {}
        self.configurations: dict[str, Data] = {}
        self.tags: dict[str, list[dict[str, str]]] = {}
        self.received: collections.deque[Data] = collections.deque(maxlen=10_000)
        self._subscribing = threading.Lock()  # Terraform creates, and deletes, two channels of a topic at once

    # Notifications of topics

    def receive(self, topic_arn: str, message: str) -> None:
        """Deliver a notification of a topic to each channel that is configured for it."""
        for configuration in list(self.configurations.values()):
            if topic_arn in configuration["SnsTopicArns"]:
                entry = {"configuration": configuration["ConfigurationName"], "topic": topic_arn, "at": time.time()}
                self.received.append({**entry, "posted": postable(message), "message": message})

    # Configurations of either kind

    def _kind(self, arn: str) -> str:
        return arn.rpartition("/")[0].rpartition("/")[2]

    def _create(self, kind: str, given: Data, names: Data) -> Data:
        arn = f"arn:{self.partition}:chatbot::{self.account_id}:chat-configuration/{kind}/{given['ConfigurationName']}"
        if arn in self.configurations:
            raise ConflictException(f"A configuration named {given['ConfigurationName']} already exists")
        made = {
            "SnsTopicArns": [],
            "LoggingLevel": "NONE",
            "GuardrailPolicyArns": [ADMINISTRATOR],
            "UserAuthorizationRequired": False,
            **{name: value for name, value in given.items() if name != "Tags"},
            **names,
            "ChatConfigurationArn": arn,
            "State": "ENABLED",
        }
        self._check(made)
        self._subscribe(set(), set(made["SnsTopicArns"]))
        self.configurations[arn] = made
        self.tags[arn] = list(given.get("Tags") or [])
        return {"ChannelConfiguration": self._shown(arn)}

    def _check(self, made: Data) -> None:
        arn, channel = made["ChatConfigurationArn"], CHANNEL[self._kind(made["ChatConfigurationArn"])]
        for other in self.configurations.values():
            if other["ChatConfigurationArn"] != arn and all(other.get(name) == made[name] for name in channel):
                raise ConflictException(f"The channel is already configured as {other['ConfigurationName']}")
        if not neighbours.trusts(made["IamRoleArn"]):
            raise InvalidParameterException(f"Chatbot cannot assume {made['IamRoleArn']}")

    def _subscribe(self, before: set[str], after: set[str]) -> None:
        with self._subscribing:
            for topic in sorted(after - before):
                if not neighbours.subscribe(topic):
                    raise InvalidParameterException(f"Chatbot cannot subscribe to {topic}: there is no such topic")
            for topic in sorted(before - after):
                if not any(topic in other["SnsTopicArns"] for other in self.configurations.values()):
                    neighbours.unsubscribe(topic)

    def _found(self, kind: str, arn: str) -> Data:
        if self._kind(arn) != kind or arn not in self.configurations:
            raise ResourceNotFoundException(f"There is no configuration {arn}")
        return self.configurations[arn]

    def _shown(self, arn: str) -> Data:
        return {**self.configurations[arn], "Tags": self.tags[arn]}

    def _update(self, kind: str, arn: str, given: Data) -> Data:
        old = self._found(kind, arn)
        new = {**old, **given}
        self._check(new)
        self.configurations[arn] = new
        try:
            self._subscribe(set(old["SnsTopicArns"]), set(new["SnsTopicArns"]))
        except InvalidParameterException:
            self.configurations[arn] = old
            raise
        return {"ChannelConfiguration": self._shown(arn)}

    def _delete(self, kind: str, arn: str) -> Data:
        topics = set(self._found(kind, arn)["SnsTopicArns"])
        del self.configurations[arn], self.tags[arn]
        self._subscribe(topics, set())
        return {}

    def _page(
        self, name: str, compute: Callable[[], list[Data]], max_results: int | None, next_token: str | None
    ) -> Data:
        try:
            items, token = self.pager.page(name, compute, max_results or 100, next_token)
        except TokenError as error:
            raise InvalidParameterException(str(error)) from None
        return {name: items, **({"NextToken": token} if token else {})}

    def _of_kind(self, kind: str, arn: str | None = None) -> list[Data]:
        return [self._shown(name) for name in self.configurations if self._kind(name) == kind and arn in (None, name)]

    # Slack

    @operation()
    def describe_slack_workspaces(self, max_results: int | None = None, next_token: str | None = None) -> Data:
        found = [{"SlackTeamId": team, "SlackTeamName": name} for team, name in self.workspaces.items()]
        return self._page("SlackWorkspaces", lambda: found, max_results, next_token)

    @operation()
    def create_slack_channel_configuration(self, **given: Any) -> Data:
        request = _members(given)
        team = request["SlackTeamId"]
        if team not in self.workspaces:
            raise InvalidRequestException(
                f"Slack workspace {team} is not authorized: its owner must configure the client in the console first"
            )
        return self._create(SLACK, request, {"SlackTeamName": self.workspaces[team], "SlackChannelName": ""})

    @operation()
    def describe_slack_channel_configurations(
        self,
        max_results: int | None = None,
        next_token: str | None = None,
        chat_configuration_arn: str | None = None,
    ) -> Data:
        return self._page(
            "SlackChannelConfigurations",
            lambda: self._of_kind(SLACK, chat_configuration_arn),
            max_results,
            next_token,
        )

    @operation()
    def update_slack_channel_configuration(self, chat_configuration_arn: str, **given: Any) -> Data:
        return self._update(SLACK, chat_configuration_arn, _members(given))

    @operation()
    def delete_slack_channel_configuration(self, chat_configuration_arn: str) -> Data:
        return self._delete(SLACK, chat_configuration_arn)

    # Microsoft Teams

    @operation()
    def list_microsoft_teams_configured_teams(
        self, max_results: int | None = None, next_token: str | None = None
    ) -> Data:
        found = [{"TenantId": tenant, "TeamId": team, "TeamName": name} for (tenant, team), name in self.teams.items()]
        return self._page("ConfiguredTeams", lambda: found, max_results, next_token)

    @operation()
    def create_microsoft_teams_channel_configuration(self, **given: Any) -> Data:
        request = _members(given)
        team = request["TenantId"], request["TeamId"]
        if team not in self.teams:
            raise InvalidRequestException(
                f"Team {team[1]} of tenant {team[0]} is not authorized: configure the client in the console first"
            )
        return self._create(TEAMS, request, {"TeamName": self.teams[team]})

    @operation()
    def get_microsoft_teams_channel_configuration(self, chat_configuration_arn: str) -> Data:
        self._found(TEAMS, chat_configuration_arn)
        return {"ChannelConfiguration": self._shown(chat_configuration_arn)}

    @operation()
    def list_microsoft_teams_channel_configurations(
        self, max_results: int | None = None, next_token: str | None = None, team_id: str | None = None
    ) -> Data:
        found = [entry for entry in self._of_kind(TEAMS) if team_id in (None, entry["TeamId"])]
        return self._page("TeamChannelConfigurations", lambda: found, max_results, next_token)

    @operation()
    def update_microsoft_teams_channel_configuration(self, chat_configuration_arn: str, **given: Any) -> Data:
        return self._update(TEAMS, chat_configuration_arn, _members(given))

    @operation()
    def delete_microsoft_teams_channel_configuration(self, chat_configuration_arn: str) -> Data:
        return self._delete(TEAMS, chat_configuration_arn)

    # Tags

    def _tagged(self, arn: str) -> list[dict[str, str]]:
        if arn not in self.tags:
            raise ResourceNotFoundException(f"There is no resource {arn}")
        return self.tags[arn]

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> Data:
        return {"Tags": self._tagged(resource_arn)}

    @operation()
    def tag_resource(self, resource_arn: str, tags: list[dict[str, str]]) -> Data:
        named = {tag["TagKey"]: tag for tag in [*self._tagged(resource_arn), *tags]}
        self.tags[resource_arn] = list(named.values())
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        self.tags[resource_arn] = [tag for tag in self._tagged(resource_arn) if tag["TagKey"] not in tag_keys]
        return {}


def _members(given: Mapping[str, Any]) -> Data:
    """Return the request's members under the API's names."""
    return {"".join(part.title() for part in name.split("_")): value for name, value in given.items()}


chatbot_backends = BackendDict(ChatbotBackend, "chatbot", use_boto3_regions=False, additional_regions=["aws"])


def backend(account: str) -> ChatbotBackend:
    """Return the only backend of an account."""
    return chatbot_backends[account]["aws"]  # moto keeps global services under the partition
