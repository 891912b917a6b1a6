"""One index: its documents, BM25 of its text fields, vectors, and filters."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

from .errors import Refused, invalid

# Lucene's English stop words: EnglishAnalyzer.ENGLISH_STOP_WORDS_SET.
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    ]
)
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
K1, B = 1.2, 0.75  # Lucene's
TEXT, KEYWORD, VECTOR = "text", "keyword", "knn_vector"
NUMBERS = ("integer", "long", "float", "double")


class Index:
    """The mapping and the documents of one index, in the order of their first indexing."""

    def __init__(self, name: str, settings: dict[str, Any], mappings: dict[str, Any]) -> None:
        self.name, self.settings, self.mappings = name, settings, mappings
        self.documents: dict[str, dict[str, Any]] = {}
        self._ranked: dict[str, tuple[list[str], Any]] = {}

    def field(self, name: str) -> dict[str, Any]:
        """Return the mapping of a field, {} for an unmapped one."""
        return dict((self.mappings.get("properties") or {}).get(name) or {})

    def put(self, key: str, document: dict[str, Any]) -> bool:
        """Index a document. Return true if it is new. Raise Refused if it does not fit the mapping."""
        for name, value in document.items():
            self._check(name, value)
        new = key not in self.documents
        self.documents[key] = document
        self._ranked.clear()
        return new

    def remove(self, key: str) -> bool:
        """Delete a document. Return false if there is none."""
        self._ranked.clear()
        return self.documents.pop(key, None) is not None

    def _check(self, name: str, value: Any) -> None:
        mapped = self.field(name)
        if not mapped and self.mappings.get("dynamic") == "strict":
            reason = f"mapping set to strict, dynamic introduction of [{name}] within [_doc] is not allowed"
            raise Refused(400, "strict_dynamic_mapping_exception", reason)
        if mapped.get("type") == VECTOR and len(value) != mapped["dimension"]:
            reason = f"Vector dimension mismatch. Expected: {mapped['dimension']}, Given: {len(value)}"
            raise Refused(400, "mapper_parsing_exception", f"failed to parse field [{name}]: {reason}")
        wrong = mapped.get("type") in NUMBERS and not _number(value)
        if wrong or (mapped.get("type") == "boolean" and value not in (True, False, "true", "false", "")):
            reason = f"failed to parse field [{name}] of type [{mapped['type']}]"
            raise Refused(400, "mapper_parsing_exception", reason)

    def terms(self, field: str, text: str) -> list[str]:
        """Return the terms of a text, by the field's analyzer: standard, or English with stems."""
        words = [word.lower() for word in _WORD.findall(text)]
        if self.field(field).get("analyzer") != "english":
            return words
        stem = _stemmer()
        possessives = (re.sub(r"['\u2019]s$", "", word) for word in words)
        return [stem(word) for word in possessives if word not in STOP_WORDS]

    def match(self, field: str, text: str, every: bool = False) -> dict[str, float]:
        """Return BM25 scores of the documents that have a term of the text, or every one."""
        wanted = self.terms(field, text)
        if not wanted:
            return {}
        keys, ranker = self._ranker(field)
        if not keys:
            return {}
        known = [term for term in wanted if term in ranker.vocab_dict]
        if not known or (every and len(known) < len(wanted)):
            return {}
        scores = dict(zip(keys, map(float, ranker.get_scores(known)), strict=True))
        found = {key: score for key, score in scores.items() if score > 0}
        if every:
            found = {
                key: s for key, s in found.items() if set(wanted) <= set(self.terms(field, self._text(key, field)))
            }
        return found

    def _text(self, key: str, field: str) -> str:
        return str(self.documents[key].get(field) or "")

    def _ranker(self, field: str) -> tuple[list[str], Any]:
        """Return the documents that have terms in a field, and their BM25, until the next document comes."""
        if field not in self._ranked:
            import bm25s

            corpus = {key: self.terms(field, self._text(key, field)) for key in self.documents}
            corpus = {key: terms for key, terms in corpus.items() if terms}
            ranker = bm25s.BM25(method="lucene", k1=K1, b=B)
            if corpus:
                ranker.index(list(corpus.values()), show_progress=False)
            self._ranked[field] = list(corpus), ranker
        return self._ranked[field]

    def nearest(self, field: str, vector: list[float], among: Iterable[str] | None) -> dict[str, float]:
        """Return the scores of all documents with a vector, the nearest first; of some if `among` is given."""
        import numpy

        mapped = self.field(field)
        if mapped.get("type") != VECTOR:
            raise invalid(f"Field '{field}' is not knn_vector type.")
        if len(vector) != mapped["dimension"]:
            raise invalid(
                f"Query vector has invalid dimension: {len(vector)}. Dimension should be: {mapped['dimension']}"
            )
        chosen = self.documents if among is None else among
        keys = [key for key in chosen if self.documents[key].get(field)]
        if not keys:
            return {}
        matrix = numpy.array([self.documents[key][field] for key in keys], dtype="float32")
        query = numpy.array(vector, dtype="float32")
        space = (mapped.get("method") or {}).get("space_type", "l2")
        if space == "l2":
            scores = 1 / (1 + ((matrix - query) ** 2).sum(axis=1))
        elif space == "cosinesimil":
            norms = numpy.linalg.norm(matrix, axis=1) * numpy.linalg.norm(query)
            scores = (1 + matrix @ query / numpy.where(norms == 0, 1, norms)) / 2
        else:
            raise invalid(f"The local cloud does not implement the space type {space}.")
        return dict(sorted(zip(keys, map(float, scores), strict=True), key=lambda one: -one[1]))

    def having(self, field: str, values: list[Any]) -> set[str]:
        """Return the documents with one of these values in a field."""
        if not self.field(field):
            return set()
        if self.field(field)["type"] == TEXT:
            wanted = {str(value).lower() for value in values}
            return {key for key in self.documents if wanted & set(self.terms(field, self._text(key, field)))}
        accepted = {_comparable(value) for value in values}
        return {
            key
            for key, document in self.documents.items()
            if accepted & {_comparable(value) for value in _many(document.get(field))}
        }

    def between(self, field: str, limits: dict[str, Any]) -> set[str]:
        """Return the documents with a value within `gt`, `gte`, `lt` and `lte`."""
        if unknown := set(limits) - set(_LIMITS):
            raise unparsable_range(unknown)
        return {
            key
            for key, document in self.documents.items()
            if any(
                all(_LIMITS[name](value, limit) for name, limit in limits.items())
                for value in _many(document.get(field))
            )
        }


def unparsable_range(names: set[str]) -> Refused:
    """Return the refusal of a range with unknown limits."""
    return Refused(400, "parsing_exception", f"[range] query does not support {sorted(names)}")


_LIMITS = {
    "gt": lambda value, limit: value > limit,
    "gte": lambda value, limit: value >= limit,
    "lt": lambda value, limit: value < limit,
    "lte": lambda value, limit: value <= limit,
}


def _many(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _comparable(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return value is None
    return True


@functools.cache
def _stemmer() -> Any:
    """Return the function that Lucene's English analyzer ends with."""
    import snowballstemmer

    return snowballstemmer.stemmer("porter").stemWord
