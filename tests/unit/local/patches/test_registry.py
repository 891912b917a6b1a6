"""Corrections of MiniStack: compared with their targets before any is applied, then applied in order."""

from __future__ import annotations

import ast
import asyncio
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from local import patches
from local.patches.lambda_runtime import worker_script
from local.patches.registry import PatchError, Registry
from local.settings import ROOT

HERE = __name__


class Engine(ModuleType):
    """The target of the corrections here, in place of MiniStack."""

    def __init__(self) -> None:
        super().__init__("engine_under_test")

        def plain(a: int, b: int = 2, *, c: int = 3) -> Any:
            return [a, b, c]

        async def later(a: int) -> int:
            return a

        class Worker:
            times = 2

            def run(self, a: int) -> int:
                return a * self.times

        self.plain, self.later, self.Worker = plain, later, Worker
        self.CONSTANT: tuple[int, ...] = (1,)
        self.TABLE = {"plain": plain}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


@pytest.fixture
def registry() -> Registry:
    return Registry()


def apply(registry: Registry) -> None:
    registry.apply([HERE])


def test_a_function_gets_what_it_replaces(engine: Engine, registry: Registry) -> None:
    @registry.patch("engine_under_test", "plain", because="a test")
    def plain(original: Any, a: int, b: int = 2, *, c: int = 3) -> Any:
        return [*original(a, b, c=c), "corrected"]

    apply(registry)
    assert engine.plain(1, c=5) == [1, 2, 5, "corrected"]
    assert engine.TABLE["plain"](1) == [1, 2, 3]


def test_one_without_original_replaces_it(engine: Engine, registry: Registry) -> None:
    @registry.patch("engine_under_test", "TABLE[plain]", because="a test")
    def plain(a: int, *rest: Any, **more: Any) -> Any:
        return a

    apply(registry)
    assert engine.TABLE["plain"](7) == 7
    assert engine.plain(7) == [7, 2, 3]


def test_methods_coroutines_and_constants(engine: Engine, registry: Registry) -> None:
    @registry.patch("engine_under_test", "Worker.run", because="a test")
    def run(original: Any, self: Any, a: int) -> Any:
        return original(self, a) + self.times

    @registry.patch("engine_under_test", "later", because="a test")
    async def later(original: Any, a: int) -> int:
        return int(await original(a)) + 1

    @registry.patch("engine_under_test", "CONSTANT", because="a test")
    def constant(values: tuple[int, ...]) -> tuple[int, ...]:
        return (*values, 2)

    apply(registry)
    assert engine.Worker().run(5) == 12
    assert asyncio.run(engine.later(1)) == 2
    assert engine.CONSTANT == (1, 2)


def test_one_function_may_correct_several(engine: Engine, registry: Registry) -> None:
    @registry.patch("engine_under_test", "plain", because="a test")
    @registry.patch("engine_under_test", "TABLE[plain]", because="a test")
    def plain(original: Any, a: int, *rest: Any, **more: Any) -> Any:
        return [*original(a), "corrected"]

    apply(registry)
    assert engine.plain(1) == engine.TABLE["plain"](1) == [1, 2, 3, "corrected"]


def adding(name: str) -> Any:
    """Return a correction of `plain` that adds a word to its answer."""

    def plain(original: Any, a: int, *rest: Any, **more: Any) -> Any:
        return [*original(a), name]

    return plain


def test_the_later_wraps_the_earlier(engine: Engine, registry: Registry) -> None:
    for name in ("inner", "outer"):
        registry.patch("engine_under_test", "plain", because="a test")(adding(name))
    apply(registry)
    assert engine.plain(1) == [1, 2, 3, "inner", "outer"]


