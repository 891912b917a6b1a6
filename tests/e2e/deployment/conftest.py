"""A local cloud for each file: these tests apply stacks of their own, and wait for Terraform most of the time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.harness.cloud import Cloud, local_cloud
from tools import package


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An account in which nothing was made."""
    package.build(package.HOST_BUILD, package.Target.host())
    with local_cloud(tmp_path_factory.mktemp("cloud") / "data") as started:
        yield started
