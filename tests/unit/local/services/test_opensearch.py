"""The data plane of an OpenSearch domain: published values of its mathematics, and what OpenSearch refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.services.embedding import embed
from local.services.opensearch import neighbours
from local.services.opensearch.cluster import Cluster
from local.services.opensearch.errors import Refused
from local.services.opensearch.index import Index
from local.services.opensearch.queries import DELIMITER, START_STOP
from local.services.opensearch.scores import (
    Normalization,
    arithmetic_mean,
    geometric_mean,
    harmonic_mean,
    l2,
    min_max,
)

WEIGHTS = [0.45, 0.15, 0.4]

# Values of neural-search's own tests and issues: L2ScoreNormalizationTechniqueTests, GeometricMean…Tests (the others
# follow from the published formulas), https://github.com/opensearch-project/neural-search/issues/299


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], []),
        ([7.2], [1.0]),
        ([0.0], [1.0]),
        ([3, 3, 3], [1, 1, 1]),
        ([0.9, 0.8, 0.7], [1.0, 0.5, 0.001]),
        ([0.5, 0.2], [1.0, 0.001]),
        ([5.0, 4.999], [1.0, 0.001]),
    ],
)
def test_min_max(scores: list[float], expected: list[float]) -> None:
    assert min_max(scores) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], []),
        ([0, 0, 0], [0, 0, 0]),
        ([1.0], [1.0]),
        ([2.0, 3.0], [0.5547, 0.8321]),
        ([4.0, 5.0], [0.6247, 0.7809]),
    ],
)
def test_l2(scores: list[float], expected: list[float]) -> None:
    assert l2(scores) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("combine", "scores", "expected"),
    [
        (geometric_mean, [1.0, 0.5, 0.3], 0.5567),
        (geometric_mean, [1.0, 0.0, 0.6], 0.7863),
        (arithmetic_mean, [1.0, 0.5, 0.3], 0.645),
        (arithmetic_mean, [1.0, 0.0, 0.6], 0.69),
        (harmonic_mean, [1.0, 0.5, 0.3], 1 / (0.45 / 1.0 + 0.15 / 0.5 + 0.4 / 0.3)),
        (harmonic_mean, [1.0, 0.0, 0.6], 0.85 / (0.45 / 1.0 + 0.4 / 0.6)),
        (arithmetic_mean, [0.0, 0.0, 0.0], 0.0),
        (geometric_mean, [0.0, 0.0, 0.0], 0.0),
        (harmonic_mean, [0.0, 0.0, 0.0], 0.0),
    ],
)
def test_combinations(combine: Any, scores: list[float], expected: float) -> None:
    assert combine(scores, WEIGHTS) == pytest.approx(expected, abs=1e-4)


def processor(**settings: Any) -> Normalization:
    return Normalization(settings)


def test_minimum_and_maximum_are_those_of_a_sub_query() -> None:
    combined = processor().combine([{"a": 10.0, "b": 5.0, "c": 0.5}, {"b": 0.9, "d": 0.1}])
    expected = {"a": 0.5, "b": ((5 - 0.5) / 9.5 + 1) / 2, "c": 0.0005, "d": 0.0005}
    assert combined == pytest.approx(expected)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"normalization": {"technique": "max"}}, "normalization technique is not supported"),
        ({"combination": {"technique": "median"}}, "combination technique is not supported"),
        ({"combination": {"parameters": {"weights": [0.3, 0.3]}}}, "must be equal to 1.0"),
        ({"combination": {"parameters": {"weights": [1.5, -0.5]}}}, "must be in range"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        processor(**settings)


def test_weights_must_fit_the_sub_queries() -> None:
    one = processor(combination={"parameters": {"weights": [0.5, 0.25, 0.25]}})
    with pytest.raises(Refused, match=r"number of weights \[3\] must match number of sub-queries \[2\]"):
        one.combine([{"a": 1.0}, {"a": 1.0}])


def test_bm25_is_lucenes() -> None:
    """idf = ln(1 + (N - n + 0.5) / (n + 0.5)); tf / (tf + k1 * (1 - b + b * length / average)), k1 = 1.2, b = 0.75."""
    import math

    index = Index("i", {}, {"properties": {"t": {"type": "text"}}})
    for key, text in {"1": "red red boots", "2": "red hat", "3": "blue hat here now"}.items():
        index.put(key, {"t": text})
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    average = 9 / 3
    expected = {
        "1": idf * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / average)),
        "2": idf * 1 / (1 + 1.2 * (0.25 + 0.75 * 2 / average)),
    }
    assert index.match("t", "red") == pytest.approx(expected, rel=1e-5)
    assert index.match("t", "unknown") == {}
    assert set(index.match("t", "red hat", every=True)) == {"2"}


def test_english_terms() -> None:
    index = Index("i", {}, {"properties": {"t": {"type": "text", "analyzer": "english"}}})
    assert index.terms("t", "The Women's running SHOES") == ["women", "run", "shoe"]


def test_distances() -> None:
    def nearest(space: str) -> dict[str, float]:
        field = {"type": "knn_vector", "dimension": 2, "method": {"space_type": space}}
        index = Index("i", {}, {"properties": {"v": field}})
        index.put("same", {"v": [1.0, 0.0]})
        index.put("across", {"v": [0.0, 1.0]})
        return index.nearest("v", [1.0, 0.0], None)

    assert nearest("l2") == pytest.approx({"same": 1.0, "across": 1 / 3})
    assert nearest("cosinesimil") == pytest.approx({"same": 1.0, "across": 0.5})


class Titan(neighbours.Neighbours):
    def invoke(self, domain_arn: str, role_arn: str, url: str, body: str) -> Any:
        return {"embedding": embed(json.loads(body)["inputText"])}


class Client:
    """A client of a new domain as its master."""

    def __init__(self) -> None:
        self.cluster = Cluster("arn:d", "master")

    def __call__(
        self, method: str, path: str, body: Any = None, caller: str = "master", **query: str
    ) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        return self.cluster.answer(caller, method, path, query, data)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(neighbours, "current", Titan())
    made = Client()
    vector = {"type": "knn_vector", "dimension": 256, "method": {"space_type": "l2"}}
    fields = {"t": {"type": "text"}, "v": vector, "n": {"type": "integer"}, "k": {"type": "keyword"}}
    assert (
        made(
            "PUT", "/i", {"settings": {"index": {"knn": True}}, "mappings": {"dynamic": "false", "properties": fields}}
        )[0]
        == 200
    )
    documents = [
        {"t": "red boots", "k": "a", "n": 1},
        {"t": "blue boots", "k": "b", "n": 2},
        {"t": "green hat", "k": "a", "n": 3},
    ]
    lines = b"".join(
        json.dumps({"index": {"_id": str(n)}}).encode()
        + b"\n"
        + json.dumps({**d, "v": embed(str(d["t"]))}).encode()
        + b"\n"
        for n, d in enumerate(documents, 1)
    )
    assert made("POST", "/i/_bulk", lines)[1]["errors"] is False
    return made


def found(answer: tuple[int, Any]) -> list[str]:
    assert answer[0] == 200, answer
    return [hit["_id"] for hit in answer[1]["hits"]["hits"]]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"match_all": {}}, ["1", "2", "3"]),
        ({"match": {"t": "boots"}}, ["1", "2"]),
        ({"match": {"t": {"query": "red boots", "operator": "and"}}}, ["1"]),
        ({"term": {"k": "a"}}, ["1", "3"]),
        ({"term": {"k": {"value": "a"}}}, ["1", "3"]),
        ({"terms": {"n": [2, 3]}}, ["2", "3"]),
        ({"term": {"unmapped": "a"}}, []),
        ({"range": {"n": {"gt": 1, "lte": 3}}}, ["2", "3"]),
        ({"bool": {"filter": {"term": {"k": "a"}}, "must_not": [{"term": {"n": 1}}]}}, ["3"]),
        ({"bool": {"must": [{"match": {"t": "boots"}}], "filter": [{"term": {"k": "b"}}]}}, ["2"]),
        ({"bool": {"should": [{"term": {"n": 1}}, {"term": {"n": 3}}]}}, ["1", "3"]),
        ({"knn": {"v": {"vector": embed("green hat"), "k": 1}}}, ["3"]),
        ({"knn": {"v": {"vector": embed("green hat"), "k": 1, "filter": {"term": {"k": "b"}}}}}, ["2"]),
        ({"knn": {"v": {"vector": embed("green hat"), "min_score": 0.99}}}, ["3"]),
        ({"function_score": {"query": {"match_all": {}}, "min_score": 2}}, []),
    ],
)
def test_queries(client: Client, query: dict[str, Any], ids: list[str]) -> None:
    assert sorted(found(client("POST", "/i/_search", {"query": query}))) == ids


HYBRID = {"hybrid": {"queries": [{"match": {"t": "boots"}}, {"match": {"t": "hat"}}]}}


def test_a_hybrid_query_without_a_pipeline_has_marker_entries(client: Client) -> None:
    """https://github.com/opensearch-project/neural-search/issues/1011"""
    _, answer = client("POST", "/i/_search", {"query": HYBRID})
    scores = [hit["_score"] for hit in answer["hits"]["hits"]]
    assert (scores[0], scores[1], scores[-1]) == (START_STOP, DELIMITER, START_STOP)
    assert scores.count(DELIMITER) == 2


