"""Fixtures: the environment and the fake clients of the functions."""

import dataclasses
import json

import pytest

from common import clients

from .fakes import SETTINGS, Aws


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    fake = Aws()
    for name, value in dataclasses.asdict(SETTINGS).items():
        if value is not None:
            monkeypatch.setenv(name.upper(), value if isinstance(value, str) else json.dumps(value))
    monkeypatch.setattr(clients, "client", fake.client)
    return fake
