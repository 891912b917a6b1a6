"""The checks of a module, without its tests: layout, formatting, `terraform validate`, documentation, Checkov.

All run, so that one build names all that is wrong.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import programs, scan
from .errors import GateError
from .report import Report
from .settings import Build
from .source import LEFT_OUT, Module

INIT = ("terraform", "init", "-backend=false", "-input=false", "-no-color")


def copy_of(folder: Path, into: Path) -> Path:
    """Copy a module, without what Terraform or git keep in it, so that the gate changes no source."""
    shutil.copytree(folder, into, symlinks=True, ignore=lambda _, names: LEFT_OUT.intersection(names))
    return into


def run(module: Module, build: Build, reports: Path, report: Report) -> None:
    """Check a module, which must be a copy: `terraform init` writes into its folder."""
    environ = programs.without_credentials()
    report.facts["terraform files"] = len(module.files)
    report.facts["resources"] = module.scannable()
    report.add("layout", _layout(module), "the module has a version, and contains all that it uses")
    report.add("fmt", _unformatted(module, environ), "terraform fmt")
    # Checkov first: it must not see the modules and providers that `terraform init` downloads.
    _checkov(module, build, reports, report)
    report.add("validate", _invalid(module, environ), "terraform validate")
    report.add("docs", module.undocumented(), "README.md has every variable and output")


def _layout(module: Module) -> Iterator[tuple[str, str]]:
    try:
        module.version()
    except GateError as error:
        yield "version", str(error)
    for link in module.links():
        yield link, "is a symbolic link; a release holds files only"
    for file, source in module.leaving():
        yield file, f"source {source} leads out of the module's folder; let the setting path name a common folder"


def _unformatted(module: Module, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    command = ["terraform", "fmt", "-check", "-recursive", "-list=true", "-no-color"]
    done = programs.run(command, module.folder, environ)
    if done.status in (0, 3):
        return [(name, "run: terraform fmt -recursive") for name in done.output.split("\n") if name]
    return [("terraform fmt", done.said)]


def _invalid(module: Module, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    started = programs.run(INIT, module.folder, environ)
    if started.status:
        return [("terraform init", started.said)]
    done = programs.run(["terraform", "validate", "-json", "-no-color"], module.folder, environ)
    try:
        found = json.loads(done.output)["diagnostics"]
    except (ValueError, KeyError, TypeError):
        return [("terraform validate", done.said or f"ended with status {done.status}")]
    errors = [_diagnostic(one) for one in found if one.get("severity") == "error"]
    return errors or ([("terraform validate", f"ended with status {done.status}")] if done.status else [])


def _diagnostic(one: Mapping[str, Any]) -> tuple[str, str]:
    place = one.get("range") or {}
    where = f"{place['filename']}:{place['start']['line']}" if place else "configuration"
    return where, ": ".join(filter(None, [one.get("summary"), " ".join(str(one.get("detail") or "").split())]))


def _checkov(module: Module, build: Build, reports: Path, report: Report) -> None:
    try:
        found = scan.run(module.folder, reports)
    except GateError as error:
        report.add("checkov", [("checkov", str(error))])
        return
    failures, notes = scan.unaccepted(found, build.accept_unparsed)
    report.notes += notes
    report.facts["checkov"] = (
        f"{found.resources} resources, {found.passed} checks passed, {len(found.failures)} failed, "
        f"{found.skipped} skipped in the code, {len(found.unparsed)} files not parsed"
    )
    declared = module.scannable()
    report.add("checkov", [*found.failures, *failures, *scan.nothing(found, declared)], f"{found.passed} checks")
