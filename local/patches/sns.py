"""What topics send to their subscribers is kept: it is all that a test can see of an e-mail."""

from __future__ import annotations

import collections
import time
from typing import Any

notifications: collections.deque[dict[str, Any]] = collections.deque(maxlen=10_000)
"""Messages that topics sent to their subscribers, oldest first: topic, subject, message, at (Unix seconds)."""


def install() -> None:
    """Keep what topics sent out."""
    from ministack.services import sns

    fanout = sns._fanout

    def kept(topic_arn: str, message_id: str, message: str, subject: str = "", *rest: Any, **options: Any) -> Any:
        notifications.append({"topic": topic_arn, "subject": subject, "message": message, "at": time.time()})
        return fanout(topic_arn, message_id, message, subject, *rest, **options)

    sns._fanout = kept
