"""The workflows of CI: what they name exists, and what they run is pinned."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tools import package
from tools.bootstrap import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    """Return the jobs of a workflow."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(workflow.read_text())["jobs"]
    return found


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    """Yield the steps of all jobs of a workflow."""
    for job in jobs(workflow).values():
        yield from job.get("steps", [])


def test_the_matrix_has_every_capability_once_under_its_domain(tmp_path: Path) -> None:
    output = tmp_path / "output"
    [step] = [step for step in jobs(ROOT / ".github/workflows/ci.yml")["domains"]["steps"] if step.get("id") == "list"]
    assert step["shell"] == "python"
    subprocess.run(
        [sys.executable, "-c", step["run"]], cwd=ROOT, env={**os.environ, "GITHUB_OUTPUT": str(output)}, check=True
    )
    name, _, matrix = output.read_text().strip().partition("=")
    listed = [f"{entry['domain']}/{one}" for entry in json.loads(matrix) for one in entry["capabilities"].split()]
    assert (name, sorted(listed)) == ("matrix", package.all_capabilities())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_version(workflow: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", workflow.read_text())
    assert used
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_target_that_is_made_exists(workflow: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):.*## ", (ROOT / "Makefile").read_text()))
    made = set()
    for job in jobs(workflow).values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for step in job.get("steps", []):
            for target in re.findall(r"(?m)^make (\$\{\{ matrix\.step \}\}|\S+)", step.get("run", "")):
                made |= set(matrix["step"]) if "matrix.step" in target else {target}
    assert made
    assert made <= targets


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_no_job_has_more_rights_than_it_names(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {}
    assert all("permissions" in job for job in jobs(workflow).values())
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_one_required_check_waits_for_all_others() -> None:
    others = jobs(ROOT / ".github/workflows/ci.yml")
    passed = others.pop("passed")
    assert sorted(passed["needs"]) == sorted(others)
    assert passed["if"] == "${{ always() }}"  # otherwise it is skipped, which counts as passed
    [step] = passed["steps"]
    results = [["success"] * len(others), ["success"] * (len(others) - 1) + ["skipped"], ["failure"] * len(others)]
    ends = [
        subprocess.run(["bash", "-c", step["run"]], env={"RESULTS": " ".join(words)}, check=False).returncode
        for words in results
    ]
    assert ends == [0, 1, 1]


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "requirements").glob("*.in")))
def test_the_dependency_bot_finds_the_options_of_compiled_requirements(name: str) -> None:
    header = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()[1]
    assert f"uv pip compile {name}.in --output-file {name}.txt" in header
    assert {"--universal", "--python-version", "--generate-hashes"} <= set(header.split())
    [bot] = [
        update
        for update in yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
        if update["directory"] == "/requirements"
    ]
    assert bot["package-ecosystem"] == "uv"
