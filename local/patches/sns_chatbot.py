"""Chatbot's use of MiniStack's SNS and IAM: it subscribes to topics, receives what they send, and needs a role.

The subscription belongs to Chatbot, which creates, confirms and removes it with the configuration.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import sns

from local.patches.registry import Original, patch
from local.permissions import role_session
from local.services.chatbot import models


class Engine(models.Neighbours):
    """MiniStack's topics and roles."""

    def trusts(self, role_arn: str) -> bool:
        """Return whether the role exists and its trust policy names Chatbot."""
        try:
            role_session(role_arn, "chatbot", "chatbot.amazonaws.com")
        except PermissionError:
            return False
        return True

    def subscribe(self, topic_arn: str) -> bool:
        """Add a confirmed subscription."""
        topic = sns._topic_by_arn_any_scope(topic_arn)
        if not topic:
            return False
        if any(s["endpoint"] == models.ENDPOINT for s in topic["subscriptions"]):
            return True
        arn, owner = f"{topic_arn}:{sns.new_uuid()}", topic_arn.split(":")[4]
        attributes = {
            "SubscriptionArn": arn,
            "TopicArn": topic_arn,
            "Protocol": "https",
            "Endpoint": models.ENDPOINT,
            "Owner": owner,
            "ConfirmationWasAuthenticated": "true",
            "PendingConfirmation": "false",
            "RawMessageDelivery": "false",
        }
        topic["subscriptions"].append(
            {
                "arn": arn,
                "protocol": "https",
                "endpoint": models.ENDPOINT,
                "confirmed": True,
                "topic_arn": topic_arn,
                "owner": owner,
                "token": None,
                "attributes": attributes,
            }
        )
        sns._sub_arn_to_topic[arn] = topic_arn
        sns._refresh_subscription_counts(topic)
        return True

    def unsubscribe(self, topic_arn: str) -> None:
        """Remove the subscription."""
        topic = sns._topic_by_arn_any_scope(topic_arn)
        if topic:
            for gone in [s for s in topic["subscriptions"] if s["endpoint"] == models.ENDPOINT]:
                topic["subscriptions"].remove(gone)
                sns._sub_arn_to_topic.pop(gone["arn"], None)
            sns._refresh_subscription_counts(topic)


@patch("ministack.services.sns", "_deliver_to_http", because="MiniStack would post to the real Chatbot's address.")
async def deliver_to_http(original: Original, endpoint: str, payload: str) -> Any:
    """Post a message. Pass what is posted to Chatbot's endpoint to Chatbot."""
    if endpoint != models.ENDPOINT:
        return await original(endpoint, payload)
    envelope = json.loads(payload)
    arn = envelope["TopicArn"]
    models.backend(arn.split(":")[4]).receive(arn, envelope["Message"])
    return None


def start() -> None:
    """Let Chatbot use MiniStack's topics and roles."""
    models.set_neighbours(Engine())
