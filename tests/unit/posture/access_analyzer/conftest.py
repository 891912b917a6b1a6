from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from moto import mock_aws

from common import clients
from posture.access_analyzer import respond, shut_off
from tests.unit.posture.access_analyzer.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An account whose function has this test's environment (`world.environment`), read at each call."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(shut_off, "READ_BACK_PAUSES", (0.0, 0.0))
    with mock_aws():
        made = World()
        clock = SimpleNamespace(time_ns=lambda: int(made.now * 1e9), monotonic=lambda: made.now, sleep=made.wait)
        monkeypatch.setattr(respond, "time", clock)
        monkeypatch.setattr(clients, "client", made.client)
        load = respond.settings.load
        monkeypatch.setattr(respond.settings, "load", lambda cls: load(cls, made.environment))
        yield made
