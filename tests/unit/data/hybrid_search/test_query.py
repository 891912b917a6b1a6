"""The shape of queries, and what of the answer a client sees."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.hybrid_search import query
from data.hybrid_search.errors import InvalidSearch, PipelineMissing
from local.services.opensearch.queries import START_STOP

from .world import World, settings

CONF = settings()


def built(conf: query.Settings = CONF, **more: Any) -> dict[str, Any]:
    return query.body(query.parse({"query": "red boots", **more}, conf), conf)


FILTERS: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({}, []),
    ({"brand": "Acme"}, [{"terms": {"brand": ["Acme"]}}]),
    (
        {"price": {"lte": 100}, "brand": ["A", "B"]},
        [{"terms": {"brand": ["A", "B"]}}, {"range": {"price": {"lte": 100}}}],
    ),
]


@pytest.mark.parametrize(("filters", "clauses"), FILTERS)
def test_hybrid_is_outermost_and_filters_are_in_each_sub_query(
    filters: dict[str, Any], clauses: list[dict[str, Any]]
) -> None:
    body = built(filters=filters)
    assert list(body["query"]) == ["hybrid"]
    lexical, vector = body["query"]["hybrid"]["queries"]
    match = {"match": {"caption": {"query": "red boots"}}}
    neural = vector["neural"]["caption_embedding"]
    if clauses:
        assert lexical == {"bool": {"must": [match], "filter": clauses}}
        assert neural["filter"] == {"bool": {"filter": clauses}}
    else:
        assert lexical == match
        assert "filter" not in neural
    assert body["search_pipeline"]["phase_results_processors"]


@pytest.mark.parametrize("filters", [filters for filters, _ in FILTERS])
def test_the_domain_takes_each_shape_and_refuses_a_hybrid_inside_another_query(
    catalogue: World, filters: dict[str, Any]
) -> None:
    catalogue.search("red boots", filters=filters)
    wrapped = {"query": {"bool": {"filter": [], "must": [built(filters=filters)["query"]]}}}
    status, answer = catalogue.cluster.answer(
        "arn:role/query", "POST", "/products/_search", {}, json.dumps(wrapped).encode()
    )
    assert (status, "top level query" in answer["error"]["reason"]) == (400, True)


@pytest.mark.parametrize(
    ("weight", "mode", "weights"), [(0, "lexical", None), (1, "vector", None), (0.7, "hybrid", [0.3, 0.7])]
)
def test_weights(catalogue: World, weight: float, mode: str, weights: list[float] | None) -> None:
    answer = catalogue.search("red boots", weight=weight)
    assert (answer["mode"], answer["weights"]) == (mode, weights)


@given(st.floats(0, 1))
@hypothesis_settings(max_examples=50, deadline=None)
def test_two_weights_have_the_sum_that_the_service_asks_for(weight: float) -> None:
    search = query.parse({"query": "x", "weight": weight}, CONF)
    assert abs(sum(search.weights) - 1) < 1e-6
    assert all(0 <= one <= 1 for one in search.weights)


def test_the_pipeline_of_a_search_is_its_own() -> None:
    body = built(weight=0.2, normalization="l2", combination="harmonic_mean")
    (processor,) = body["search_pipeline"]["phase_results_processors"]
    assert processor == {
        "normalization-processor": {
            "normalization": {"technique": "l2"},
            "combination": {"technique": "harmonic_mean", "parameters": {"weights": [0.8, 0.2]}},
        }
    }
    assert "search_pipeline" not in built(mode="lexical")


def test_pages_have_one_depth() -> None:
    pages: list[dict[str, Any]] = [{"from": start, "size": 10} for start in (0, 10, 90)]
    bodies = [built(**page) for page in pages]
    assert {body["query"]["hybrid"]["pagination_depth"] for body in bodies} == {100}
    assert {body["query"]["hybrid"]["queries"][1]["neural"]["caption_embedding"]["k"] for body in bodies} == {100}


def _from(start: int) -> dict[str, Any]:
    return {"from": start}


def test_pages_join(catalogue: World) -> None:
    for mode in query.MODES:
        whole = [hit["id"] for hit in catalogue.search("leather boots", mode=mode, size=20)["hits"]]
        pages = [catalogue.search("leather boots", mode=mode, size=5, **_from(n))["hits"] for n in range(0, 20, 5)]
        assert [hit["id"] for page in pages for hit in page] == whole


def test_floors_apply_to_the_raw_scores_of_sub_queries(catalogue: World) -> None:
    floors = settings(catalogue.model_id, minimum_lexical_score=1.0, minimum_vector_score=0.5)
    lexical, vector = built(floors)["query"]["hybrid"]["queries"]
    assert lexical["function_score"]["min_score"] == 1.0
    assert vector["neural"]["caption_embedding"]["min_score"] == 0.5
    assert "k" not in vector["neural"]["caption_embedding"]
    weak = catalogue.search("quantum chromodynamics", settings(catalogue.model_id), size=1)["hits"]
    assert weak[0]["score"] > 0  # normalised: the best of what is far off
    assert catalogue.search("quantum chromodynamics", floors)["hits"] == []
    assert catalogue.search("women's boat shoes", floors)["hits"][0]["id"] in ("shoe-01", "shoe-02")


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"query": None}, "query"),
    ({"query": ["red"]}, "query"),
    ({"query": "\ud83d"}, "query"),
    ({"query": "\x02\x03"}, "query"),
    ({"query": "x" * 501}, "query"),
    ({"mode": "HYBRID"}, "mode"),
    ({"mode": None}, "mode"),
    ({"mode": {}}, "mode"),
    ({"weight": True}, "weight"),
    ({"weight": "0.5"}, "weight"),
    ({"weight": float("nan")}, "weight"),
    ({"weight": float("inf")}, "weight"),
    ({"weight": -0.0001}, "weight"),
    ({"weight": 10**400}, "weight"),
    ({"normalization": "z_score"}, "normalization"),
    ({"combination": "rrf"}, "combination"),
    ({"from": -1}, "from"),
    ({"from": 1.0}, "from"),
    ({"from": 91, "size": 10}, "from"),
    ({"size": 0}, "size"),
    ({"size": 51}, "size"),
    ({"size": True}, "size"),
    ({"filters": []}, "filters"),
    ({"filters": {"caption": "x"}}, "filters"),
    ({"filters": {"brand": []}}, "filters"),
    ({"filters": {"brand": ["x"] * 51}}, "filters"),
    ({"filters": {"brand": 5}}, "filters"),
    ({"filters": {"brand": "x\ny"}}, "filters"),
    ({"filters": {"brand": {"lt": "x"}}}, "filters"),
    ({"filters": {"price": {}}}, "filters"),
    ({"filters": {"price": {"lt": 1, "boost": 9}}}, "filters"),
    ({"filters": {"price": {"lt": "1"}}}, "filters"),
    ({"filters": {"new": 1}}, "filters"),
    ({"filters": {"stock": 1.5}}, "filters"),
    ({"filters": {"stock": 2**31}}, "filters"),
    ({"filters": {"since": "yesterday"}}, "filters"),
    ({"filters": {"since": {"gte": "now-1d"}}}, "filters"),
    ({"search_pipeline": "mine"}, "search_pipeline"),
]


@pytest.mark.parametrize(("wrong", "named"), INVALID)
def test_a_wrong_field_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidSearch) as refused:
        query.parse({"query": "red boots", **wrong}, CONF)
    assert list(refused.value.errors) == [named]


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(InvalidSearch) as refused:
        query.parse({"mode": 1, "weight": 2, "extra": 3}, CONF)
    assert sorted(refused.value.errors) == ["extra", "mode", "query", "weight"]


@pytest.mark.parametrize(
    "filters",
    [
        {"brand": "Acme"},
        {"new": True},
        {"stock": [1, 2]},
        {"price": {"gt": 1, "lte": 2.5}},
        {"since": {"gte": "2026-01-01"}},
    ],
)
def test_filters_of_each_type(filters: dict[str, Any]) -> None:
    assert len(query.parse({"query": "x", "filters": filters}, CONF).filters) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(query.FIELDS), json_values))
@hypothesis_settings(max_examples=30, deadline=None)
def test_any_body_is_valid_or_refused(body: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidSearch):
        json.dumps(query.body(query.parse(body, CONF), CONF), allow_nan=False).encode()


def test_raw_scores_are_never_hits(catalogue: World) -> None:
    """A domain that does not apply the pipeline answers with marker entries, whose scores are negative."""
    search = query.parse({"query": "red boots"}, settings(catalogue.model_id))
    body = {**query.body(search, settings(catalogue.model_id)), "search_pipeline": {}}
    answer = catalogue.searcher.call("POST", "/products/_search", body)
    assert answer["hits"]["hits"][0]["_score"] == START_STOP
    with pytest.raises(PipelineMissing):
        query.results(answer, search, CONF)


def test_hybrid_searches_of_others_are_normalised_by_the_default_pipeline(catalogue: World) -> None:
    body = query.body(query.parse({"query": "red boots"}, CONF), settings(catalogue.model_id))
    del body["search_pipeline"]
    answer = catalogue.searcher.call("POST", "/products/_search", body)
    assert all(hit["_score"] >= 0 for hit in answer["hits"]["hits"])


@pytest.mark.parametrize(
    ("answer", "partial"),
    [({}, False), ({"timed_out": True}, True), ({"_shards": {"failed": 1}}, True), ({"_shards": {"failed": 0}}, False)],
)
def test_missing_shards_are_reported(answer: dict[str, Any], partial: bool) -> None:
    search = query.parse({"query": "x"}, CONF)
    assert query.results({"hits": {"total": {"value": 0}, "hits": []}, **answer}, search, CONF)["partial"] is partial


@pytest.mark.parametrize(
    ("fragments", "parts"),
    [
        ([], []),
        (["plain"], [("plain", False)]),
        (["\x02Red\x03 boots"], [("Red", True), (" boots", False)]),
        (["a \x02b\x03\x02c\x03"], [("a ", False), ("b", True), ("c", True)]),
        (["<b>\x02x\x03</b>"], [("<b>", False), ("x", True), ("</b>", False)]),
    ],
)
def test_highlights_are_parts_of_text(fragments: list[str], parts: list[tuple[str, bool]]) -> None:
    assert [(one["text"], one["match"]) for one in query.segments(fragments)] == parts
