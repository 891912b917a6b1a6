"""Hybrid search finds better than words or meaning alone: nDCG on judged queries, with the real small model."""

from __future__ import annotations

import math

import pytest

from bench.data_hybrid_search import FOUND, JUDGED, ndcg

from .world import World


def mean(world: World, mode: str) -> float:
    """Return the mean of all judged queries in one mode, with the module's default weights."""
    found = [
        ndcg([hit["id"] for hit in world.search(text, mode=mode, size=FOUND)["hits"]], judged)
        for text, judged in JUDGED.items()
    ]
    return sum(found) / len(found)


def test_hybrid_is_above_both(catalogue: World) -> None:
    lexical, vector, hybrid = (mean(catalogue, mode) for mode in ("lexical", "vector", "hybrid"))
    assert hybrid > vector > lexical > 0.5


@pytest.mark.parametrize(
    ("ids", "value"),
    [(["a", "b"], 1.0), (["x", "y"], 0.0), ([], 0.0), (["b", "a"], (1 + 7 / math.log2(3)) / (7 + 1 / math.log2(3)))],
)
def test_ndcg(ids: list[str], value: float) -> None:
    assert ndcg(ids, {"a": 3, "b": 1}) == pytest.approx(value)
