"""One local cloud and one applied stack, with every capability on, for all local tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.harness import demo, inventory, scenario
from local.harness.cloud import Cloud, local_cloud
from local.harness.terraform import Terraform
from tools.e2e import OTHER_LANES

# CAPABILITIES="finding_export …" for some of them only.
MODULES = scenario.find(os.environ.get("CAPABILITIES", "").split())


def only_with(capability: str) -> pytest.MarkDecorator:
    """Skips the tests of a capability that is not in the stack."""
    return pytest.mark.skipif(capability not in MODULES, reason=OTHER_LANES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Scenarios come first: they find what `prepare` has made, which the other tests may take away.

    Last comes what looks back on all of them. Whichever test comes first pays for the apply, the last one for the
    destroy.
    """
    items.sort(key=lambda item: {"test_scenarios.py": 0, "test_grants.py": 2}.get(item.path.name, 1))
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(2400))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A gateway of the tests' own."""
    with local_cloud(tmp_path_factory.mktemp("cloud") / "data") as started:
        yield started


@pytest.fixture(scope="session")
def terraform(
    cloud: Cloud, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Terraform]:
    """The root module applied with every capability on; destroyed at the end, leaving nothing."""
    from tools import package

    package.build(package.HOST_BUILD, package.Target.host())
    folder: Path = tmp_path_factory.mktemp("root")
    stack = Terraform(cloud, folder, demo.variables_of(MODULES) | scenario.prepare(MODULES, cloud))
    stack.init()
    before = inventory.resources(cloud)
    stack.apply()
    yield stack
    if request.session.exitstatus == pytest.ExitCode.INTERRUPTED:  # the cloud ends with all that is in it
        return
    stack.destroy()  # reads everything first: locks and lock tokens have changed since
    assert inventory.resources(cloud) - before == set()


@pytest.fixture(scope="session")
def outputs(terraform: Terraform) -> dict[str, Any]:
    """Root outputs of the applied stack."""
    return terraform.outputs()


@pytest.fixture(scope="session")
def stack_of(cloud: Cloud, terraform: Terraform, outputs: dict[str, Any]) -> Callable[[str], scenario.Stack]:
    """`stack_of("finding_export")`: the stack as that capability's scenario sees it."""
    return scenario.stacks(cloud, outputs, terraform.state())
