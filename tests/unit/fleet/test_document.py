"""The file is read by YAML 1.2's core schema, and every problem has a position."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.document import Problem, ProblemsError, read


def problems(text: str) -> list[Problem]:
    with pytest.raises(ProblemsError) as raised:
        read(text)
    return raised.value.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("011111111111", "011111111111"),
        ("012345678901", "012345678901"),
        ("111122223333", 111122223333),
        ('"111122223333"', "111122223333"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        ("True", True),
        ("false", False),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-11-28", "2026-11-28"),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        (".5", 0.5),
        ("1.", 1.0),
        ("-3", -3),
        ("1e5", 100000.0),
        ("1e", "1e"),
        (".", "."),
        (".inf", ".inf"),
        ("~", None),
        ("", None),
        ("null", None),
        ("'null'", "null"),
        ("=", "="),
    ],
)
def test_scalars_do_not_change_kind(text: str, value: Any) -> None:
    found = read(f"a: {text}\n").content["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text() -> None:
    assert read("1: a\nno: b\n~: c\n<<: d\n").content == {"1": "a", "no": "b", "~": "c", "<<": "d"}


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, 3, "c is in line 3 already"),
        ("a: &x [1]\nb: *x\n", 2, 4, r"\*x is an alias"),
        ("a: !!int '3'\n", 1, 4, "is a tag"),
        ("a: !secret x\n", 1, 4, "is a tag"),
        ("? [a]\n: 1\n", 1, 3, "key must be text"),
        ("a: 1\n---\nb: 2\n", 2, 1, "another document"),
        ("a: [1\nb: 2\n", 2, 2, r"expected ',' or '\]'"),
        ("a: b: c\n", 1, 5, "mapping values are not allowed"),
        ("", 1, 1, "is empty"),
        ("# nothing\n", 1, 1, "is empty"),
        ("a: 9007199254740992\n", 1, 4, "too large a number"),
        (f"a: {'9' * 5000}\n", 1, 4, "too large a number"),
        ("a: 1e999\n", 1, 4, "too large a number"),
        ('a: "\\ud800"\n', 1, 4, "surrogate"),
        ("a: \x07\n", 1, 1, "not YAML|special characters"),
        ("[" * 5000, 1, 52, "nested too deeply"),
        ("{a: " * 51 + "1" + "}" * 51, 1, 202, "nested too deeply"),
    ],
)
def test_problems_have_a_position(text: str, line: int, column: int, said: str) -> None:
    first = problems(text)[0]
    assert (first.line, first.column) == (line, column)
    with pytest.raises(ProblemsError, match=said):
        read(text)


def test_fifty_levels_are_not_too_deep() -> None:
    content = read("{a: " * 50 + "1" + "}" * 50).content
    for _ in range(50):
        content = content["a"]
    assert content == 1


def test_all_problems_are_found_at_once() -> None:
    assert [p.line for p in problems("a: !x 1\na: 2\nb: 1e999\n")] == [1, 2, 3]


def test_a_problem_without_a_place_of_its_own_is_at_what_surrounds_it() -> None:
    document = read("a:\n  b: 1\n")
    assert document.problem(("a", "c", "d"), "x").line == 2
    assert document.problem(("z",), "x").line == 1


# What YAML counts as printable (https://yaml.org/spec/1.2.2/#51-character-set).
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\u2028\u2029"), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXT, JSON, max_size=5))
def test_json_is_read_as_it_is(value: Any) -> None:
    assert read(json.dumps(value, ensure_ascii=False)).content == value


@given(st.text(max_size=60))
def test_any_text_is_a_document_or_has_problems(text: str) -> None:
    with contextlib.suppress(ProblemsError):
        read(text)
