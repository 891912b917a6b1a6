"""What a file defines and imports, which of its functions are handlers, and where a name leads."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import rules
from .files import Source

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(eq=False)
class Function:
    """A function or method of a module."""

    module: Module
    node: FunctionNode
    name: str
    owner: Class | None = None
    nested: bool = False
    fresh: bool = False
    """A method of an instance that is made in each call."""

    @property
    def parameters(self) -> list[ast.arg]:
        """Return the positional parameters, with `self`."""
        return [*self.node.args.posonlyargs, *self.node.args.args]

    @property
    def decorators(self) -> list[ast.expr]:
        """Return the decorators; a lambda has none."""
        return [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list

    @property
    def bound(self) -> bool:
        """Return whether the first parameter is an instance or a class."""
        static = any(last_name(decorator) == "staticmethod" for decorator in self.decorators)
        return self.owner is not None and not static

    @property
    def body(self) -> list[ast.stmt]:
        """Return the statements; a lambda is one `return`."""
        if isinstance(self.node, ast.Lambda):
            return [ast.copy_location(ast.Return(self.node.body), self.node.body)]
        return self.node.body


@dataclass(eq=False)
class Class:
    """A class of a module, with its methods and its bases."""

    module: Module
    name: str
    bases: list[ast.expr]
    methods: dict[str, Function] = field(default_factory=dict)


@dataclass(eq=False)
class Module:
    """A file: its definitions, its imports as full names, and the values of its module-level names."""

    source: Source
    parts: tuple[str, ...]
    package: tuple[str, ...]
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, Class] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    changing: set[str] = field(default_factory=set)
    """Module globals that a handler sets from its event."""
    handlers: list[Function] = field(default_factory=list)


def last_name(node: ast.expr) -> str:
    """Return the last part of a decorator's or callee's name."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def cached(function: Function) -> bool:
    """Return whether a decorator keeps the function's values.

    Those of a nested function and of an instance that is made in each call start again.
    """
    lasting = not (function.nested or function.fresh)
    return lasting and any(rules.CACHES.search(last_name(item)) for item in function.decorators)


def read(source: Source) -> Module:
    """Return what a file defines."""
    folders = tuple(part for part in source.path.resolve().parent.parts if part not in ("/", ""))
    stem = source.path.stem
    parts = folders if stem == "__init__" else (*folders, stem)
    module = Module(source, parts, folders)
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            _import(module, node)
    _define(module, source.tree.body)
    _handlers(module)
    return module


