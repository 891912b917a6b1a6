"""Security Hub of the local cloud, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a client of a newly enabled Security Hub without standards; `events.sent` is empty."""
    from moto import mock_aws

    from local.services import events, install_all
    from tests.unit.local.services.hub_case import client

    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        securityhub = client()
        securityhub.enable_security_hub(EnableDefaultStandards=False)
        events.sent.clear()
        yield securityhub
