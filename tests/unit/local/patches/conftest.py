"""One local cloud for all tests of patches that a process runs: starting one takes two seconds of a core."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.harness.cloud import Cloud, local_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """What a test makes here has a name that no other file gives."""
    with local_cloud(tmp_path_factory.mktemp("cloud") / "data") as started:
        yield started
