"""AWS clients: made when first asked for, one per service and process, retries and time limits set once."""

import functools
from typing import Any


@functools.cache
def client(service: str, attempts: int = 10, region: str | None = None) -> Any:
    """The boto3 client of `service` ("s3", "securityhub", ...), in another Region if given. Thread-safe to use.

    `attempts` of each call, the first included: 1 where a lost answer must be looked into before another try.
    """
    return make(service, attempts, region_name=region)


def make(service: str, attempts: int = 10, **options: Any) -> Any:
    """A client of its own, with boto3's `options`: for the credentials of an assumed role, say."""
    import boto3  # 90 ms: paid by the first call, not by whatever imports the handler
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},  # exponential with full jitter, 20 s at most
        connect_timeout=5,
        read_timeout=30,
        user_agent_extra="switchyard",
    )
    return boto3.client(service, config=config, **options)  # type: ignore[call-overload]
