"""Levels of difficulty, from the easiest to the hardest, and how feedback moves a learner between them."""

from collections.abc import Collection, Sequence

TOO_EASY, JUST_RIGHT, TOO_HARD = "too easy", "just right", "too hard"
_STEPS = {TOO_EASY: 1, JUST_RIGHT: 0, TOO_HARD: -1}


def following(levels: Sequence[str], level: str, difficulty: str) -> str:
    """Return the level after feedback on material of `level`.

    It follows from that level alone: feedback that arrives twice has the same effect as once.
    """
    if level not in levels:
        return levels[0]
    at = levels.index(level) + _STEPS.get(difficulty, 0)
    return levels[min(max(at, 0), len(levels) - 1)]


def nearest(levels: Sequence[str], available: Collection[str], wanted: str) -> str | None:
    """Return the available level that is nearest to the wanted one, the easier of two; None if there is none."""
    at = levels.index(wanted) if wanted in levels else 0
    known = [level for level in levels if level in available]
    return min(known, key=lambda level: (abs(levels.index(level) - at), levels.index(level)), default=None)
