"""Every call of AWS that the functions make exists, with all its parameters, in the SDK that Lambda's runtime may have.

The models are those of requirements/runtime.txt, which is deliberately old: see runtime.in. A call is found by the name
of its operation: `api.get_object(Bucket=…)`, `get_paginator("get_findings").paginate(…)`, or the name as the first
argument of a helper, as in `bucket.call("copy_object", …)`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape, StructureShape

import common
from tools.bootstrap import RUNTIME

SOURCE = Path(common.__file__).parents[1]
(MODELS,) = RUNTIME.glob("lib/python*/site-packages/botocore/data")
OF_BOTO3 = {"PaginationConfig"}


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def text(node: ast.AST | None) -> str:
    """Return the value of a string constant, or "" for all else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@functools.cache
def operations() -> Mapping[str, list[Shape]]:
    """Return the inputs of all operations by the name of boto3's method; of several services, where names are equal."""
    loader = Loader(extra_search_paths=[str(MODELS)], include_default_search_paths=False)
    texts = {text(node) for path in SOURCE.rglob("*.py") for node in ast.walk(parsed(path))}
    found: dict[str, list[Shape]] = {}
    for name in texts & set(loader.list_available_services("service-2")):
        model = ServiceModel(loader.load_service_model(name, "service-2"), service_name=name)
        for operation in model.operation_names:
            given = model.operation_model(operation).input_shape or StructureShape("Empty", {"type": "structure"})
            found.setdefault(xform_name(operation), []).append(given)
    return found


def calls(path: Path) -> Iterator[tuple[int, str, Mapping[str, ast.expr]]]:
    """Yield line, operation and named arguments of the calls of AWS in a file."""
    for node in ast.walk(parsed(path)):
        if not isinstance(node, ast.Call):
            continue
        named = {word.arg: word.value for word in node.keywords if word.arg}
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        first = node.args[0] if node.args else None
        if called == "paginate" and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            first = next(iter(node.func.value.args), None)
        if called in operations():
            yield node.lineno, called, named
        elif text(first) in operations():
            yield node.lineno, text(first), named


def unknown(shape: Any, named: Mapping[str, ast.expr], inside: str = "") -> list[str]:
    """Return the arguments, and the constant keys of dictionaries in them, that a shape does not have."""
    found = []
    for name, value in named.items():
        if name in OF_BOTO3 and not inside:
            continue
        if name not in shape.members:
            found.append(inside + name)
            continue
        member, items = shape.members[name], [value]
        while member.type_name == "list":
            member = member.member
            items = [item for listed in items if isinstance(listed, ast.List) for item in listed.elts]
        for item in items if member.type_name == "structure" else []:
            if isinstance(item, ast.Dict):
                pairs = zip(item.keys, item.values, strict=True)
                found += unknown(member, {text(k): v for k, v in pairs if text(k)}, f"{inside}{name}.")
    return found


def test_lambdas_sdk_knows_the_calls() -> None:
    strange, seen = [], 0
    for path in sorted(SOURCE.rglob("*.py")):
        for line, operation, named in calls(path):
            found: list[list[str]] = [unknown(shape, named) for shape in operations()[operation]]
            if all(found):
                strange.append(f"{path.relative_to(SOURCE)}, line {line}: {operation} has no {', '.join(found[0])}")
            seen += 1
    assert not strange
    assert seen > 150, "most calls are seen"


def test_what_the_sdk_does_not_know_is_found() -> None:
    """Also inside lists and dictionaries, and of one operation only."""
    given = ast.parse('f(Bucket="b", IfMatch="e", Rules=[], Delete={"Objects": [{"Key": "k", "ETags": ""}]})').body[0]
    assert isinstance(given, ast.Expr)
    assert isinstance(given.value, ast.Call)
    named = {word.arg: word.value for word in given.value.keywords if word.arg}
    (copy,), (delete,) = operations()["copy_object"], operations()["delete_objects"]
    assert unknown(copy, named) == ["IfMatch", "Rules", "Delete"]
    assert unknown(delete, named) == ["IfMatch", "Rules", "Delete.Objects.ETags"]
