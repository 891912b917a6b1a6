"""Follow the calls of each handler, and find constructions whose arguments are the same in each call.

Each name and expression has a value: whether it can differ from call to call, and what it is where that matters (a
session, an instance of a class of the program). A value differs if it comes from the event or the context, or if it is
the result of a call that is not known to be constant: in doubt, nothing is reported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from . import rules
from .caching import Kept, own_nodes
from .modules import Class, Function, Module, Program, cached, full_name, name_of

DEEPEST = 40
"""Calls that are followed one into another."""
MOST = 20_000
"""Calls of one handler that are followed, with different arguments."""


class TooManyCallsError(Exception):
    """A handler with more calls than can be followed."""


@dataclass(frozen=True)
class Value:
    """What an expression evaluates to."""

    differs: bool = False
    session: bool = False
    asynchronous: bool = False
    of: Class | None = None
    fresh: bool = False
    """An instance that was made in this call: what it keeps is lost with it."""
    function: Function | None = None

    def __or__(self, other: Value) -> Value:
        """Return the value of a name that has one or the other."""
        return Value(
            self.differs or other.differs,
            self.session or other.session,
            self.asynchronous or other.asynchronous,
            self.of or other.of,
            self.fresh or other.fresh,
            self.function or other.function,
        )


SAME, DIFFERS = Value(), Value(differs=True)


@dataclass(frozen=True)
class Finding:
    """Work that a handler repeats. A hint does not count as one."""

    path: str
    line: int
    column: int
    rule: str
    text: str
    hint: bool = False
    last_line: int = field(default=0, compare=False)


# Functions whose result is the same for the same arguments.
_CONSTANT = frozenset(
    [
        "str",
        "int",
        "bool",
        "float",
        "dict",
        "list",
        "tuple",
        "set",
        "frozenset",
        "len",
        "getattr",
        "min",
        "max",
        "sorted",
        "sum",
        "repr",
        "bytes",
        "range",
        "zip",
        "enumerate",
        "os.getenv",
        "os.environ.get",
        "os.environ.copy",
        "os.path.join",
        "os.path.dirname",
        "pathlib.Path",
        "json.loads",
        "json.dumps",
        "functools.partial",
    ]
)
_TEXT_METHODS = frozenset(
    [
        "format",
        "join",
        "lower",
        "upper",
        "strip",
        "lstrip",
        "rstrip",
        "split",
        "replace",
        "encode",
        "decode",
        "get",
        "copy",
    ]
)


class Walk:
    """The calls of all handlers of a program."""

    def __init__(self, program: Program, attributes: dict[tuple[int, str], Value] | None = None) -> None:
        """Start with what instances are known to keep."""
        self.program = program
        self._followed = 0
        self.findings: dict[tuple[str, int, int, str], Finding] = {}
        self._results: dict[object, Value] = {}
        self._attributes = {} if attributes is None else attributes

    def handler(self, function: Function) -> None:
        """Follow one handler. Its parameters differ from call to call; its instance stays."""
        self._followed = 0
        values = [DIFFERS] * len(function.parameters)
        if function.bound:
            values[0] = Value(of=function.owner)
            self._initialize(function)
        self.call(function, values, {}, (function.name,))

    def _initialize(self, function: Function) -> None:
        """Read what `__init__` stores on an instance that lives as long as the environment. Nothing is reported."""
        init = self.program.method(function.owner, "__init__") if function.owner else None
        if init:
            values = [Value(of=function.owner), *([SAME] * (len(init.parameters) - 1))]
            Body(Walk(self.program, self._attributes), init, values, {}, ("__init__",)).run()

    def call(
        self, function: Function, positional: list[Value], named: dict[str, Value], through: tuple[str, ...]
    ) -> Value:
        """Follow a function with these arguments. Return the value of its result."""
        if cached(function):  # kept for each combination of arguments
            return Value(differs=any(value.differs for value in [*positional, *named.values()]))
        key = (
            id(function.node),
            function.fresh,
            tuple(positional),
            tuple(sorted(named.items(), key=lambda item: item[0])),
        )
        if key in self._results or len(through) > DEEPEST:
            return self._results.get(key, DIFFERS)
        self._results[key] = DIFFERS  # for a function that calls itself
        self._results[key] = Body(self, function, positional, named, through).run()
        return self._results[key]

    def spend(self) -> None:
        """Count a function that is followed. Raise TooManyCallsError if a handler has too many."""
        self._followed += 1
        if self._followed > MOST:
            raise TooManyCallsError(f"more than {MOST:,} calls to follow")

    def attribute(self, owner: Class, name: str) -> Value | None:
        """Return what the methods of a class store in an attribute."""
        return self._attributes.get((id(owner), name))

    def store(self, owner: Class, name: str, value: Value) -> None:
        """Note what a method stores in an attribute."""
        known = self._attributes.get((id(owner), name))
        self._attributes[id(owner), name] = value | known if known else value

    def report(self, module: Module, node: ast.expr, rule: str, through: tuple[str, ...], hint: bool = False) -> None:
        """Add a finding, once for each place."""
        helpers = " → ".join(f"{name}()" for name in through[1:])
        text = f"{rules.ADVICE[rule]} (in {through[0]}(){f', through {helpers}' if helpers else ''})"
        path, last = name_of(module.source.path), node.end_lineno or node.lineno
        found = Finding(path, node.lineno, node.col_offset + 1, rule, text, hint, last)
        key = (path, node.lineno, node.col_offset, rule)
        if key not in self.findings or (self.findings[key].hint and not hint):
            self.findings[key] = found


class Body:
    """One function, followed with certain arguments."""

    def __init__(
        self,
        walk: Walk,
        function: Function,
        positional: list[Value],
        named: dict[str, Value],
        through: tuple[str, ...],
        closure: dict[str, Value] | None = None,
    ) -> None:
        self.walk, self.function, self.through = walk, function, through
        self.module, self.program = function.module, walk.program
        self.names: dict[str, Value] = dict(closure or {})
        self.nested: dict[str, Function] = {}
        self.returned: Value = SAME
        self.branches = self.loops = 0
        self.asynchronous_with: set[int] = set()
        self.known: dict[int, Value] = {}
        """Values of the objects whose methods are being called: `a().b().c()` is followed once."""
        self._bind(positional, named)
        nodes = list(own_nodes(function.body))
        shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self.shared = shared
        own = self.names.get("self", SAME) if function.bound else SAME
        self.kept = Kept(function.body, (stored | set(self.names)) - shared - {"self", "cls"}, not own.fresh)

    def _bind(self, positional: list[Value], named: dict[str, Value]) -> None:
        arguments = self.function.node.args
        parameters = self.function.parameters
        for number, parameter in enumerate(parameters):
            given = positional[number] if number < len(positional) else named.get(parameter.arg, SAME)
            self.names[parameter.arg] = given
        for parameter in arguments.kwonlyargs:
            self.names[parameter.arg] = named.get(parameter.arg, SAME)
        rest = Value(differs=any(value.differs for value in [*positional[len(parameters) :], *named.values()]))
        for collected in (arguments.vararg, arguments.kwarg):
            if collected:
                self.names[collected.arg] = rest
        if self.function.bound and parameters:  # whatever its name is
            self.names["self"] = self.names[parameters[0].arg]

    def run(self) -> Value:
        """Follow all statements. Return the value of the result."""
        self.walk.spend()
        self.statements(self.function.body)
        return self.returned

    # --- statements ---------------------------------------------------------------------------------------------

    def statements(self, body: Iterable[ast.stmt]) -> None:
        """Follow statements in their order."""
        for node in body:
            method = getattr(self, f"_at_{type(node).__name__.lower()}", None)
            if method:
                method(node)
            else:
                self._other(node)

    def _branch(self, *bodies: Iterable[ast.stmt]) -> None:
        self.branches += 1
        for body in bodies:
            self.statements(body)
        self.branches -= 1

    def _other(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
            elif isinstance(child, ast.stmt):
                self.statements([child])
            else:
                self._other(child)

    def _at_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults, *node.decorator_list]:
            if default is not None:
                self.value(default)
        self.nested[node.name] = Function(self.module, node, node.name, nested=True)
        self.names.pop(node.name, None)

    _at_asyncfunctiondef = _at_functiondef

    def _at_classdef(self, node: ast.ClassDef) -> None:
        self.names[node.name] = DIFFERS

    def _at_return(self, node: ast.Return) -> None:
        if node.value:
            self.returned |= self.value(node.value)

    def _at_assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.assign(target, value)

    def _at_annassign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.assign(node.target, self.value(node.value))

    def _at_augassign(self, node: ast.AugAssign) -> None:
        self.assign(node.target, self.value(node.value) | self.value(node.target))

    def _at_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.assign(node.target, Value(self.value(node.iter).differs))
        self._loop(node.body, node.orelse)

    _at_asyncfor = _at_for

    def _at_while(self, node: ast.While) -> None:
        self.value(node.test)
        self._loop(node.body, node.orelse)

    def _loop(self, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        """Follow a loop twice, since what is assigned at its end is used at its start; inner loops once each time."""
        outer = not self.loops
        self.loops += 1
        self._branch(body, *([body] if outer else []), orelse)
        self.loops -= 1

    def _at_if(self, node: ast.If) -> None:
        self.value(node.test)
        self._branch(node.body, node.orelse)

    def _at_try(self, node: ast.Try) -> None:
        for handler in node.handlers:
            if handler.name:
                self.names[handler.name] = DIFFERS
        self._branch(node.body, *(handler.body for handler in node.handlers), node.orelse, node.finalbody)

    _at_trystar = _at_try

    def _at_with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            if isinstance(node, ast.AsyncWith):
                self.asynchronous_with.add(id(item.context_expr))
            value = self.value(item.context_expr)
            if item.optional_vars:
                self.assign(item.optional_vars, value)
        self.statements(node.body)

    _at_asyncwith = _at_with

    def _at_match(self, node: ast.Match) -> None:
        subject = self.value(node.subject)
        for case in node.cases:
            for inner in ast.walk(case.pattern):
                name = getattr(inner, "name", None) or getattr(inner, "rest", None)
                if isinstance(name, str):
                    self.names[name] = Value(subject.differs)
        self._branch(*(case.body for case in node.cases))

    def assign(self, target: ast.expr, value: Value) -> None:
        """Give a target its value. In a branch, a name can also have its earlier one."""
        if isinstance(target, ast.Name):
            if target.id in self.shared and value.differs:
                self.module.changing.add(target.id)
            known = self.names.get(target.id) if self.branches else None
            self.names[target.id] = value | known if known else value
        elif isinstance(target, (ast.Tuple, ast.List)):
            for item in target.elts:
                self.assign(item, Value(value.differs))
        elif isinstance(target, ast.Starred):
            self.assign(target.value, Value(value.differs))
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value)
            if owner.of:
                self.walk.store(owner.of, target.attr, value)
        elif isinstance(target, ast.Subscript):
            self.value(target.slice)
            if isinstance(target.value, ast.Name) and target.value.id in self.names and value.differs:
                self.names[target.value.id] |= DIFFERS  # options["region"] = event["region"]

    # --- expressions --------------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Value:
        """Return the value of an expression, and follow the calls in it."""
        if id(node) in self.known:
            return self.known[id(node)]
        method = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if method:
            found: Value = method(node)
            return found
        return self._joined(node)

    def _joined(self, node: ast.AST) -> Value:
        differs = False
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                differs |= self.value(child).differs
            else:
                differs |= self._joined(child).differs
        return Value(differs)

    def _of_name(self, node: ast.Name) -> Value:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in self.module.changing:
            return DIFFERS
        if node.id in self.nested:
            return Value(function=self.nested[node.id])
        return self._global(self.module, node.id)

    def _global(self, module: Module, name: str, depth: int = 0) -> Value:
        """Return the value of a module-level name: the same in each call, and perhaps a session or an instance."""
        if name in module.functions:
            return Value(function=module.functions[name])
        value = module.values.get(name)
        if isinstance(value, ast.Lambda):
            return Value(function=Function(module, value, name))
        if isinstance(value, ast.Call):
            called = full_name(value.func, module)
            if called in rules.AWS_SESSIONS | rules.ASYNC_SESSIONS or called.startswith("botocore.session."):
                return Value(session=True, asynchronous=called in rules.ASYNC_SESSIONS)
            found = self.program.named(value.func, module)
            if isinstance(found, Class):
                return Value(of=found)
        if name in module.imports and depth < 5:
            base, _, last = module.imports[name].rpartition(".")
            other = self.program.module(base, module) if base else None
            if other:
                return self._global(other, last, depth + 1)
        return SAME

    def _of_attribute(self, node: ast.Attribute) -> Value:
        owner = self.value(node.value)
        if owner.of:
            stored = self.walk.attribute(owner.of, node.attr)
            if stored:
                return stored
            method = self.program.method(owner.of, node.attr)
            if method and any(word.endswith("property") for word in map(_last, method.decorators)):
                if cached(method) and not owner.fresh:
                    return SAME
                return self.walk.call(_uncached(method), [owner], {}, (*self.through, method.name))
            return Value(owner.differs, function=method)
        if not owner.differs:
            name = full_name(node, self.module)
            module = self.program.module(name.rpartition(".")[0], self.module) if name else None
            if module:
                return self._global(module, node.attr)
        return Value(owner.differs)

    def _of_lambda(self, node: ast.Lambda) -> Value:
        function = Function(self.module, node, "lambda", nested=True)
        self._follow_unknown(function)
        return Value(function=function)

    def _of_namedexpr(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.assign(node.target, value)
        return value

    def _of_await(self, node: ast.Await) -> Value:
        return self.value(node.value)

    def _of_ifexp(self, node: ast.IfExp) -> Value:
        self.value(node.test)
        return self.value(node.body) | self.value(node.orelse)

    def _of_boolop(self, node: ast.BoolOp) -> Value:
        found = self.value(node.values[0])
        for item in node.values[1:]:
            found |= self.value(item)
        return found

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        before = dict(self.names)
        for part in node.generators:
            self.assign(part.target, Value(self.value(part.iter).differs))
            for test in part.ifs:
                self.value(test)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        differs = any(found.differs for found in [self.value(part) for part in parts])
        self.names = before
        return Value(differs or any(self.value(part.iter).differs for part in node.generators))

    _of_listcomp = _of_setcomp = _of_generatorexp = _of_dictcomp = _comprehension

    def _of_call(self, node: ast.Call) -> Value:
        if not isinstance(node.func, ast.Attribute):
            return self._called(node)
        owner = node.func.value
        self.known[id(owner)] = self.value(owner)
        try:
            return self._called(node)
        finally:
            self.known.pop(id(owner), None)

    def _called(self, node: ast.Call) -> Value:
        positional = [self.value(item) for item in node.args]
        named = {word.arg or f"**{number}": self.value(word.value) for number, word in enumerate(node.keywords)}
        arguments = [*positional, *named.values()]
        differs = any(value.differs for value in arguments)
        kept = id(node) in self.kept.calls
        made = self._construction(node, differs, kept)
        if made:
            return made
        callee = self._callee(node.func)
        for argument in arguments:  # executor.submit(helper, …), map(helper, …)
            if argument.function and argument.function is not callee:
                self._follow_unknown(argument.function)
        if kept:
            return Value(differs, of=callee if isinstance(callee, Class) else None)
        return self._follow(node, callee, positional, named, differs)

    def _follow(
        self,
        node: ast.Call,
        callee: Function | Class | None,
        positional: list[Value],
        named: dict[str, Value],
        differs: bool,
    ) -> Value:
        if isinstance(callee, Class):
            made = Value(differs, of=callee, fresh=True)
            init = self.program.method(callee, "__init__")
            if init:
                self.walk.call(init, [made, *positional], named, (*self.through, callee.name))
            return made
        if callee is None:
            return self._unknown(node, differs)
        if callee.bound and isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            positional = [owner, *positional]
            if owner.fresh:
                callee = _uncached(callee)
        if callee.nested:
            through = (*self.through, callee.name)
            if len(through) >= DEEPEST:
                return DIFFERS
            return Body(self.walk, callee, positional, named, through, self.names).run()
        return self.walk.call(callee, positional, named, (*self.through, callee.name))

    def _follow_unknown(self, function: Function) -> None:
        """Follow a function that someone else calls: its arguments can be anything."""
        values = [DIFFERS] * len(function.parameters)
        through = (*self.through, function.name)
        if function.nested and len(through) < DEEPEST:
            Body(self.walk, function, values, {}, through, self.names).run()
        elif not function.nested:
            self.walk.call(function, values, {}, through)

    def _callee(self, node: ast.expr) -> Function | Class | None:
        if isinstance(node, ast.Name) and node.id in self.nested:
            return self.nested[node.id]
        if isinstance(node, ast.Name) and node.id in self.names:
            return self.names[node.id].function
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Call) and _last(node.value) == "super" and self.function.owner:
                bases = [self.program.named(base, self.module) for base in self.function.owner.bases]
                methods = [self.program.method(base, node.attr) for base in bases if isinstance(base, Class)]
                return next(filter(None, methods), None)
            owner = self.value(node.value)
            if owner.of:
                return self.program.method(owner.of, node.attr)
            if owner.differs:
                return None
        return self.program.named(node, self.module) or self.value(node).function

    def _unknown(self, node: ast.Call, differs: bool) -> Value:
        """Return the result of a call that is not followed: the same only if that is known."""
        name = full_name(node.func, self.module) or _last(node)
        if name in _CONSTANT or _last(node)[:1].isupper():
            return Value(differs)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_METHODS:
            return Value(differs or self.value(node.func.value).differs)
        return DIFFERS

    # --- the rules ----------------------------------------------------------------------------------------------

    def _construction(self, node: ast.Call, differs: bool, kept: bool) -> Value | None:
        """Report a construction that repeats. Return its value, or None if the call is not a construction."""
        if isinstance(node.func, ast.Name) and node.func.id in self.names:
            return None  # a parameter or local name hides the import
        name = full_name(node.func, self.module)
        rule = rules.BY_NAME.get(name, "")
        if not rule and isinstance(node.func, ast.Attribute) and node.func.attr in rules.SESSION_METHODS:
            owner = self.value(node.func.value)
            if owner.session:
                self._drop(node.func.value)
                rule, differs = rules.CLIENT, differs or owner.differs
                if owner.asynchronous or id(node) in self.asynchronous_with:
                    return DIFFERS  # such a client belongs to an event loop, which a call may start again
        if rule:
            if not differs and not kept:
                self.walk.report(self.module, node, rule, self.through)
            return Value(differs, session=name in rules.AWS_SESSIONS or name.startswith("botocore.session."))
        if name in rules.ASYNC_SESSIONS:
            return Value(differs, session=True, asynchronous=True)
        secret = rules.secret(node)
        if secret:
            if not (differs or kept or self.value(node.func.value).of):  # type: ignore[attr-defined]
                self.walk.report(self.module, node, rules.SECRET, self.through, hint=not secret.sure)
            return Value(differs)
        return None

    def _drop(self, node: ast.expr) -> None:
        """Remove the finding of a session that only makes this client: one finding for `Session().client(…)`."""
        key = (name_of(self.module.source.path), node.lineno, node.col_offset, rules.SESSION)
        if isinstance(node, ast.Call):
            self.walk.findings.pop(key, None)


def _last(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _uncached(function: Function) -> Function:
    """Return a method as that of an instance that is made in each call: its caches are as new as the instance."""
    return replace(function, fresh=True)
