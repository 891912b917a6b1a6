from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests.unit.identity.step_up_auth import issuer


@pytest.fixture
def clock() -> issuer.Clock:
    return issuer.Clock()


@pytest.fixture
def dynamodb(clock: issuer.Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return (client, Sessions) on empty tables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield issuer.tables(clock)
