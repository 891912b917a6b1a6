"""A local cloud for the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.harness.cloud import Cloud, local_cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with local_cloud(tmp_path_factory.mktemp("cloud") / "data") as started:
        yield started
