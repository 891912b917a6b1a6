"""The environment of the functions; each has what it needs."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Settings:
    """Names, limits and defaults, as the module's variables describe them."""

    table: str
    bucket: str
    bucket_owner: str
    kms_key_arn: str
    sources: dict[str, Any]
    searches: dict[str, Any]
    maximum_object_bytes: int = 33554432
    maximum_objects: int = 500000
    maximum_calls: int = 20000
    maximum_worker_seconds: int = 100000
    maximum_matches: int = 100000
    batch_objects: int = 100
    batch_bytes: int = 268435456
    fan_out: int = 16
    timeout_seconds: int = 900
    retention_days: int = 7
    workers: int = 500
    strategy: str = "tree"
    threads: int = 16
    page_size: int = 1000
    dispatch_function: str = ""
    worker_function: str = ""
