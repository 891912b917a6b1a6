"""AWS clients for triggers: Cognito waits 5 seconds for an answer, so attempts must be short."""

import functools
from typing import Any


@functools.cache
def client(service: str, tries: int = 3) -> Any:
    """Return a boto3 client that waits up to 1 s before a second attempt and 2 s before a third. Thread-safe."""
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": tries},
        connect_timeout=1,
        read_timeout=1.5,
        user_agent_extra="switchyard",
    )
    return boto3.client(service, config=config)  # type: ignore[call-overload]
