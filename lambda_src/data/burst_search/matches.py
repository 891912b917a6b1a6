"""Matches: what a search finds in an object, as it is stored and sorted. Nothing here calls AWS."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

PLACES = 9
"""Decimal places of a score. DynamoDB refuses binary fractions, and `Decimal(0.1)` is one with 55 digits."""
LARGEST = 1e100
MAX_BYTES = 8192
"""Most bytes of one match."""
MAX_OF_OBJECT = 1000
"""Most matches of one object."""


class BadMatch(Exception):
    """A plug-in returned something that is not a match. The object becomes a failed row with this reason."""


@dataclass(frozen=True)
class Match:
    """One match: the higher the score, the better. `detail` is JSON; `position` counts the matches of one object."""

    key: str
    position: int
    score: Decimal
    detail: Any

    @classmethod
    def of(cls, key: str, position: int, found: Any) -> "Match":
        """Read (score, detail) as a plug-in returns it. Raise BadMatch."""
        try:
            score, detail = found
            text = json.dumps(detail, allow_nan=False, sort_keys=True)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadMatch(f"A match must be (score, detail), with a detail that is JSON: {error}.") from None
        if len(text) > MAX_BYTES:
            raise BadMatch(f"The detail of a match must be at most {MAX_BYTES:,} bytes.")
        return cls(key, position, canonical(score), json.loads(text))

    def order(self) -> tuple[Decimal, bytes, int]:
        """Return its place in a result: the best first, equal scores by key (as S3 lists keys) and position."""
        return -self.score, self.key.encode(), self.position

    def stored(self) -> dict[str, Any]:
        """Return it as DynamoDB keeps it."""
        return {"k": self.key, "p": self.position, "s": self.score, "d": json.dumps(self.detail, sort_keys=True)}

    @classmethod
    def load(cls, value: dict[str, Any]) -> "Match":
        """Return it from `stored`."""
        return cls(value["k"], int(value["p"]), value["s"], json.loads(value["d"]))

    def shown(self) -> dict[str, Any]:
        """Return it as users read it."""
        return {"key": self.key, "score": float(self.score), "detail": self.detail}

    def size(self) -> int:
        """Return about how many bytes it takes in DynamoDB, and at most."""
        return len(self.key.encode()) + len(json.dumps(self.detail)) + 64


def canonical(score: Any) -> Decimal:
    """Return a score as it is stored, rounded to `PLACES`. Raise BadMatch for what is not a finite number."""
    if isinstance(score, bool) or not isinstance(score, (int, float, Decimal)):
        raise BadMatch(f"A score must be a number, not {type(score).__name__}.")
    try:
        number = float(score)
    except (OverflowError, ValueError):
        number = math.inf
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise BadMatch(f"A score must be a finite number up to {LARGEST:g}.")
    return Decimal(str(round(number, PLACES) + 0.0))


def read(key: str, found: Any) -> list[Match]:
    """Return the matches of one object. Raise BadMatch."""
    matches = [Match.of(key, position, one) for position, one in enumerate(_limited(found))]
    return sorted(matches, key=Match.order)


def _limited(found: Any) -> Iterator[Any]:
    if found is None:
        return
    if not isinstance(found, Iterable) or isinstance(found, (str, bytes, dict)):
        raise BadMatch("A search must return a list of (score, detail).")
    for number, one in enumerate(found):
        if number >= MAX_OF_OBJECT:
            raise BadMatch(f"An object has more than {MAX_OF_OBJECT:,} matches.")
        yield one


def chunks(values: Iterable[tuple[dict[str, Any], int]], most: int = 300_000) -> list[list[dict[str, Any]]]:
    """Divide stored values with their sizes into items of DynamoDB, which have at most 400 KB."""
    made: list[list[dict[str, Any]]] = []
    size = 0
    for value, bytes_ in values:
        if not made or size + bytes_ > most:
            made.append([])
            size = 0
        made[-1].append(value)
        size += bytes_
    return made
