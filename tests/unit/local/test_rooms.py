"""Which packages of the local cloud may import which: from the top down, without import cycles inside a package."""

from __future__ import annotations

import ast
import functools
import importlib.util
from collections.abc import Iterator, Mapping

import pytest

from local.settings import ROOT

# From top to bottom: a package uses only those below it.
ROOMS = ["local.__main__", "local.harness", "local.gateway", "local.patches", "local.services", "local.permissions"]
ROOMS += ["local.settings"]
# The harness talks to the gateway over HTTP: it only starts it. The command line also lists corrections.
ONLY = {"local.harness": {"local.gateway.environment", "local.permissions", "local.settings"}}
WITHOUT_MINISTACK = ("local.services", "local.harness", "local.settings", "scenarios")

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("local", "scenarios")
    for path in (ROOT / folder).rglob("*.py")
}


def imports(module: str) -> Iterator[str]:
    """Yield what a module imports, anywhere in its file; `from x import y` counts as x.y if that is a module."""
    path = FILES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            of = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                yield f"{of}.{alias.name}" if f"{of}.{alias.name}" in FILES else of


@functools.cache
def graph() -> Mapping[str, list[str]]:
    """Return what each module imports."""
    return {module: sorted({found for found in imports(module) if found != module}) for module in FILES}


def room_of(module: str) -> str:
    return next((room for room in ROOMS if module == room or module.startswith(f"{room}.")), module)


def test_a_room_uses_only_rooms_below_it() -> None:
    wrong = []
    for module, found in graph().items():
        for used in (one for one in found if one.startswith("local.") and room_of(one) != room_of(module)):
            allowed = ROOMS[ROOMS.index(room_of(module)) + 1 :] if room_of(module) in ROOMS else ["local.harness"]
            allowed += ["local.settings", "local.services"] if module.startswith("scenarios") else []
            if room_of(used) not in allowed or (room_of(module) in ONLY and used not in ONLY[room_of(module)]):
                wrong.append(f"{module} uses {used}")
    assert wrong == []


def test_every_file_is_in_a_room() -> None:
    assert [module for module in FILES if room_of(module) not in ROOMS and module.startswith("local.")] == []


def test_the_local_cloud_knows_no_capability() -> None:
    assert [
        f"{module} uses {used}"
        for module, found in graph().items()
        for used in found
        if module.startswith("local") and used.startswith("scenarios")
    ] == []


@pytest.mark.parametrize("room", WITHOUT_MINISTACK)
def test_ministack_is_not_used(room: str) -> None:
    modules = [module for module in graph() if module.startswith(room)]
    assert modules
    assert [module for module in modules if any(used.startswith("ministack") for used in graph()[module])] == []


def test_no_circle_of_modules() -> None:
    done: set[str] = set()

    def follow(module: str, way: list[str]) -> None:
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module not in done:
            for used in graph()[module]:
                if used in FILES and not module.startswith(f"{used}."):  # a package is always imported with its module
                    follow(used, [*way, module])
            done.add(module)

    for module in FILES:
        follow(module, [])