def _import(module: Module, node: ast.Import | ast.ImportFrom) -> None:
    if isinstance(node, ast.Import):
        for name in node.names:
            module.imports[name.asname or name.name.partition(".")[0]] = (
                name.name if name.asname else name.name.partition(".")[0]
            )
        return
    base = node.module or ""
    if node.level:  # an absolute folder: the slash keeps it apart from installed packages
        start = module.package[: len(module.package) - node.level + 1]
        base = "/" + ".".join([*(part.replace(".", "\0") for part in start), *([base] if base else [])])
    for name in node.names:
        module.imports[name.asname or name.name] = f"{base}.{name.name}"


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run on import, also those within `if` and `try`."""
    for node in body:
        yield node
        for inner in ("body", "orelse", "finalbody"):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from _statements(getattr(node, inner, []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)


def _define(module: Module, body: list[ast.stmt]) -> None:
    for node in _statements(body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            module.functions[node.name] = Function(module, node, node.name)
        elif isinstance(node, ast.ClassDef):
            made = module.classes[node.name] = Class(module, node.name, node.bases)
            for inner in _statements(node.body):
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    made.methods[inner.name] = Function(module, inner, f"{node.name}.{inner.name}", made)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    module.values[target.id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            module.values[node.target.id] = node.value


def _handlers(module: Module) -> None:
    """Find the handlers: by name and parameters, by decorators, and by what is assigned to such a name."""
    everything = [*module.functions.values(), *(m for c in module.classes.values() for m in c.methods.values())]
    found = [function for function in everything if _is_handler(module, function)]
    inside = {id(function.node) for function in everything}
    for node in ast.walk(module.source.tree):  # the wrapper of a decorator, the product of a factory
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and id(node) not in inside:
            nested = Function(module, node, node.name, nested=True)
            if _is_handler(module, nested):
                found.append(nested)
    for name, value in module.values.items():
        function = Function(module, value, name) if isinstance(value, ast.Lambda) else None
        if function and rules.is_handler(name, [item.arg for item in function.parameters]):
            found.append(function)
        if isinstance(value, ast.Call) and rules.is_handler(name, ["event", "context"]) and "handler" in name:
            found += [
                module.functions[item.id]
                for item in value.args
                if isinstance(item, ast.Name) and item.id in module.functions
            ]
    module.handlers = list({id(function.node): function for function in found}.values())


def _is_handler(module: Module, function: Function) -> bool:
    parameters = [item.arg for item in function.parameters][1 if function.bound else 0 :]
    if function.node.args.vararg and len(parameters) == 1:  # handler(event, *_)
        parameters.append("context")
    if rules.is_handler(function.name.rpartition(".")[2], parameters, decorated=bool(function.decorators)):
        return True
    for decorator in function.decorators:
        name = last_name(decorator)
        if rules.POWERTOOLS.match(name) and len(parameters) >= 2:
            return True
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if name in rules.ROUTES and isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            router = module.values.get(target.value.id)
            if isinstance(router, ast.Call) and rules.ROUTERS.search(last_name(router)):
                return True
    return False


class Program:
    """All modules that were read, by their places in the file system."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules = list(modules)
        self._by_last: dict[str, list[Module]] = {}
        for module in self.modules:
            self._by_last.setdefault(module.parts[-1] if module.parts else "", []).append(module)

    def module(self, name: str, near: Module) -> Module | None:
        """Return the module of a full name as `near` imports it; of several, the one nearest to it."""
        if name.startswith("/"):
            wanted = tuple(part.replace("\0", ".") for part in name[1:].split("."))
            return next((m for m in self._by_last.get(wanted[-1], ()) if m.parts == wanted), None)
        wanted = tuple(name.split("."))
        fitting = [m for m in self._by_last.get(wanted[-1], ()) if m.parts[-len(wanted) :] == wanted and m is not near]
        return max(fitting, key=lambda m: _shared(m.package, near.package), default=None)

    def find(self, name: str, near: Module, depth: int = 0) -> Function | Class | None:
        """Return the function or class that a full name leads to, also if a package passes it on."""
        base, _, last = name.rpartition(".")
        if not base or depth > 8:
            return None
        module = self.module(base, near)
        if module is None:
            owner = self.find(base, near, depth + 1)
            return self.method(owner, last) if isinstance(owner, Class) else None
        found = module.functions.get(last) or module.classes.get(last)
        if found is None and last in module.imports:
            return self.find(module.imports[last], module, depth + 1)
        return found

    def method(self, owner: Class, name: str, depth: int = 0) -> Function | None:
        """Return a method of a class or of its bases."""
        if name in owner.methods or depth > 8:
            return owner.methods.get(name)
        for base in owner.bases:
            found = self.named(base, owner.module)
            if isinstance(found, Class) and (method := self.method(found, name, depth + 1)):
                return method
        return None

    def named(self, node: ast.expr, module: Module) -> Function | Class | None:
        """Return the function or class that an expression names in a module."""
        if isinstance(node, ast.Name) and (own := module.functions.get(node.id) or module.classes.get(node.id)):
            return own
        name = full_name(node, module)
        return self.find(name, module) if name else None


def full_name(node: ast.expr, module: Module, depth: int = 0) -> str:
    """Return the full name of what an expression names, such as `boto3.client`; "" for anything else."""
    if isinstance(node, ast.Attribute):
        base = full_name(node.value, module, depth)
        return f"{base}.{node.attr}" if base else ""
    if not isinstance(node, ast.Name):
        return ""
    if node.id in module.imports:
        return module.imports[node.id]
    value = module.values.get(node.id)
    if isinstance(value, (ast.Name, ast.Attribute)) and depth < 4:  # make = boto3.client
        return full_name(value, module, depth + 1)
    return ""


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def name_of(path: Path) -> str:
    """Return a path as reports show it: from the current folder if it is below it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)
