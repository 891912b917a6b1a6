"""What users run without make and Python: a fresh copy has what it needs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tools import clone
from tools.bootstrap import ROOT, terraform_bin, terraform_env

PLAN_TESTS = sorted((ROOT / "tests").glob("*.tftest.hcl"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh copy of the repository."""
    return clone.make(tmp_path_factory.mktemp("clone") / "switchyard")


def test_a_copy_has_what_git_has_and_nothing_else(copy: Path) -> None:
    assert (copy / "main.tf").read_bytes() == (ROOT / "main.tf").read_bytes()
    assert (copy / "tests/shared.auto.tfvars").exists()  # though git ignores other files of this kind
    assert not [name for name in (".switchyard", "build", ".terraform", ".git") if (copy / name).exists()]


@pytest.mark.parametrize("path", ["", os.environ["PATH"]], ids=["without git", "outside of a repository"])
def test_an_unpacked_archive_is_copied_too(path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    for name in ("main.tf", "tests/a.tftest.hcl", ".switchyard/x", "build/posture/x.zip", ".checkov.yaml"):
        (archive / name).parent.mkdir(parents=True, exist_ok=True)
        (archive / name).touch()
    monkeypatch.setattr(clone, "ROOT", archive)
    monkeypatch.setenv("PATH", path)
    assert clone.tracked() == [".checkov.yaml", "main.tf", "tests/a.tftest.hcl"]


def test_terraform_alone_runs_a_plan_test_in_a_copy(copy: Path) -> None:
    """`make fresh` runs all of them. This is one that needs a package, with no package built before."""
    env = terraform_env(copy / ".terraform")
    for command in (["init", "-backend=false"], ["test", "-no-color", "-filter=tests/context.tftest.hcl"]):
        done = subprocess.run(
            [terraform_bin(), *command], cwd=copy, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", PLAN_TESTS, ids=lambda path: path.name)
def test_a_plan_test_makes_the_packages_it_needs(path: Path) -> None:
    """Otherwise it passes only after another one that does."""
    runs = re.split(r'(?m)^run "', path.read_text())[1:]
    sources = [re.search(r'source *= *"\./([^"]+)"', run) for run in runs]
    modules = [ROOT / source[1] if source else ROOT for source in sources]
    if any(needs_packages(module) for module in modules):
        assert modules[0] == ROOT / "tests/setup"


def needs_packages(module: Path) -> bool:
    """Return whether a module, or one that it uses, reads a file of the build folder."""
    text = "".join(file.read_text() for file in module.glob("*.tf"))
    used = [module / source for source in re.findall(r'source *= *"(\.[^"]+)"', text)]
    return bool(re.search(r"build_dir\}?/", text)) or any(needs_packages(other) for other in used)


def test_packages_are_found_to_be_needed() -> None:
    assert needs_packages(ROOT)
    assert needs_packages(ROOT / "modules/context")
    assert needs_packages(ROOT / "modules/posture/access_analyzer")
    assert not needs_packages(ROOT / "modules/blocks/queue")


def test_checkov_has_its_settings_by_itself() -> None:
    """`checkov -d .` reads .checkov.yaml. Checkov skips a folder of checks without __init__.py."""
    [folder] = yaml.safe_load((ROOT / ".checkov.yaml").read_text())["external-checks-dir"]
    assert {"__init__.py", "settings.py"} <= {path.name for path in (ROOT / folder).iterdir()}
