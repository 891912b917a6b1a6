"""AWS clients, created on first use, one per service and process, with the same retries and timeouts."""

import functools
from typing import Any


@functools.cache
def client(service: str, attempts: int = 10, region: str | None = None) -> Any:
    """Return the boto3 client of `service` ("s3", "securityhub", …) in the function's Region, or in `region`.

    The client is thread-safe. `attempts` is the most attempts of each call, including the first: use 1 if the caller
    must check the outcome of a lost response before it tries again.
    """
    return make(service, attempts, region_name=region)


def make(service: str, attempts: int = 10, **options: Any) -> Any:
    """Return a new client with boto3's `options`, for example with the credentials of an assumed role."""
    import boto3  # takes 90 ms: on the first call instead of on the import of the handler
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},  # exponential with full jitter, 20 s at most
        connect_timeout=5,
        read_timeout=30,
        user_agent_extra="switchyard",
    )
    made = boto3.client(service, config=config, **options)  # type: ignore[call-overload]
    # botocore creates a client's classes of errors when they are first asked for. Two threads that ask at once would
    # get different ones, and `except client.exceptions.X` would miss an X.
    _ = made.exceptions
    return made
