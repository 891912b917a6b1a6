"""Normalisation and combination of scores, as OpenSearch's normalization processor computes them.

https://docs.opensearch.org/docs/latest/search-plugins/search-pipelines/normalization-processor/ and the techniques in
https://github.com/opensearch-project/neural-search/tree/main/src/main/java/org/opensearch/neuralsearch/processor
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .errors import invalid

LOWEST = 0.001
"""min_max gives it to the lowest hit: 0 would mean that the sub-query did not find the document."""

Technique = Callable[[Sequence[float]], list[float]]


def min_max(scores: Sequence[float]) -> list[float]:
    """Return scores between LOWEST and 1. A single score, and scores that are all equal, become 1."""
    if not scores:
        return []
    low, high = min(scores), max(scores)
    if low == high:
        return [1.0] * len(scores)
    return [(score - low) / (high - low) or LOWEST for score in scores]


def l2(scores: Sequence[float]) -> list[float]:
    """Return scores divided by their Euclidean norm; zeros if all are zero."""
    norm = math.sqrt(math.fsum(score * score for score in scores))
    return [score / norm if norm else 0.0 for score in scores]


def arithmetic_mean(scores: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted mean. A score of 0 (not found by a sub-query) counts."""
    total = sum(weights)
    return sum(score * weight for score, weight in zip(scores, weights, strict=True)) / total if total else 0.0


def geometric_mean(scores: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted geometric mean of the scores above 0."""
    found = _positive(scores, weights)
    total = sum(weight for _, weight in found)
    return math.exp(sum(weight * math.log(score) for score, weight in found) / total) if total else 0.0


def harmonic_mean(scores: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted harmonic mean of the scores above 0."""
    found = _positive(scores, weights)
    inverse = sum(weight / score for score, weight in found)
    return sum(weight for _, weight in found) / inverse if inverse else 0.0


def _positive(scores: Sequence[float], weights: Sequence[float]) -> list[tuple[float, float]]:
    return [(score, weight) for score, weight in zip(scores, weights, strict=True) if score > 0]


NORMALIZATIONS: dict[str, Technique] = {"min_max": min_max, "l2": l2}
COMBINATIONS = {"arithmetic_mean": arithmetic_mean, "geometric_mean": geometric_mean, "harmonic_mean": harmonic_mean}


class Normalization:
    """A normalization processor. Raise Refused for settings that OpenSearch refuses."""

    def __init__(self, settings: dict[str, Any]) -> None:
        normalization, combination = settings.get("normalization") or {}, settings.get("combination") or {}
        self.technique = normalization.get("technique", "min_max")
        self.combination = combination.get("technique", "arithmetic_mean")
        if self.technique not in NORMALIZATIONS:
            raise invalid("provided normalization technique is not supported. supported techniques are [l2, min_max]")
        if self.combination not in COMBINATIONS:
            names = ", ".join(sorted(COMBINATIONS))
            raise invalid(f"provided combination technique is not supported. supported techniques are [{names}]")
        self.weights = [float(weight) for weight in (combination.get("parameters") or {}).get("weights", [])]
        if not all(0.0 <= weight <= 1.0 for weight in self.weights):
            raise invalid(f"all weights must be in range [0.0 ... 1.0], submitted weights: {self.weights}")
        if self.weights and abs(sum(self.weights) - 1.0) > 0.01:
            raise invalid(f"sum of weights for combination must be equal to 1.0, submitted weights: {self.weights}")

    def combine(self, found: Sequence[dict[str, float]]) -> dict[str, float]:
        """Return each document's combined score, from the raw scores of each sub-query."""
        if self.weights and len(self.weights) != len(found):
            raise invalid(
                f"number of weights [{len(self.weights)}] must match number of sub-queries [{len(found)}] "
                "in hybrid query"
            )
        weights = self.weights or [1.0] * len(found)
        normal = [
            dict(zip(scores, NORMALIZATIONS[self.technique](list(scores.values())), strict=True)) for scores in found
        ]
        documents = {document: None for scores in found for document in scores}
        combine = COMBINATIONS[self.combination]
        return {document: combine([scores.get(document, 0.0) for scores in normal], weights) for document in documents}
