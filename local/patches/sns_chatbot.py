"""Chatbot's ties to SNS and IAM of the engine: it subscribes to topics, gets what they send, and needs a role.

The subscription is Chatbot's own, made and removed with the configuration, and confirmed by itself.
"""

from __future__ import annotations

import json
from typing import Any

from local.services.chatbot import models


class Engine(models.Neighbours):
    """MiniStack's topics and roles."""

    def trusts(self, role_arn: str) -> bool:
        """Whether the role exists and its trust policy names Chatbot."""
        from local.permissions import role_session

        try:
            role_session(role_arn, "chatbot", "chatbot.amazonaws.com")
        except PermissionError:
            return False
        return True

    def subscribe(self, topic_arn: str) -> bool:
        """Add a confirmed subscription."""
        from ministack.services import sns

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
        """Remove it."""
        from ministack.services import sns

        topic = sns._topic_by_arn_any_scope(topic_arn)
        if topic:
            for gone in [s for s in topic["subscriptions"] if s["endpoint"] == models.ENDPOINT]:
                topic["subscriptions"].remove(gone)
                sns._sub_arn_to_topic.pop(gone["arn"], None)
            sns._refresh_subscription_counts(topic)


def install() -> None:
    """Let Chatbot use the engine, and hand it what SNS posts to its endpoint."""
    from ministack.services import sns

    deliver = sns._deliver_to_http

    async def _deliver_to_http(endpoint: str, payload: str) -> Any:
        if endpoint != models.ENDPOINT:
            return await deliver(endpoint, payload)
        envelope = json.loads(payload)
        arn = envelope["TopicArn"]
        models.backend(arn.split(":")[4]).receive(arn, envelope["Message"])
        return None

    sns._deliver_to_http = _deliver_to_http
    models.set_neighbours(Engine())
