"""Spans and parts of texts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.training_feedback.redact import Span, head, parts, replace


def test_spans_that_overlap_are_one() -> None:
    text = "Ann Miller, 54, at ann@example.org"
    spans = [Span(19, 34, "EMAIL"), Span(0, 3, "NAME"), Span(0, 10, "NAME"), Span(4, 15, "AGE"), Span(19, 22, "NAME")]
    assert replace(text, spans) == ("[NAME] at [EMAIL]", 2)
    assert replace("ab", [Span(0, 1, "A"), Span(1, 2, "B")]) == ("[A][B]", 2)
    assert replace(text, []) == (text, 0)


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6))
@settings(max_examples=80)
def test_no_character_of_a_span_remains(text: str, places: list[tuple[int, int]]) -> None:
    spans = [Span(min(pair), max(pair), "X") for pair in places if min(pair) < max(pair) <= len(text)]
    covered = {at for span in spans for at in range(span.begin, span.end)}
    kept = "".join(character for at, character in enumerate(text) if at not in covered)
    found, number = replace(text, spans)
    assert found.count("[X]") >= number
    assert len(found) == len(kept) + 3 * number


@given(st.text(alphabet="ab é😀", max_size=60), st.integers(4, 20))
@settings(max_examples=80)
def test_parts_are_the_whole_text_and_fit(text: str, limit: int) -> None:
    found = list(parts(text, limit))
    assert "".join(part for _, part in found) == text
    assert all(text[at : at + len(part)] == part and 0 < len(part.encode()) <= limit for at, part in found)


def test_parts_end_between_words() -> None:
    assert list(parts("one two three", 8)) == [(0, "one two "), (8, "three")]
    assert head("aé", 2) == "a"