def test_pipelines_of_the_request_of_its_name_and_of_the_index(client: Client) -> None:
    pipeline: dict[str, Any] = {"phase_results_processors": [{"normalization-processor": {}}]}
    assert client("PUT", "/_search/pipeline/p", pipeline)[0] == 200
    inline = client("POST", "/i/_search", {"query": HYBRID, "search_pipeline": pipeline})
    named = client("POST", "/i/_search", {"query": HYBRID}, search_pipeline="p")
    client("PUT", "/i/_settings", {"index": {"search.default_pipeline": "p"}})
    default = client("POST", "/i/_search", {"query": HYBRID})
    assert found(inline) == found(named) == found(default)
    none = client("POST", "/i/_search", {"query": HYBRID}, search_pipeline="_none")
    assert none[1]["hits"]["hits"][0]["_score"] == START_STOP


REFUSED: list[tuple[str, str, Any, int, str, str]] = [
    ("POST", "/i/_search", b"{", 400, "parsing_exception", "not JSON"),
    ("POST", "/i/_search", [], 400, "parsing_exception", "object"),
    ("POST", "/i/_search", {}, 400, "parsing_exception", ""),
    ("POST", "/i/_search", {"query": {"sql": 1}}, 400, "parsing_exception", "unknown query [sql]"),
    ("POST", "/i/_search", {"query": {"match_all": {}}, "sort": []}, 400, "parsing_exception", "sort"),
    (
        "POST",
        "/i/_search",
        {"query": {"match_all": {}}, "size": 10001},
        400,
        "illegal_argument_exception",
        "Result window",
    ),
    ("POST", "/i/_search", {"query": {"bool": {"must": HYBRID}}}, 400, "illegal_argument_exception", "top level query"),
    (
        "POST",
        "/i/_search",
        {"query": {"hybrid": {"queries": [HYBRID]}}},
        400,
        "illegal_argument_exception",
        "top level",
    ),
    ("POST", "/i/_search", {"query": {"hybrid": {"queries": []}}}, 400, "parsing_exception", "sub-queries"),
    ("POST", "/i/_search", {"query": HYBRID, "from": 5}, 400, "illegal_argument_exception", "pagination_depth"),
    (
        "POST",
        "/i/_search",
        {"query": {"knn": {"t": {"vector": [1.0], "k": 1}}}},
        400,
        "illegal_argument_exception",
        "knn_vector",
    ),
    (
        "POST",
        "/i/_search",
        {"query": {"knn": {"v": {"vector": [1.0], "k": 1}}}},
        400,
        "illegal_argument_exception",
        "dimension",
    ),
    (
        "POST",
        "/i/_search",
        {"query": {"knn": {"v": {"vector": embed("x")}}}},
        400,
        "illegal_argument_exception",
        "Only one of k",
    ),
    ("POST", "/gone/_search", {"query": {"match_all": {}}}, 404, "index_not_found_exception", "gone"),
    ("PUT", "/i", {}, 400, "resource_already_exists_exception", "i"),
    (
        "PUT",
        "/i/_mapping",
        {"properties": {"k": {"type": "text"}}},
        400,
        "illegal_argument_exception",
        "cannot be changed",
    ),
    ("PUT", "/_ingest/pipeline/p", {"processors": [{"script": {}}]}, 400, "parse_exception", "script"),
    ("PUT", "/_search/pipeline/p", {"request_processors": []}, 400, "parsing_exception", "not implement"),
    ("PUT", "/_plugins/_security/api/rolesmapping/gone", {}, 404, "not_found", "gone"),
    (
        "POST",
        "/_plugins/_ml/connectors/_search",
        {"query": {"term": {"name.keyword": "x"}}},
        404,
        "index_not_found_exception",
        "",
    ),
    (
        "POST",
        "/_plugins/_ml/models/_register",
        {"function_name": "remote", "connector_id": "x"},
        404,
        "status_exception",
        "x",
    ),
    ("POST", "/_plugins/_ml/models/gone/_deploy", None, 404, "status_exception", "gone"),
    ("POST", "/i/_bulk", b'{"index":{}}', 400, "illegal_argument_exception", "newline"),
    ("DELETE", "/i", None, 400, "illegal_argument_exception", "no handler found"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "kind", "reason"), REFUSED)
