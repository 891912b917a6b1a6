"""Every capability's scenario, on the applied stack: the same that `make demo` runs."""

from __future__ import annotations

from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.terraform import Terraform
from tests.e2e.conftest import MODULES


def test_apply_leaves_no_drift(terraform: Terraform) -> None:
    assert terraform.drift() == ""


@pytest.mark.parametrize("name", MODULES)
def test_scenario(name: str, cloud: Cloud, stack_of: Any) -> None:
    report = scenario.run(name, MODULES[name], stack_of(name.split("/")[1]))
    assert not report.error, report.error
    assert {c.name: c.actual for c in report.checks} == {c.name: c.expected for c in report.checks}
    assert report.checks


def test_scenarios_leave_no_drift(terraform: Terraform) -> None:
    """What the capabilities do at run time is not undone by the next apply."""
    assert terraform.drift() == ""
