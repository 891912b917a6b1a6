"""Plan every `hcl` block of every README.md and of docs/, so that none becomes outdated.

A block of bare assignments is a terraform.tfvars of the root stack. Any other is a separate root module, in
which `source = "…/modules/<path>"`, local or remote, is this repository's module; if it uses
`module.context` without declaring it, it gets one with the defaults. The AWS provider checks the
arguments; everything else in it is mocked. One `terraform test` plans all blocks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tools import docs, hcl, package, terraform_test
from tools.bootstrap import ROOT, init_env, terraform_bin, terraform_env
from tools.capabilities import concerns
from tools.root import capabilities, files, shared

# CAPABILITIES="finding_export …" selects the examples of some modules.
CHOSEN = os.environ.get("CAPABILITIES", "").split()
PAGES = [*docs.readmes(), *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [example for page in PAGES if concerns(page, CHOSEN) for example in docs.examples(page)]
STACK_VARIABLES = shared() | capabilities().keys()
CONTEXT = """
module "context" {
  source      = "../../modules/context"
  name_prefix = "example"
}
"""


def folder(example: docs.Example) -> str:
    """Return the name of an example's folder and run."""
    return re.sub(r"[^\w]+", "_", example.name)


def variables(text: str) -> set[str]:
    """Return the variables of the root stack that HCL sets; none if it consists of blocks. Raise AssertionError."""
    try:
        content = hcl.loads(text)
    except hcl.HclError as error:
        raise AssertionError(error) from None
    content = {name: value for name, value in content.items() if not name.startswith("__")}  # the parser's own entries
    blocks = {isinstance(value, list) and any(map(is_block, value)) for value in content.values()}
    assert len(blocks) == 1, "is neither only values of variables nor only blocks"
    if True in blocks:
        return set()
    # Terraform only warns about an unknown variable; the root refuses an unknown attribute.
    for name in content:
        assert name in STACK_VARIABLES, f"sets {name}, which is not a variable of the root stack"
    return set(content)


def is_block(item: Any) -> bool:
    """Return whether python-hcl2 read an object from a block, which it marks in the innermost body."""
    return isinstance(item, dict) and ("__is_block__" in item or any(map(is_block, item.values())))


def module_source(match: re.Match[str]) -> str:
    """Return the `source` of a module of this repository, from an example's folder."""
    return f'{match[1]}"../../{match[2]}"' if (ROOT / match[2]).is_dir() else match[0]


def root_module(example: docs.Example) -> str:
    """Return an example's text as a root module in the workspace."""
    text = re.sub(r'(\bsource\s*=\s*)"[^"]*?\b(modules/[\w/]+)(?:\?[^"]*)?"', module_source, example.text)
    if "module.context." in text and not re.search(r'^module "context"', text, re.MULTILINE):
        text += CONTEXT
    return text


def packages(texts: Iterable[str]) -> set[str]:
    """Return the zips that plans look for, below the build folder and without suffix."""
    named = {name for text in texts for name in re.findall(r'\bpackage\s*=\s*"([\w/]+)"', text)}
    built = {"/".join(path.parts[-2:]) for path in (ROOT / "modules").glob("*/*") if path.is_dir()}
    layers = {f"layers/{name}" for known in package.capabilities() for name in package.layers_of(known)}
    layers.add("layers/common")
    kits = {f"kits/{path.rpartition('/')[2]}" for path in package.kits_of(package.capabilities())}
    return named | built | layers | kits | set(package.capabilities())


def groups_of(examples: list[docs.Example]) -> tuple[list[list[docs.Example]], dict[str, str]]:
    """Return groups of examples to plan together, and the problems of examples that are not HCL.

    A plan of the root stack is slow, so terraform.tfvars with different variables share one.
    """
    groups: list[tuple[set[str], list[docs.Example]]] = []
    problems = {}
    for example in examples:
        try:
            names = variables(example.text)
        except AssertionError as error:
            problems[folder(example)] = f"{example.name} {error}"
            continue
        home = next((found for found in groups if names and found[0] and not found[0] & names), None)
        if home:
            home[0].update(names)
            home[1].append(example)
        else:
            groups.append((names, [example]))
    return [group for _, group in groups], problems


def workspace(root: Path, groups: list[list[docs.Example]]) -> None:
    """Write each group as a module, with its test.

    Each has its own test file, since an error in a run makes Terraform skip later runs.
    """
    root.mkdir(exist_ok=True)
    for name in ("versions.tf", ".terraform.lock.hcl"):
        shutil.copy(ROOT / name, root)
    (root / "modules").symlink_to(ROOT / "modules")
    shutil.copytree(ROOT / "tests/mocks", root / "mocks")
    (root / "tests").mkdir()
    for name in packages(example.text for group in groups for example in group):
        package.write(root / "build" / f"{name}.zip", package.archive({"empty.py": b""}))

    for group in groups:
        name, text = folder(group[0]), "".join(example.text for example in group)
        mocks = ['mock_provider "aws" {\n  source = "./mocks"\n}\n']
        what = f'module {{\n    source = "./examples/{name}"\n  }}'
        path = root / "examples" / name
        path.mkdir(parents=True)
        if names := variables(text):
            what += f"\n  variables {{\n{text}}}"
            for file in ("variables.tf", "outputs.tf", "versions.tf"):
                shutil.copy(ROOT / file, path)
            for file, content in files(names).items():  # capabilities that are off also cost time
                (path / file).write_text(content)
            (path / "modules").symlink_to(ROOT / "modules")
        else:
            (path / "main.tf").write_text(root_module(group[0]))
            if "required_providers" not in text:
                shutil.copy(ROOT / "versions.tf", path)
            mocks += [
                f'mock_provider "aws" {{\n  alias  = "{alias}"\n  source = "./mocks"\n}}\n'
                for alias in re.findall(r'^\s*alias\s*=\s*"(\w+)"', text, re.MULTILINE)
            ]
        run = f'run "{name}" {{\n  command = plan\n  {what}\n}}\n'
        (root / "tests" / f"{name}.tftest.hcl").write_text("\n".join([*mocks, run]))


