"""`@patch`: one correction of MiniStack, compared with its target before anything is changed.

    @patch("ministack.services.ec2", "_ACTION_MAP[ReleaseAddress]", because="MiniStack releases an address in use.")
    def release_address(original: Handler, p: Params) -> Answer: ...

The target is a name in a module, a method (`Worker.invoke`) or an entry of a table (`_ACTION_MAP[ReleaseAddress]`). The
function has the target's parameters, by name, and relies on them. `*rest` and `**more` stand for any that follow. A
first parameter `original` receives the replaced function. A target that is not callable (a table, a constant) is
replaced by what the function returns for it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Original = Callable[..., Any]


class PatchError(Exception):
    """MiniStack differs from what the corrections were written for. The message names each target that differs."""


@dataclasses.dataclass(frozen=True)
class Patch:
    """One correction: `function` in place of `name` in `module`. `upstream`: the discussion in MiniStack's project."""

    module: str
    name: str
    function: Callable[..., Any]
    because: str
    upstream: str

    @property
    def target(self) -> str:
        """Return the full name of what is replaced."""
        return f"{self.module}.{self.name}"

    @property
    def takes(self) -> tuple[str, ...]:
        """Return the parameters of the target that the function relies on."""
        return tuple(name for name in parameters(self.function) if name != "original")

    def holder(self) -> tuple[Any, str]:
        """Return the module, class or table that holds the target, and the target's name there."""
        path, _, key = self.name.rstrip("]").partition("[")
        steps = [*path.split("."), *([key] if key else [])]
        return functools.reduce(_get, steps[:-1], import_module(self.module)), steps[-1]

    def problem(self) -> str:
        """Return why the target is not what the function expects, or an empty string."""
        try:
            found = _get(*self.holder())
        except (ImportError, AttributeError, KeyError):
            return f"{self.target} no longer exists"
        if not callable(found):
            return ""
        has, named = parameters(found), [name for name in self.takes if not name.startswith("*")]
        if has != self.takes and (len(named) == len(self.takes) or list(has[: len(named)]) != named):
            return f"{self.target} changed: expected ({', '.join(self.takes)}), found ({', '.join(has)})"
        if inspect.iscoroutinefunction(found) != inspect.iscoroutinefunction(self.function):
            return f"{self.target} changed: it or its correction is async, the other is not"
        return ""

    def apply(self) -> None:
        """Put the function in place of its target."""
        holder, name = self.holder()
        found, function = _get(holder, name), self.function
        new: Any = function
        if not callable(found):
            new = function(found)
        elif parameters(function)[:1] == ("original",):  # no functools.partial: a method must get its instance
            new = functools.wraps(found)(lambda *args, **more: function(found, *args, **more))
        if isinstance(holder, dict):
            holder[name] = new
        else:
            setattr(holder, name, new)


def parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters, with the stars of variadic ones."""
    return tuple(
        {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "") + name  # type: ignore[call-overload]
        for name, one in inspect.signature(function).parameters.items()
    )


def _get(holder: Any, name: str) -> Any:
    return holder[name] if isinstance(holder, dict) else getattr(holder, name)


class Registry:
    """The corrections that modules have declared."""

    def __init__(self) -> None:
        self._declared: list[Patch] = []

    def patch(self, module: str, name: str, *, because: str, upstream: str = "") -> Callable[[F], F]:
        """Declare a function as the correction of `name` in `module`."""

        def declare(function: F) -> F:
            self._declared.append(Patch(module, name, function, because, upstream))
            return function

        return declare

    def of(self, modules: Iterable[str]) -> list[Patch]:
        """Import the modules. Return their corrections in the order of the modules, then of their lines."""
        names = [import_module(module).__name__ for module in modules]
        return [one for name in names for one in self._declared if one.function.__module__ == name]

    def apply(self, modules: Iterable[str]) -> None:
        """Apply the modules' corrections; of two with one target the later wraps the earlier. Raise PatchError."""
        patches = self.of(modules)
        if problems := [problem for one in patches if (problem := one.problem())]:
            raise PatchError("MiniStack has changed:\n" + "\n".join(problems))
        for one in patches:
            one.apply()


registry = Registry()
patch = registry.patch