def test_what_opensearch_refuses(
    client: Client, method: str, path: str, body: Any, status: int, kind: str, reason: str
) -> None:
    found_status, answer = client(method, path, body)
    assert (found_status, answer["error"]["type"], answer["status"]) == (status, kind, status)
    assert reason in answer["error"]["reason"]


def test_a_vector_of_another_dimension_is_an_item_that_failed(client: Client) -> None:
    status, answer = client(
        "POST", "/i/_bulk", b'{"index":{"_id":"9"}}\n{"v":[1.0]}\n{"index":{"_id":"8"}}\n{"k":"x"}\n'
    )
    items = [one["index"] for one in answer["items"]]
    assert (status, answer["errors"], [one["status"] for one in items]) == (200, True, [400, 201])
    assert "Expected: 256, Given: 1" in items[0]["error"]["reason"]


CONNECTOR: dict[str, Any] = {
    "name": "c",
    "version": 1,
    "protocol": "aws_sigv4",
    "credential": {"roleArn": "arn:aws:iam::123456789012:role/r"},
    "parameters": {"region": "eu-west-1", "model": "m"},
    "actions": [
        {
            "action_type": "predict",
            "method": "POST",
            "url": "https://bedrock-runtime.${parameters.region}.amazonaws.com/model/${parameters.model}/invoke",
            "request_body": '{"inputText": "${parameters.inputText}"}',
            "pre_process_function": "connector.pre_process.bedrock.embedding",
            "post_process_function": "connector.post_process.bedrock.embedding",
        }
    ],
}


