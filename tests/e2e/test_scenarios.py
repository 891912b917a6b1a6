"""Every capability's scenario, on the applied stack, side by side: the same that `make demo` runs.

REPEAT=10 runs all of them ten times on the one stack: a race that shows now and then shows then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from local.harness import scenario
from local.harness.scenario import Report, Stack
from local.harness.terraform import Terraform
from tests.e2e.conftest import MODULES

REPEAT = int(os.environ.get("REPEAT") or 1)


@pytest.fixture(scope="module")
def reports(stack_of: Callable[[str], Stack], request: pytest.FixtureRequest) -> dict[tuple[str, int], Report]:
    """The report of each scenario, by its name and turn."""
    capture: Any = request.config.pluginmanager.get_plugin("capturemanager")
    found = {}
    for turn in range(REPEAT):
        for report in scenario.run_all(MODULES, stack_of):
            found[report.capability, turn] = report
            with capture.global_and_fixture_disabled():
                how = "as it should" if report.passed else "with FAILURES"
                print(f"\nturn {turn + 1}: {report.capability} ended {how} after {report.seconds:.0f} s", end="")
    return found


@pytest.mark.parametrize("turn", range(REPEAT))
@pytest.mark.parametrize("name", MODULES)
def test_scenario(name: str, turn: int, reports: dict[tuple[str, int], Report]) -> None:
    report = reports[name, turn]
    assert not report.error, report.error
    assert report.checks
    wrong = [c for c in report.checks if not c.passed]
    assert not wrong, "\n".join(f"{c.name}: {c.actual!r}, expected {c.expected!r}" for c in wrong)


def test_neither_apply_nor_scenarios_leave_drift(terraform: Terraform) -> None:
    """The next apply has nothing to do: it undoes nothing that the capabilities do at run time."""
    assert terraform.drift() == ""
