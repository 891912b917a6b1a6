"""The environment of the functions; each has what it needs."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Settings:
    """Names, limits and defaults, as the module's variables describe them."""

    bucket: str
    bucket_owner: str
    kms_key_arn: str
    table: str
    ingest_queue_url: str = ""
    pages_queue_url: str = ""
    images_queue_url: str = ""
    state_machine_arn: str = ""
    sources: dict[str, Any] = dataclasses.field(default_factory=dict)
    small_bytes: int = 10485760
    small_pages: int = 10
    maximum_bytes: int = 5368709120
    maximum_pages: int = 10000
    dpi: int = 150
    minimum_dpi: int = 36
    maximum_pixels: int = 40000000
    maximum_side: int = 20000
    memory_mib: int = 1536
    page_seconds: int = 20
    open_seconds: int = 100
    ledger_days: int = 30
    attempts: int = 5
    endpoint: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Empty, or `kind` (sagemaker or http), `target` (name or URL), `payload` (image or location), `features` (the
    field of the answer that names what was found), `timeout_seconds` and, for HTTP, `secret_arn`."""
