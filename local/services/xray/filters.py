"""Filter expressions: `annotation.PaymentStatus = "FAILED" AND responsetime > 5`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

Trace = dict[str, Any]
"""`annotations`, `services`, `fault`, `error`, `throttle` and `responsetime` of a trace."""
Test = Callable[[Trace], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<compare>>=|<=|!=|=|<|>)|(?P<bracket>[()])"""
    r"""|(?P<annotation>annotation\.[A-Za-z0-9_.]+|annotation\[[^\]]+\])|(?P<word>[A-Za-z]+))"""
)
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FLAGS = ("fault", "error", "throttle")
KEY = re.compile(r"[A-Za-z0-9_]+")


class FilterError(Exception):
    """An expression that X-Ray, or this parser, does not understand."""


def parse(expression: str) -> Test:
    """Return the test of an expression. Raise FilterError."""
    parser = _Parser(list(_tokens(expression)))
    test = parser.alternatives()
    if parser.rest:
        raise FilterError(f"Invalid filter expression: unexpected {parser.rest[0][1]!r}")
    return test


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    at, text = 0, expression.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise FilterError(f"Invalid filter expression at character {at}")
        yield str(found.lastgroup), str(found[str(found.lastgroup)])
        at = found.end()


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.rest = tokens

    def _next(self, kind: str = "", value: str = "") -> str:
        if not self.rest or (kind and self.rest[0][0] != kind) or (value and self.rest[0][1] != value):
            raise FilterError(f"Invalid filter expression: {value or kind or 'a condition'} is missing")
        return self.rest.pop(0)[1]

    def _is(self, *words: str) -> bool:
        return bool(self.rest) and self.rest[0][0] in ("word", "bracket") and self.rest[0][1].upper() in words

    def alternatives(self) -> Test:
        tests = [self.all_of()]
        while self._is("OR"):
            self._next()
            tests.append(self.all_of())
        return lambda trace: any(test(trace) for test in tests)

    def all_of(self) -> Test:
        tests = [self.one()]
        while self._is("AND"):
            self._next()
            tests.append(self.one())
        return lambda trace: all(test(trace) for test in tests)

    def one(self) -> Test:
        if self._is("NOT", "!"):
            self._next()
            inner = self.one()
            return lambda trace: not inner(trace)
        if self._is("("):
            self._next()
            inner = self.alternatives()
            self._next("bracket", ")")
            return inner
        return self.condition()

    def condition(self) -> Test:
        kind, word = self.rest[0] if self.rest else ("", "")
        self._next()
        if kind == "annotation":
            return self._annotation(word)
        if kind == "word" and word.lower() == "service":
            self._next("bracket", "(")
            name = self._next("text").strip('"')
            self._next("bracket", ")")
            return lambda trace: name in trace["services"]
        if kind == "word" and word.lower() in _FLAGS:
            wanted = True
            if self.rest and self.rest[0] == ("compare", "="):
                self._next()
                wanted = self._next("word").lower() == "true"
            return lambda trace: bool(trace[word.lower()]) is wanted
        if kind == "word" and word.lower() in ("responsetime", "duration"):
            compare, number = _COMPARED[self._next("compare")], float(self._next("number"))
            return lambda trace: compare(trace["responsetime"], number)
        raise FilterError(f"Invalid filter expression: {word!r} is no keyword that is supported here")

    def _annotation(self, word: str) -> Test:
        key = word[len("annotation.") :] if word[len("annotation")] == "." else word[len("annotation[") : -1]
        if not KEY.fullmatch(key):
            raise FilterError(f"Invalid filter expression: an annotation's key has letters, digits and _ only: {key!r}")
        if not self.rest or self.rest[0][0] != "compare":
            return lambda trace: key in trace["annotations"]
        compare, (kind, value) = _COMPARED[self._next("compare")], self.rest[0]
        self._next()
        wanted: Any = {"text": value.strip('"'), "number": value, "word": value.lower() == "true"}.get(kind)
        if kind == "number":
            wanted = float(value)

        def test(trace: Trace) -> bool:
            found = trace["annotations"].get(key, [])
            return any(type(one) in (type(wanted), int) and compare(one, wanted) for one in found)

        return test
