"""Check that the Terraform module agrees with the API and with the code."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import botocore.session
import hcl2

from posture.finding_export import continuous, errors, export, filters
from tools import hcl
from tools.bootstrap import ROOT

MODULE = ROOT / "modules" / "posture" / "finding_export"
KINDS = {
    "strings": "StringFilter",
    "dates": "DateFilter",
    "numbers": "NumberFilter",
    "maps": "MapFilter",
    "cidrs": "IpFilter",
    "booleans": "BooleanFilter",
}
# KeywordFilter: deprecated, and Security Hub rejects it.
NOT_OFFERED = {"KeywordFilter"}


@functools.cache
def api() -> Any:
    return botocore.session.get_session().get_service_model("securityhub")


def plain(value: Any) -> Any:
    """Return a value of python-hcl2 without the quotes and marks of its source form."""
    if isinstance(value, dict):
        return {hcl.unquote(key): plain(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return hcl.unquote(value) if isinstance(value, str) else value


@functools.cache
def blocks(name: str, module: Path = MODULE) -> Any:
    return plain(hcl2.loads((module / name).read_text()))


@functools.cache
def declared(module: Path) -> dict[str, dict[str, Any]]:
    return hcl.declared(module, "variable")


def local(file: str, name: str) -> Any:
    return next(found[name] for found in blocks(file)["locals"] if name in found)


def test_filter_attributes_are_those_of_the_api() -> None:
    by_kind = defaultdict(set)
    for name, shape in api().shape_for("AwsSecurityFindingFilters").members.items():
        by_kind[shape.member.name].add(name)
    offered = local("filters.tf", "filter_attributes")
    assert {KINDS[kind]: set(names) for kind, names in offered.items()} == {
        kind: names for kind, names in by_kind.items() if kind not in NOT_OFFERED
    }
    assert all(len(names) == len(set(names)) for names in offered.values())


def test_comparisons_are_those_of_get_findings() -> None:
    offered = local("filters.tf", "filter_comparisons")
    assert {KINDS[kind]: tuple(names) for kind, names in offered.items()} == filters.COMPARISONS
    for shape, names in filters.COMPARISONS.items():
        left_out = set(api().shape_for(f"{shape}Comparison").enum) - set(names)
        assert left_out == {"CONTAINS", "NOT_CONTAINS"} | ({"CONTAINS_WORD"} if shape == "StringFilter" else set())


def test_values_are_those_of_the_api_and_the_function() -> None:
    closed = {name: api().shape_for(shape).enum for name, shape in filters._CLOSED.items()}
    assert local("filters.tf", "filter_values") == closed


def leaves(error: type[Exception]) -> set[str]:
    below = [leaves(child) for child in error.__subclasses__()]
    return set().union(*below) if below else {error.__name__}


def test_retried_are_the_transient_errors_and_no_others() -> None:
    retried = {
        name
        for rule in local("state_machine.tf", "definition")["States"]["Export"]["Retry"]
        for name in rule["ErrorEquals"]
    }
    assert retried & leaves(errors.ExportError) == leaves(errors.Transient) == {"Throttled", "ServiceUnavailable"}
    assert not {name for name in retried if "." not in name} - leaves(errors.Transient)
    assert not retried & {"States.ALL", "States.TaskFailed"}


def test_every_permanent_error_is_in_the_readme() -> None:
    text = (MODULE / "README.md").read_text()
    missing = {name for name in leaves(errors.ExportError) if f"| `{name}` |" not in text}
    assert not missing


def test_environment_is_what_the_functions_read() -> None:
    def fields(of: Any) -> set[str]:
        return {field.name.upper() for field in dataclasses.fields(of)}

    shared = set(local("main.tf", "environment"))
    text = (MODULE / "main.tf").read_text()
    added = re.search(r"merge\(local\.environment, \{(.*?)\}\)", text, re.DOTALL)
    assert added
    assert shared == fields(continuous.Settings)
    assert shared | set(re.findall(r"^ +([A-Z_]+) +=", added[1], re.MULTILINE)) == fields(export.Settings)
