"""The longest prefix plans in the Region with the longest name: every name that is made of both fits AWS's limits.

Each capability has the arguments of its scenario, which switch on nearly all that it can make. A plan with a mocked
provider checks names as a real one does: by the provider's own rules, and by those of the blocks.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from local.settings import ACCOUNT_ID
from local.settings import REGION as LOCAL_REGION
from tests.examples.test_stack import output_of_tests, problems, terraform
from tools import package, root, stack
from tools.bootstrap import init_env, terraform_env

REGION = "ap-northeast-1"  # no Region of any partition has a longer name
PREFIX = "a-prefix-of-20-chars"
ACCOUNT = "111122223333"
# The second: what scenarios do not switch on, since it would take the place of something else.
VARIANTS: tuple[dict[str, dict[str, Any]], ...] = ({}, {"web_acl_logging": {"destination": "s3"}})
NOT_HERE: dict[str, dict[str, Any]] = {
    "security_standards": {"suppressions": {}}
}  # one of them has ended, which a check of the module reports


def arguments(changed: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the arguments of the scenarios of all or the changed ones, with the Region and account of the mocks."""
    found: dict[str, dict[str, Any]] = {}
    for capability in root.capabilities().values():
        if changed and capability.name not in changed:
            continue
        if capability.name in found or not capability.path.startswith(f"modules/{capability.domain}/"):
            continue
        scenario = importlib.import_module(f"scenarios.{capability.domain}.{capability.name}")
        found |= {name: value for name, value in scenario.variables.items() if name in root.capabilities()}
    other = NOT_HERE | changed
    text = json.dumps({name: {**value, **other.get(name, {})} for name, value in found.items()})
    made: dict[str, dict[str, Any]] = json.loads(text.replace(LOCAL_REGION, REGION).replace(ACCOUNT_ID, ACCOUNT))
    return made


@pytest.mark.parametrize("changed", VARIANTS, ids=lambda changed: "-".join(changed) or "scenarios")
def test_names_fit_with_the_longest_prefix_and_region(tmp_path: Path, changed: dict[str, dict[str, Any]]) -> None:
    folder, given = tmp_path / "stack", arguments(changed)
    for name in stack.zips(stack.Stack(folder, list(given))):
        package.write(tmp_path / "build" / f"{name}.zip", package.archive({"empty.py": b""}))
    assert problems(stack.write(folder, given, arguments=given, build=tmp_path / "build")) == []
    for path in (folder / "tests" / "plan.tftest.hcl", folder / "tests" / "mocks" / "aws.tfmock.hcl"):
        path.write_text(path.read_text().replace(stack.TEST_PREFIX, PREFIX).replace("eu-central-1", REGION))
    assert len(PREFIX) == 20
    done = terraform(folder, "init", "-backend=false", env=init_env(terraform_env(folder / ".terraform", checked=True)))
    assert done.returncode == 0, done.stderr
    output_of_tests(folder)
