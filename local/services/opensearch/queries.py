"""Queries: what documents they find with which scores, and the parts of a search around them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .errors import invalid, unparsable
from .index import Index
from .scores import Normalization

Json = dict[str, Any]
Scores = dict[str, float]
Embed = Callable[[str, str], list[float]]
"""(model, text) -> embedding."""

START_STOP, DELIMITER = -9549511920.4881596047, -4422440593.9791198149
"""Scores of the marker entries of a hybrid query's raw result. (HybridQueryScoreDocElement of neural-search)"""


class Search:
    """One search of an index."""

    def __init__(self, index: Index, embed: Embed) -> None:
        self.index, self.embed = index, embed

    def scores(self, query: Json) -> Scores:
        """Return the scores of the documents that a query finds. Raise Refused."""
        if len(query) != 1:
            raise unparsable("[query] malformed: expected one type of query")
        ((kind, body),) = query.items()
        if kind == "hybrid":
            raise invalid("hybrid query must be a top level query and cannot be wrapped into other queries")
        if kind not in _KINDS:
            raise unparsable(f"unknown query [{kind}]")
        return _KINDS[kind](self, body)

    def raw(self, hybrid: Json, size: int, start: int) -> list[Scores]:
        """Return the scores of each sub-query of a hybrid query, as many as each keeps, the best first."""
        if unknown := set(hybrid) - {"queries", "pagination_depth", "filter"}:
            raise unparsable(f"[hybrid] unknown token {sorted(unknown)}")
        queries = hybrid.get("queries") or []
        if not 1 <= len(queries) <= 5:
            raise unparsable(f"Number of sub-queries exceeds maximum supported by [hybrid] query: {len(queries)}")
        depth = hybrid.get("pagination_depth")
        if start and depth is None:
            raise invalid("pagination_depth param is missing in the search request")
        keep = depth or size
        return [dict(best(self.scores(query))[:keep]) for query in queries]

    def _match(self, body: Json) -> Scores:
        ((field, given),) = body.items()
        options = given if isinstance(given, dict) else {"query": given}
        if unknown := set(options) - {"query", "operator"}:
            raise unparsable(f"[match] query does not support {sorted(unknown)}")
        return self.index.match(field, str(options["query"]), options.get("operator", "or").lower() == "and")

    def _bool(self, body: Json) -> Scores:
        if unknown := set(body) - {"must", "filter", "should", "must_not"}:
            raise unparsable(f"[bool] query does not support {sorted(unknown)}")
        clauses = {name: given if isinstance(given, list) else [given] for name, given in body.items()}
        must, should = (
            [self.scores(query) for query in clauses.get("must", [])],
            [self.scores(query) for query in clauses.get("should", [])],
        )
        found = set(self.index.documents)
        for required in [*must, *(self.scores(query) for query in clauses.get("filter", []))]:
            found &= set(required)
        if should and not must and not clauses.get("filter"):
            found &= set().union(*should)
        for excluded in clauses.get("must_not", []):
            found -= set(self.scores(excluded))
        kept = [key for key in self.index.documents if key in found]
        return {key: sum(scores.get(key, 0.0) for scores in [*must, *should]) for key in kept}

    def _constant(self, keys: set[str]) -> Scores:
        return {key: 1.0 for key in self.index.documents if key in keys}

    def _terms(self, body: Json) -> Scores:
        ((field, values),) = body.items()
        return self._constant(self.index.having(field, values))

    def _term(self, body: Json) -> Scores:
        ((field, given),) = body.items()
        return self._terms({field: [given["value"] if isinstance(given, dict) else given]})

    def _range(self, body: Json) -> Scores:
        ((field, limits),) = body.items()
        return self._constant(self.index.between(field, limits))

    def _all(self, _: Json) -> Scores:
        return self._constant(set(self.index.documents))

    def _floor(self, body: Json) -> Scores:
        if set(body) - {"query", "min_score"}:
            raise unparsable("The local cloud implements function_score with query and min_score.")
        found = self.scores(body["query"])
        return {key: score for key, score in found.items() if score >= body.get("min_score", 0.0)}

    def _neural(self, body: Json) -> Scores:
        ((field, given),) = body.items()
        text = given.get("query_text")
        if not str(text or "").strip():
            raise invalid("query_text cannot be empty")
        vector = self.embed(str(given.get("model_id")), str(text))
        return self._nearest(field, vector, given)

    def _knn(self, body: Json) -> Scores:
        ((field, given),) = body.items()
        return self._nearest(field, given["vector"], given)

    def _nearest(self, field: str, vector: list[float], given: Json) -> Scores:
        limits = [name for name in ("k", "min_score") if given.get(name) is not None]
        if len(limits) != 1:
            raise invalid("Only one of k, max_distance, or min_score can be provided")
        among = self.scores(given["filter"]) if given.get("filter") else None
        found = self.index.nearest(field, vector, among)
        if limits == ["k"]:
            if not 1 <= given["k"] <= 10_000:
                raise invalid("[knn] requires k to be in the range (0, 10000]")
            return dict(list(found.items())[: given["k"]])
        return {key: score for key, score in found.items() if score >= given["min_score"]}


