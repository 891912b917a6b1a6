"""Refusals as data: the bad values of tests/refusals/ become run blocks of `terraform test`.

A file has the path of its module: tests/refusals/<domain>/<capability>.yaml for modules/<domain>/<capability>, and
tests/refusals/root.yaml for the root. It holds up to three mappings:

    given:                  # variables that every refusal of this file needs
      name: reports
    refused:                # variable → what is wrong with a value of it → the value
      expiration_days:
        less than a day: 0
    together:               # refusals that need several variables
      a class later than the expiration:
        refused: transitions            # or a list, when several variables are refused
        variables: { transitions: { GLACIER: 90 }, expiration_days: 60 }

A value is plain YAML; `!hcl range(40)` is an expression of HCL. Values are read as in YAML 1.2: `no`, `on`, a date and
012 are strings.

Each refusal becomes a separate run on a module of variables alone: the module's variables.tf and the files with the
locals that it refers to. Nothing else is planned there, so that no provider is needed and a run is very fast. The
runs are written below .switchyard/refusals, which is a root module of its own.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tools.bootstrap import ROOT, STATE, init_env, terraform_bin, terraform_env

DATA = ROOT / "tests" / "refusals"
WORKSPACE = STATE / "refusals"
SHARED_VARIABLES = ROOT / "tests" / "shared.auto.tfvars"


class RefusalsError(Exception):
    """Data that cannot become a run. Its text says which and why."""


@dataclass(frozen=True)
class Expression:
    """HCL that is written unchanged."""

    text: str


@dataclass(frozen=True)
class Refusal:
    """Values that a module must refuse, and the variables whose validations refuse them."""

    name: str
    variables: Mapping[str, Any]
    refused: tuple[str, ...]


# --- reading -----------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Strict YAML: the scalars of YAML 1.2, `!hcl`, and no duplicate keys."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's name for it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise RefusalsError(f"line {node.start_mark.line + 1}: {min(twice)!r} is there twice.")
        return dict(super().construct_mapping(node, deep))


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"null$"), ["n"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"-?(0|[1-9][0-9]*)$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"-?[0-9]+\.[0-9]+$"), list("-0123456789"))
_Loader.add_constructor("!hcl", lambda loader, node: Expression(str(loader.construct_scalar(node))))


def load(path: Path) -> list[Refusal]:
    """Return the refusals of a file. Raise RefusalsError if it violates the format in this module's docstring."""
    try:
        return _refusals(yaml.load(path.read_text(), _Loader) or {})  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RefusalsError) as error:
        raise RefusalsError(f"{path}: {error}") from None


def _refusals(content: Mapping[str, Any]) -> list[Refusal]:
    if unknown := set(content) - {"given", "refused", "together"}:
        raise RefusalsError(f"{min(unknown)} is not one of given, refused and together.")
    found = [*_alone(content), *_together(content)]
    if not found:
        raise RefusalsError("refuses nothing.")
    return found


def _alone(content: Mapping[str, Any]) -> Iterator[Refusal]:
    for variable, values in content.get("refused", {}).items():
        if not isinstance(values, dict):
            raise RefusalsError(f"refused.{variable} is no mapping from what is wrong to a bad value.")
        for wrong, value in values.items():
            yield Refusal(f"{variable}: {wrong}", content.get("given", {}) | {variable: value}, (variable,))


def _together(content: Mapping[str, Any]) -> Iterator[Refusal]:
    for wrong, case in content.get("together", {}).items():
        if not isinstance(case, dict) or set(case) != {"refused", "variables"}:
            raise RefusalsError(f"together.{wrong} does not consist of refused and variables.")
        refused = [case["refused"]] if isinstance(case["refused"], str) else case["refused"]
        yield Refusal(f"{', '.join(refused)}: {wrong}", content.get("given", {}) | case["variables"], tuple(refused))


# --- writing -----------------------------------------------------------------------------------------------


