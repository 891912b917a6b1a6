"""A local cloud for the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.harness.cloud import Cloud, free_port, start, stop


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    started, pid = start(free_port(), tmp_path_factory.mktemp("cloud") / "data")
    yield started
    stop(pid)
