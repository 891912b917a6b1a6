"""Which values a function keeps from call to call: module globals, class attributes, persistent instances.

A value is kept if it is stored in such a place, and the function looks into that place first: with `if`, `or`, or a
`try` that expects it to be missing. `_cache.setdefault(key, make())` makes the value each time, and keeps nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_EXPECTED = {"NameError", "KeyError", "AttributeError", "UnboundLocalError", "LookupError"}
_STORING = {"append", "add", "update", "put", "set"}


def own_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes of a body, without those of functions and classes defined in it."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def root(node: ast.AST) -> str:
    """Return the place that an expression is part of: `name`, or `self.name` of an attribute of an instance."""
    path: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        if isinstance(node, ast.Attribute):
            path.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return f"{node.id}.{path[-1]}" if node.id in ("self", "cls") and path else node.id


class Kept:
    """The calls of a function whose values are kept."""

    def __init__(self, body: list[ast.stmt], local: set[str], persistent_self: bool) -> None:
        """Read a body. `local` are its local names; `persistent_self`: whether `self` outlives a call."""
        self._local, self._self = local, persistent_self
        nodes = list(own_nodes(body))
        self._aliases = self._read_aliases(nodes)
        self._looked = self._read_looked(nodes)
        self._passed_on = self._read_passed_on(nodes)
        self.calls = {id(call) for node in nodes for call in self._kept(node)}

    def _persistent(self, place: str) -> bool:
        if place.startswith("self."):
            return self._self
        return bool(place) and (place.startswith("cls.") or place not in self._local)

    def _places(self, node: ast.AST | None) -> set[str]:
        """Return the persistent places that an expression reads, also through local names."""
        found: set[str] = set()
        for inner in ast.walk(node) if node else ():
            if isinstance(inner, (ast.Name, ast.Attribute, ast.Subscript)):
                place = root(inner)
                found |= self._aliases.get(place, set())
                if self._persistent(place):
                    found.add(place)
            elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                found |= {inner.value, f"self.{inner.value}"}  # "x" in globals(), hasattr(self, "x")
        return found

    def _read_aliases(self, nodes: list[ast.AST]) -> dict[str, set[str]]:
        """Return local names that hold a part of a persistent place: `client = _clients.get(key)`."""
        self._aliases = {}
        found: dict[str, set[str]] = {}
        for node in nodes:
            targets, value = _assigned(node)
            for target in targets:
                if isinstance(target, ast.Name) and target.id in self._local and value is not None:
                    found.setdefault(target.id, set()).update(self._places(value))
        return found

    def _read_looked(self, nodes: list[ast.AST]) -> set[str]:
        looked: set[str] = set()
        for node in nodes:
            if isinstance(node, (ast.If, ast.IfExp, ast.While)):
                looked |= self._places(node.test)
            elif isinstance(node, ast.BoolOp):
                looked |= self._places(node.values[0])
            elif isinstance(node, ast.Match):
                looked |= self._places(node.subject)
            elif isinstance(node, ast.Try) and any(_expected(handler) for handler in node.handlers):
                for inner in node.body:
                    looked |= self._places(inner)
        return looked

    def _read_passed_on(self, nodes: list[ast.AST]) -> dict[str, set[str]]:
        """Return for local names the persistent places that they, or what is made of them, are stored in."""
        found: dict[str, set[str]] = {}
        follows: list[tuple[str, str]] = []
        for node in nodes:
            targets, value = _assigned(node)
            if isinstance(node, ast.Call) and last(node.func) in _STORING:
                targets, value = [node.func], ast.Tuple([*node.args, *(word.value for word in node.keywords)])
            used = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)} if value else set()
            for name in used & self._local:
                for place in map(root, targets):
                    if self._persistent(place):
                        found.setdefault(name, set()).add(place)
                    follows.append((name, place))
        for _ in range(len(follows)):  # key = load(response); _cache["key"] = key
            before = sum(map(len, found.values()))
            for name, place in follows:
                if place in found:
                    found.setdefault(name, set()).update(found[place])
            if sum(map(len, found.values())) == before:
                break
        return found

    def _kept(self, node: ast.AST) -> Iterator[ast.Call]:
        targets, value = _assigned(node)
        if value is None:
            return
        stored: set[str] = set()
        for target in targets:
            place = root(target)
            if self._persistent(place):
                stored.add(place)
            stored |= self._passed_on.get(place, set())
        if stored & self._looked:
            yield from (inner for inner in ast.walk(value) if isinstance(inner, ast.Call))


def last(node: ast.expr) -> str:
    """Return the last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _assigned(node: ast.AST) -> tuple[list[ast.expr], ast.expr | None]:
    """Return the targets and the value of an assignment, an attribute set by name included."""
    if isinstance(node, ast.Assign):
        return node.targets, node.value
    if isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        return [node.target], node.value
    if isinstance(node, ast.Call) and last(node.func) == "setattr" and len(node.args) == 3:
        name = node.args[1]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            return [ast.Attribute(node.args[0], name.value)], node.args[2]
    return [], None


def _expected(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(n, ast.Name) and n.id in _EXPECTED for n in ast.walk(handler.type)) if handler.type else False