def plan(root: Path, examples: list[docs.Example]) -> dict[str, str]:
    """Plan all examples below an empty folder. Return what is wrong with each, by its folder's name."""
    groups, problems = groups_of(examples)
    said = plan_groups(root / "together", groups)
    failed = [group for group in groups if folder(group[0]) in said]
    if alone := [[example] for group in failed if len(group) > 1 for example in group]:
        shared = {folder(example) for [example] in alone}
        said = {name: text for name, text in said.items() if name not in shared}
        said |= plan_groups(root / "alone", alone)
    return problems | said


def plan_groups(root: Path, groups: list[list[docs.Example]]) -> dict[str, str]:
    """Return what is wrong with each group, by its first example's folder."""
    workspace(root, groups)
    env = terraform_env(root / ".terraform", checked=True)
    init = subprocess.run(
        [terraform_bin(), f"-chdir={root}", "init", "-backend=false", "-lockfile=readonly", "-no-color"],
        env=init_env(env),
        capture_output=True,
        text=True,
        check=False,
    )
    names = {folder(group[0]) for group in groups}
    if init.returncode:
        return dict.fromkeys(names, init.stdout + init.stderr)
    done = terraform_test.run(root, sorted((root / "tests").glob("*.tftest.hcl")), "-json", env=env)
    passed: set[str] = set()
    said: dict[str, str] = {}
    for message in (json.loads(line) for process in done for line in process.stdout.splitlines()):
        name = Path(message.get("@testfile", "")).name.removesuffix(".tftest.hcl")
        if message["type"] == "test_run" and message["test_run"].get("status") == "pass":
            passed.add(name)
        if message["type"] == "diagnostic" and message["diagnostic"]["severity"] == "error":
            told = message["diagnostic"]
            where = f"{told['range']['filename']}:{told['range']['start']['line']}: " if "range" in told else ""
            said[name] = f"{said.get(name, '')}{where}{told['summary']}\n{told.get('detail', '')}\n"
    output = "".join(process.stdout[-3000:] + process.stderr for process in done)
    return {name: said.get(name) or said.get("") or output for name in names - passed}


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the outcome of planning every example of the repository."""
    return plan(tmp_path_factory.mktemp("examples"), EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_plans(example: docs.Example, problems: dict[str, str]) -> None:
    problem = problems.get(folder(example))
    assert not problem, f"{example.name} cannot be planned:\n{problem}"


def test_a_bad_example_is_found(tmp_path: Path) -> None:
    """Only the bad ones of several examples fail, and each says why."""
    queue = 'resource "aws_sqs_queue" "q" {\n  %s\n}'
    texts = {
        "variables": 'tags = { team = "security" }\nfinding_export = { expiration_days = 30 }',
        "remote_module": 'module "c" {\n  source = "git::https://x.example/x.git//modules/context?ref=v1"\n}',
        "alias": 'provider "aws" {\n  alias = "replica"\n}\n' + queue % "provider = aws.replica",
        "bad_variable": "log_retention_days = 31",
        "unknown_variable": "no_such_capability = {}",
        "unknown_attribute": "finding_export = { no_such_attribute = 1 }",
        "missing_argument": 'resource "aws_sqs_queue_policy" "q" {\n  policy = "{}"\n}',
        "bad_value": queue % "message_retention_seconds = 1",
        "undeclared": queue % "name = var.name",
        "syntax": 'module "q" {',
        "both": "log_retention_days = 30\n" + queue % "",
    }
    examples = [docs.Example(ROOT / name / "README.md", 1, text + "\n") for name, text in texts.items()]
    found = plan(tmp_path, examples)
    said = {name: found.get(folder(e), "") for name, e in zip(texts, examples, strict=True)}
    reasons = {
        "bad_variable": "log_retention_days must be",
        "unknown_variable": "not a variable of the root stack",
        "unknown_attribute": "finding_export has no setting no_such_attribute. Its settings are: chunk_seconds",
        "missing_argument": "queue_url",
        "bad_value": "message_retention_seconds",
        "undeclared": "undeclared input variable",
        "syntax": "is not readable as HCL",
        "both": "neither only values of variables nor only blocks",
    }
    assert {name for name, text in said.items() if text} == set(reasons), said
    for name, reason in reasons.items():
        assert reason in said[name]