_KINDS: dict[str, Callable[[Search, Any], Scores]] = {
    "bool": Search._bool,
    "function_score": Search._floor,
    "knn": Search._knn,
    "match": Search._match,
    "match_all": Search._all,
    "neural": Search._neural,
    "range": Search._range,
    "term": Search._term,
    "terms": Search._terms,
}


def best(scores: Scores) -> list[tuple[str, float]]:
    """Return documents and scores, the best first."""
    return sorted(scores.items(), key=lambda one: -one[1])


def marked(found: list[Scores]) -> list[tuple[str, float]]:
    """Return the raw result of a hybrid query: the lists of its sub-queries between marker entries."""
    first = next((key for scores in found for key in scores), None)
    if first is None:
        return []
    lists = [entry for scores in found for entry in [(first, DELIMITER), *scores.items()]]
    return [(first, START_STOP), *lists, (first, START_STOP)]


def normalization(pipeline: Json | None) -> Normalization | None:
    """Return the normalization processor of a search pipeline, None without one. Raise Refused."""
    if pipeline is None:
        return None
    if unknown := set(pipeline) - {"description", "phase_results_processors"}:
        raise unparsable(f"The local cloud does not implement {sorted(unknown)} of search pipelines.")
    for processor in pipeline.get("phase_results_processors") or []:
        if set(processor) != {"normalization-processor"}:
            raise unparsable(f"Invalid processor type {next(iter(processor), '')}")
        return Normalization(processor["normalization-processor"])
    return None


def words(query: Any) -> dict[str, str]:
    """Return the texts that match clauses look for, by field: what is highlighted."""
    found: dict[str, str] = {}
    for name, inner in query.items() if isinstance(query, dict) else ():
        if name == "match":
            ((field, given),) = inner.items()
            text = given["query"] if isinstance(given, dict) else given
            found[field] = f"{found.get(field, '')} {text}"
        else:
            found |= words(inner)
    for inner in query if isinstance(query, list) else ():
        found |= words(inner)
    return found


def highlighted(index: Index, key: str, body: Json, wanted: dict[str, str]) -> dict[str, list[str]]:
    """Return each asked field of a document that has a wanted word, whole, with tags around the words."""
    before, after = (body.get("pre_tags") or ["<em>"])[0], (body.get("post_tags") or ["</em>"])[0]
    found = {}
    for field, options in (body.get("fields") or {}).items():
        if options.get("number_of_fragments") != 0:
            raise unparsable("The local cloud highlights whole fields: number_of_fragments must be 0.")
        terms = set(index.terms(field, wanted.get(field, "")))
        text = str(index.documents[key].get(field) or "")
        marked_up = re.sub(
            r"\w+(?:['\u2019]\w+)*",
            lambda word, f=field, t=terms: (  # type: ignore[misc]
                f"{before}{word[0]}{after}" if t & set(index.terms(f, word[0])) else word[0]
            ),
            text,
        )
        if marked_up != text:
            found[field] = [marked_up]
    return found
