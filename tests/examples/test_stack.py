"""A stack of every capability, as `make stack` writes it, passes its own checks without changes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools import package, root, stack, terraform_test
from tools.bootstrap import terraform_bin, terraform_env


def terraform(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [terraform_bin(), f"-chdir={folder}", *arguments, "-no-color"]
    env = env or terraform_env(folder / ".terraform")
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def output_of_tests(folder: Path) -> str:
    """Run the tests of a folder after `terraform init`, and return what Terraform printed. Raise AssertionError."""
    with terraform_test.shared_provider(terraform_env(folder / ".terraform")) as env:
        done = terraform(folder, "test", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def problems(messages: list[str]) -> list[str]:
    """Return what was said about a stack, but for the size of the role that applies all capabilities at once."""
    return [message for message in messages if not message.startswith("The apply role needs ")]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a stack of all capabilities, after `terraform init`."""
    folder = tmp_path_factory.mktemp("stack")
    build = tmp_path_factory.mktemp("build")
    for name in stack.zips(stack.Stack(folder, list(root.capabilities()))):
        package.write(build / f"{name}.zip", package.archive({"empty.py": b""}))
    assert problems(stack.write(folder, root.capabilities(), build=build)) == []
    done = terraform(folder, "init", "-backend=false", "-lockfile=readonly")
    assert done.returncode == 0, done.stderr
    return folder


def test_its_plan_test_passes(everything: Path) -> None:
    """And `terraform validate`, which each run of a test begins with."""
    assert "1 passed, 0 failed" in output_of_tests(everything)


def test_it_is_formatted(everything: Path) -> None:
    assert terraform(everything, "fmt", "-check", "-recursive").returncode == 0


def test_the_roles_that_deploy_it_pass_their_plan_test(everything: Path) -> None:
    folder = everything / "deploy_role"
    assert terraform(folder, "init", "-backend=false", "-lockfile=readonly").returncode == 0
    assert "9 passed, 0 failed" in output_of_tests(folder)


def test_what_a_capability_needs_is_asked_for_by_name(everything: Path) -> None:
    """But not what another capability of the stack gives it."""
    said = terraform(everything, "plan", "-input=false").stderr
    written = stack.Stack(everything, list(root.capabilities()))
    for capability in root.capabilities().values():
        asked = written.asked(capability)
        for name in capability.needed:
            assert (f'variable "{capability.name}_{name}"' in said) == (name in asked), name
    assert written.asked(root.capabilities()["finding_chat"]) == ["slack_channels"]
    assert written.asked(root.capabilities()["inactive_users"]) == []


def test_a_misspelt_argument_is_refused(everything: Path) -> None:
    path = everything / "finding_export.tf"
    text = path.read_text()
    path.write_text(text.replace("  # expiration_days = null", "  expiraton_days = 3"))
    try:
        done = terraform(everything, "validate")
    finally:
        path.write_text(text)
    assert done.returncode
    assert 'An argument named "expiraton_days" is not expected here.' in done.stderr
