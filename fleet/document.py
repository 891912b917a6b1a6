"""Read a YAML file so that every value and every problem has a line and a column.

The scalars are those of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema) without octal and
hexadecimal numbers: `no` is text, `011111111111` is text, `12:30:45` and dates are text. Equal keys, aliases, tags and
several documents are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml  # type: ignore[import-untyped]

Path = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

_INTEGER = r"[-+]?(?:0|[1-9][0-9]*)"
_SCALARS: tuple[tuple[str, Callable[[str], Any]], ...] = (
    (r"~|null|Null|NULL|", lambda _: None),
    (r"true|True|TRUE|false|False|FALSE", lambda text: text.lower() == "true"),
    (_INTEGER, int),
    (rf"(?:{_INTEGER}(?:\.[0-9]*)?|[-+]?\.[0-9]+)(?:[eE][-+]?[0-9]+)?", float),
)
_MAXIMUM_DEPTH = 50
_MAXIMUM_NUMBER = 2**53 - 1


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong, and where. Lines and columns begin with 1."""

    line: int
    column: int
    text: str


class ProblemsError(Exception):
    """A file that cannot be used: all its problems, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(f"{p.line}:{p.column}: {p.text}" for p in self.problems))


@dataclass(frozen=True)
class Scalar:
    """A scalar as written."""

    text: str
    quoted: bool


@dataclass(frozen=True)
class Document:
    """The content of a file, the position of each value and of each key, and the scalars as written."""

    content: Any
    positions: dict[Path, tuple[int, int]]
    scalars: dict[Path, Scalar]

    def problem(self, path: Path, text: str) -> Problem:
        """Return a problem at a value, or at the nearest one around it that the file has."""
        while path not in self.positions:
            path = path[:-1]
        return Problem(*self.positions[path], text)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Composes nodes; the scalars' own rules are not YAML 1.1's."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases: an error in one place would have two positions, and nested ones grow without bound.

        Refuse what is nested too deeply here already: the time to read it grows with the square of the depth.
        """
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, f"*{event.anchor} is an alias. Use defaults or a group instead", event.start_mark
            )
        if self._depth > _MAXIMUM_DEPTH:
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "is nested too deeply", mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def read(text: str) -> Document:
    """Return the document. Raise ProblemsError."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = str(error.problem or error.context or "is not YAML")
        raise ProblemsError([Problem(line, column, f"{reason}.")]) from None
    except yaml.YAMLError as error:
        raise ProblemsError([Problem(1, 1, f"is not YAML: {error}.")]) from None
    if node is None:
        raise ProblemsError([Problem(1, 1, "is empty.")])
    document = Document({}, {}, {})
    problems: list[Problem] = []
    content = _value(node, (), document, problems)
    if problems:
        raise ProblemsError(problems)
    return Document(content, document.positions, document.scalars)


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _value(node: yaml.Node, path: Path, document: Document, problems: list[Problem]) -> Any:
    document.positions[path] = _position(node)
    if isinstance(node, yaml.MappingNode):
        pairs = list(_pairs(node, problems))
        return {key: _value(value, (*path, key), document, problems) for key, value in pairs}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, number), document, problems) for number, item in enumerate(node.value)]
    document.scalars[path] = Scalar(node.value, quoted=node.style is not None)
    try:
        return _scalar(node)
    except ValueError as error:
        problems.append(Problem(*_position(node), str(error)))
        return None


def _pairs(node: yaml.MappingNode, problems: list[Problem]) -> Iterator[tuple[str, yaml.Node]]:
    """Yield the keys and values of a mapping. Keys are text, whatever they look like."""
    first: dict[str, int] = {}
    for key, value in node.value:
        line, column = _position(key)
        if not isinstance(key, yaml.ScalarNode):
            problems.append(Problem(line, column, "A key must be text."))
        elif key.value in first:
            problems.append(Problem(line, column, f"{key.value} is in line {first[key.value]} already."))
        else:
            first[key.value] = line
            yield key.value, value


def _scalar(node: yaml.ScalarNode) -> Any:
    """Return the value of a scalar. Raise ValueError."""
    text = str(node.value)
    if node.tag not in ("!", "tag:yaml.org,2002:str"):  # the loader takes every scalar without a tag for text
        raise ValueError(f"{node.tag} is a tag, and tags are not supported.")
    if not text.isprintable() and re.search(r"[\ud800-\udfff]", text):
        raise ValueError("has half of a surrogate pair, which is no character.")
    kinds = _SCALARS if node.style is None else ()
    for form, convert in kinds:
        if re.fullmatch(form, text):
            return _number(convert, text)
    return text


def _number(convert: Callable[[str], Any], text: str) -> Any:
    try:
        value = convert(text)
    except ValueError:  # Python converts at most 4,300 digits
        value = math.inf
    if (
        value is not None and abs(value) > _MAXIMUM_NUMBER
    ):  # Terraform and JSON readers keep no more digits than a double has
        raise ValueError(f"{text[:20]} is too large a number. Write it as text, in quotation marks.")
    return value