def test_a_model_answers_when_it_is_deployed(client: Client) -> None:
    _, connector = client("POST", "/_plugins/_ml/connectors/_create", CONNECTOR)
    model = {"name": "m", "function_name": "remote", "connector_id": connector["connector_id"]}
    _, made = client("POST", "/_plugins/_ml/models/_register", model)
    path = f"/_plugins/_ml/models/{made['model_id']}"
    asked = {"parameters": {"inputText": "x"}}
    assert "deploy the model first" in client("POST", f"{path}/_predict", asked)[1]["error"]["reason"]
    client("POST", f"{path}/_deploy")
    status, answer = client("POST", f"{path}/_predict", asked)
    assert (status, answer["inference_results"][0]["output"][0]["shape"]) == (200, [256])
    missing = client("POST", f"{path}/_predict", {"parameters": {}})
    assert (missing[0], "inputText" in missing[1]["error"]["reason"]) == (400, True)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/model/m/invoke",
        "http://bedrock-runtime.eu-west-1.amazonaws.com/x",
        "https://bedrock-runtime.eu-west-1.amazonaws.com.example.com/x",
    ],
)
def test_connectors_lead_to_trusted_services(client: Client, url: str) -> None:
    action = {**CONNECTOR["actions"][0], "url": url}
    status, answer = client("POST", "/_plugins/_ml/connectors/_create", {**CONNECTOR, "actions": [action]})
    assert (status, "trusted connector endpoint regex" in answer["error"]["reason"]) == (400, True)


def test_roles_decide_for_others_than_the_master(client: Client) -> None:
    query: dict[str, Any] = {"query": {"match_all": {}}}
    assert client("POST", "/i/_search", query, caller="x")[1]["error"]["type"] == "security_exception"
    role = {"index_permissions": [{"index_patterns": ["i*"], "allowed_actions": ["indices:data/read/*"]}]}
    assert client("PUT", "/_plugins/_security/api/roles/r", role)[0] == 201
    assert client("PUT", "/_plugins/_security/api/rolesmapping/r", {"backend_roles": ["x"]})[0] == 201
    assert client("POST", "/i/_search", query, caller="x")[0] == 200
    assert client("PUT", "/j", {}, caller="x")[0] == 403


def test_highlights_are_whole_fields_with_tags(client: Client) -> None:
    highlight = {"pre_tags": ["<"], "post_tags": [">"], "fields": {"t": {"number_of_fragments": 0}}}
    _, answer = client("POST", "/i/_search", {"query": {"match": {"t": "red"}}, "highlight": highlight})
    assert answer["hits"]["hits"][0]["highlight"] == {"t": ["<red> boots"]}


def test_the_model_knows_what_words_mean() -> None:
    def near(one: str, other: str) -> float:
        return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))

    assert near("couch", "sofa") > 0.5 > near("couch", "knife")
    assert len(embed("x", normalize=False)) == 256
