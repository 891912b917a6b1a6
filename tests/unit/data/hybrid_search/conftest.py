"""A domain with the catalogue, made once, and new ones for tests that change them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.services.opensearch import neighbours

from .world import Models, World


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> Models:
    made = Models()
    monkeypatch.setattr(neighbours, "current", made)
    return made


@pytest.fixture
def world(models: Models) -> World:
    return World()


@pytest.fixture(scope="module")
def catalogue() -> Iterator[World]:
    """The catalogue's domain, which tests only read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "current", Models())
        made = World()
        made.load()
        yield made
