from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from common import clients, observability, settings
from posture.access_analyzer import respond, shut_off
from tests.unit.posture.access_analyzer.world import World


class Clock:
    """The account's time, in place of `time`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def time_ns(self) -> int:
        return int(self._world.now * 1e9)

    def monotonic(self) -> float:
        return self._world.now

    def sleep(self, seconds: float) -> None:
        self._world.wait(seconds)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An account whose function has this test's environment (`world.environment`), read at each call."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(shut_off, "READ_BACK_PAUSES", (0.0, 0.0))
    with mock_aws():
        made = World()
        monkeypatch.setattr(respond, "time", Clock(made))
        monkeypatch.setattr(clients, "client", made.client)
        monkeypatch.setattr(observability, "count", lambda name, value: made.metrics.append((name, value)))
        load = settings.load
        monkeypatch.setattr(settings, "load", lambda cls: load(cls, made.environment))
        yield made