def test_the_order_is_that_of_the_modules_not_of_their_import(
    engine: Engine, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("second", "first"):
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        function = adding(name)
        function.__module__ = name
        registry.patch("engine_under_test", "plain", because="a test")(function)
    registry.apply(["first", "second"])
    assert engine.plain(1) == [1, 2, 3, "first", "second"]


@pytest.mark.parametrize("name", ["gone", "Worker.gone", "TABLE[gone]", "Gone.run"])
def test_a_target_that_is_gone_is_named(engine: Engine, registry: Registry, name: str) -> None:
    registry.patch("engine_under_test", name, because="a test")(lambda a: a)
    with pytest.raises(PatchError, match="no longer exists") as raised:
        apply(registry)
    assert f"engine_under_test.{name}" in str(raised.value)


def test_a_module_that_is_gone_is_named(registry: Registry) -> None:
    registry.patch("ministack.services.gone", "plain", because="a test")(lambda a: a)
    with pytest.raises(PatchError, match=r"ministack\.services\.gone\.plain no longer exists"):
        apply(registry)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda a, b: 0, "(a, b)"),
        (lambda original, a, c, b: 0, "(a, c, b)"),
        (lambda q, *rest: 0, "(q, *rest)"),
        (lambda original, a, b, c, d, **more: 0, "(a, b, c, d, **more)"),
    ],
)
def test_a_changed_signature_is_shown(engine: Engine, registry: Registry, function: Any, expected: str) -> None:
    registry.patch("engine_under_test", "plain", because="a test")(function)
    with pytest.raises(PatchError) as raised:
        apply(registry)
    assert f"engine_under_test.plain changed: expected {expected}, found (a, b, c)" in str(raised.value)


def test_a_function_that_became_async_is_named(engine: Engine, registry: Registry) -> None:
    registry.patch("engine_under_test", "later", because="a test")(lambda a: a)
    with pytest.raises(PatchError, match=r"engine_under_test\.later changed: it or its correction is async"):
        apply(registry)


def test_nothing_is_changed_before_all_fit(engine: Engine, registry: Registry) -> None:
    @registry.patch("engine_under_test", "plain", because="a test")
    def plain(a: int, *rest: Any, **more: Any) -> Any:
        return "corrected"

    registry.patch("engine_under_test", "gone", because="a test")(lambda: 0)
    registry.patch("engine_under_test", "Worker.gone", because="a test")(lambda: 0)
    with pytest.raises(PatchError) as raised:
        apply(registry)
    assert str(raised.value).count("no longer exists") == 2
    assert engine.plain(1) == [1, 2, 3]


def test_the_workers_script_is_checked() -> None:
    with pytest.raises(PatchError, match="_PYTHON_WORKER_SCRIPT changed"):
        worker_script("import sys\n")


# --- the corrections themselves ----------------------------------------------------------------------------------


def test_every_module_of_corrections_is_listed_and_says_why() -> None:
    helpers = {"__init__", "registry", "kafka", "lambda_mappings"}  # the last two: what modules of corrections share
    assert {path.stem for path in (ROOT / "local" / "patches").glob("*.py")} - helpers == set(patches.MODULES)
    declared = patches.declared()
    assert len({(one.target, one.function) for one in declared}) == len(declared) > 100
    assert [one.target for one in declared if not one.because.endswith(".")] == []


def used(name: str) -> Iterator[tuple[str, str]]:
    """Yield (module of MiniStack, name used from it) in a file: imported names, and attributes of imported modules."""
    tree = ast.parse((ROOT / "local" / name).read_text())
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack"):
            for alias in node.names:
                yield str(node.module), alias.name
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            yield known[node.value.id], node.attr


@pytest.mark.parametrize("name", ["permissions.py", *(f"patches/{name}.py" for name in patches.MODULES)])
def test_what_a_file_uses_of_ministack_exists(name: str) -> None:
    missing = []
    for module, attribute in used(name):
        try:
            found = importlib.import_module(module)
        except ImportError:
            continue  # not a module but an object in one, with attributes of its own
        if not hasattr(found, attribute):
            try:
                importlib.import_module(f"{module}.{attribute}")
            except ImportError:
                missing.append(f"{module}.{attribute}")
    assert missing == []
