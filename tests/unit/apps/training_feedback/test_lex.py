"""Messages within Lex's limits, and levels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.training_feedback import levels, lex
from apps.training_feedback.texts import TEXTS, say

LEVELS = ["beginner", "intermediate", "advanced"]


def test_long_material_is_split_between_words() -> None:
    text = "\n".join(["Turn the knob to choose a parameter. " * 20] * 4)
    found = lex.fit([text])
    assert " ".join(found).split() == text.split()
    assert max(map(len, found)) <= lex.MAXIMUM_CHARACTERS


def test_too_much_is_cut_with_an_ellipsis() -> None:
    found = lex.fit(["word " * 3000, "never said"])
    assert len(found) == lex.MAXIMUM_MESSAGES
    assert found[-1].endswith("…")
    assert lex.fit(["", " "]) == []


@given(st.lists(st.text(max_size=3000), max_size=7))
@settings(max_examples=60)
def test_every_message_fits(texts: list[str]) -> None:
    found = lex.fit(texts)
    assert len(found) <= lex.MAXIMUM_MESSAGES
    assert all(0 < len(one) <= lex.MAXIMUM_CHARACTERS for one in found)


@pytest.mark.parametrize(
    ("level", "difficulty", "following"),
    [
        ("beginner", "too easy", "intermediate"),
        ("beginner", "too hard", "beginner"),
        ("intermediate", "just right", "intermediate"),
        ("advanced", "too easy", "advanced"),
        ("advanced", "too hard", "intermediate"),
        ("advanced", "purple", "advanced"),
        ("a level that was removed", "too easy", "beginner"),
    ],
)
def test_feedback_moves_by_one_level(level: str, difficulty: str, following: str) -> None:
    assert levels.following(LEVELS, level, difficulty) == following


@pytest.mark.parametrize(
    ("available", "wanted", "found"),
    [
        ({"beginner", "advanced"}, "intermediate", "beginner"),
        ({"advanced"}, "beginner", "advanced"),
        ({"other"}, "beginner", None),
        ({"intermediate"}, "a level that was removed", "intermediate"),
        (set(), "beginner", None),
    ],
)
def test_the_nearest_level(available: set[str], wanted: str, found: str | None) -> None:
    assert levels.nearest(LEVELS, available, wanted) == found


def test_every_language_has_every_sentence() -> None:
    names = ["topic", "topics", "level", "levels", "wanted"]
    for language, sentences in TEXTS.items():
        assert sentences.keys() == TEXTS["en"].keys()
        for name in sentences:
            assert len(say(language, name, **dict.fromkeys(names, "x" * 100))) <= lex.MAXIMUM_CHARACTERS
    assert say("en", "unknown_topic", topic="{topics} %s", topics="a") == (
        "I have no training on “{topics} %s”. You can learn about: a."
    )
