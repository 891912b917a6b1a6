"""The sample file, as text and as a document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis.pytest.plugin

from apps.openapi_service import document

FILE = Path(__file__).parents[4] / "modules" / "apps" / "openapi_service" / "widgets.yaml"


def pytest_configure(config: pytest.Config) -> None:
    """Load the plugin that collects the cases of `@schema.parametrize()`."""
    config.pluginmanager.register(schemathesis.pytest.plugin, "schemathesis of openapi_service")


@pytest.fixture
def text() -> str:
    """Return the sample file."""
    return FILE.read_text()


@pytest.fixture
def changed() -> Callable[[Callable[[dict[str, Any]], Any]], dict[str, Any]]:
    """Return a function that gives the sample's document after a change."""

    def make(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        found = document.read(FILE.read_text())
        change(found)
        return found

    return make