def hcl(value: Any) -> str:
    """Return a value as an HCL expression on one line."""
    match value:
        case Expression():
            return value.text
        case str():
            return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
        case dict():
            return "{ " + ", ".join(f"{hcl(str(key))} = {hcl(item)}" for key, item in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(hcl, value)) + "]"
        case _:
            return json.dumps(value)


def run_block(refusal: Refusal, source: str) -> str:
    """Return the run block that expects a refusal from the module at `source`."""
    variables = "".join(f"    {name} = {hcl(value)}\n" for name, value in refusal.variables.items())
    expected = ", ".join(f"var.{name}" for name in refusal.refused)
    return (
        f'run "{_identifier(refusal.name)}" {{\n  command = plan\n\n  module {{\n    source = "{source}"\n  }}\n\n'
        f"  variables {{\n{variables}  }}\n\n  expect_failures = [{expected}]\n}}\n"
    )


def _identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")


def variable_files(module: Path) -> list[Path]:
    """Return a module's variables.tf and the files with the locals that it refers to, directly or indirectly.

    Raise RefusalsError if such a file contains more than locals, which would be planned too.
    """
    definitions = {
        name: path
        for path in sorted(module.glob("*.tf"))
        for block in re.findall(r"(?ms)^locals \{\n(.*?)^\}", path.read_text())
        for name in re.findall(r"(?m)^  (\w+) +=", block)
    }
    found: list[Path] = []
    wanted = [module / "variables.tf"]
    while wanted:
        path = wanted.pop()
        text = path.read_text()
        if found and (other := re.search(r"(?m)^(resource|data|module|check) ", text)):
            raise RefusalsError(f"{path}: has a {other[1]}; the locals that validations use need a file of their own.")
        found.append(path)
        used = {definitions[name] for name in re.findall(r"\blocal\.(\w+)", text) if name in definitions}
        wanted += sorted(used - {*found, *wanted})
    return found


def write(files: Iterable[Path], workspace: Path = WORKSPACE) -> int:
    """Write the runs of the data files into an empty workspace, and return their number."""
    shutil.rmtree(workspace, ignore_errors=True)
    tests = workspace / "tests"
    tests.mkdir(parents=True)
    (workspace / "main.tf").write_text("terraform {}\n")
    shutil.copy(SHARED_VARIABLES, tests)
    number = 0
    for file in files:
        path = file.relative_to(DATA).with_suffix("")
        module = ROOT if path.name == "root" else ROOT / "modules" / path
        copy = workspace / "modules" / path
        copy.mkdir(parents=True, exist_ok=True)
        for source in variable_files(module):
            shutil.copy(source, copy)
        refusals = load(file)
        blocks = [run_block(refusal, f"./modules/{path.as_posix()}") for refusal in refusals]
        names = [_identifier(refusal.name) for refusal in refusals]
        if twice := {name for name in names if names.count(name) > 1}:
            raise RefusalsError(f"{file}: two refusals have the name {min(twice)}.")
        (tests / f"{'_'.join(path.parts)}.tftest.hcl").write_text("\n".join(blocks))
        number += len(blocks)
    return number


# --- running -----------------------------------------------------------------------------------------------


def data_files() -> list[Path]:
    """Return every data file, sorted."""
    return sorted(DATA.rglob("*.yaml"))


def run(files: Sequence[Path], *options: str, workspace: Path = WORKSPACE) -> subprocess.CompletedProcess[str]:
    """Run `terraform test` on the refusals of the data files."""
    write(files, workspace)
    env = terraform_env(workspace / ".terraform", checked=True)
    command = [terraform_bin(), f"-chdir={workspace}"]
    init = subprocess.run(
        [*command, "init", "-backend=false", "-no-color"],
        env=init_env(env),
        capture_output=True,
        text=True,
        check=False,
    )
    if init.returncode:
        return init
    return subprocess.run([*command, "test", *options], env=env, capture_output=True, text=True, check=False)
