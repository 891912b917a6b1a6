"""Keep what topics send to their subscribers: it is all that a test can see of an email."""

from __future__ import annotations

import collections
import time
from typing import Any

from local.patches.registry import Original, patch

notifications: collections.deque[dict[str, Any]] = collections.deque(maxlen=10_000)
"""Messages that topics sent to their subscribers, oldest first: topic, subject, message, at (Unix seconds)."""


def sent(topic: str) -> list[dict[str, Any]]:
    """Return what a topic sent, oldest first."""
    return [one for one in list(notifications) if one["topic"] == topic]


COMMANDS = {"sent": sent}


@patch("ministack.services.sns", "_fanout", because="MiniStack sends no email: keep what it would send.")
def fanout(
    original: Original, topic_arn: str, msg_id: str, message: str, subject: str = "", *rest: Any, **more: Any
) -> Any:
    """Keep a message, and send it."""
    notifications.append({"topic": topic_arn, "subject": subject, "message": message, "at": time.time()})
    return original(topic_arn, msg_id, message, subject, *rest, **more)
