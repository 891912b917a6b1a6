"""What the bootstrap makes, again and again, and when it stops."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from data.hybrid_search import bootstrap, objects
from data.hybrid_search.errors import DimensionMismatch, DomainError, DomainNotReady, IndexDiffers

from .world import CONF, Connection, Models, World


def test_a_second_run_makes_nothing_and_finds_the_same_model(world: World) -> None:
    again = bootstrap.make(world.master, CONF)
    assert again == {"model_id": world.model_id, "dimensions": 256, "created": []}
    assert (len(world.cluster.models.connectors), len(world.cluster.models.models)) == (1, 1)


@pytest.mark.parametrize("stop", range(2, 14))
def test_a_run_that_was_cut_short_is_finished_by_the_next(stop: int) -> None:
    fresh = World.__new__(World)
    from local.services.opensearch.cluster import Cluster

    fresh.cluster = Cluster("arn:d", "arn:role/bootstrap")
    connection = Connection(fresh.cluster, "arn:role/bootstrap")
    connection.fail = lambda *_: DomainError(400, "cut", "") if len(connection.calls) == stop else None
    with pytest.raises(DomainError):
        bootstrap.make(connection, CONF)
    connection.fail = lambda *_: None
    bootstrap.make(connection, CONF)
    assert (len(fresh.cluster.models.connectors), len(fresh.cluster.models.models)) == (1, 1)
    assert set(fresh.cluster.indexes) == {"products"}
    assert set(fresh.cluster.security.mapping) == {"products-query", "products-load"}


def test_a_creation_is_not_repeated_when_its_answer_is_lost(world: World) -> None:
    other = dataclasses.replace(CONF, index="other")
    world.master.calls.clear()
    world.master.fail = lambda _, path: DomainError(0, "lost", "") if path.endswith("_create") else None
    with pytest.raises(DomainError):
        bootstrap.make(world.master, other)
    assert sum(path.endswith("_create") for _, path, _ in world.master.calls) == 1


def test_another_dimension_than_the_models_is_refused_before_an_index_is_made(models: Models) -> None:
    models.returns = 1024
    with pytest.raises(DimensionMismatch, match=r"returns 1024 dimensions.*Set embedding.dimensions to 1024"):
        World()


def test_a_changed_mapping_needs_a_new_index(world: World) -> None:
    with pytest.raises(IndexDiffers, match=r"products has another mapping of caption_embedding.*new name"):
        bootstrap.make(world.master, dataclasses.replace(CONF, dimensions=512))
    with pytest.raises(IndexDiffers, match="another mapping of price"):
        bootstrap.make(world.master, dataclasses.replace(CONF, filter_fields={"price": "keyword"}))


def test_fields_weights_and_settings_change_in_place(world: World) -> None:
    changed = dataclasses.replace(
        CONF, filter_fields={**CONF.filter_fields, "colour": "keyword"}, refresh_seconds=30, weights=[0.5, 0.5]
    )
    assert bootstrap.make(world.master, changed)["created"] == []
    index = world.cluster.indexes["products"]
    assert index.field("colour") == {"type": "keyword"}
    assert index.settings["refresh_interval"] == "30s"
    processor = world.cluster.search_pipelines["products"]["phase_results_processors"][0]["normalization-processor"]
    assert processor["combination"]["parameters"]["weights"] == [0.5, 0.5]


def test_the_index_as_the_specification_has_it(world: World) -> None:
    index = world.cluster.indexes["products"]
    assert index.settings["knn"] is True
    assert (index.settings["default_pipeline"], index.settings["search.default_pipeline"]) == ("products", "products")
    vector = index.field("caption_embedding")
    assert (vector["type"], vector["dimension"], vector["method"]["name"]) == ("knn_vector", 256, "hnsw")
    assert (vector["method"]["engine"], vector["method"]["space_type"]) == ("faiss", "l2")


def test_a_connector_of_sagemaker_takes_a_list_of_texts() -> None:
    world = World(dataclasses.replace(CONF, service="sagemaker", model="my-endpoint"))
    (connector,) = world.cluster.models.connectors.values()
    assert connector["parameters"] == {"region": "eu-west-1", "service_name": "sagemaker", "endpoint": "my-endpoint"}
    assert connector["protocol"] == "aws_sigv4"
    assert len(world.cluster.models.embed(world.model_id, 'a "quoted" text')) == 256


def test_text_is_escaped_in_the_request_to_bedrock(world: World) -> None:
    assert (
        len(
            world.cluster.models.embed(
                world.model_id,
                'size 9" \\ new\nline',
            )
        )
        == 256
    )


@pytest.mark.parametrize(
    ("wanted", "found", "differs"),
    [
        ({"a": {"type": "text"}}, {"a": {"type": "text", "fields": {}}}, []),
        ({"a": {"dimension": 256}}, {"a": {"dimension": "256"}}, []),
        ({"a": {"type": "text"}}, {}, []),
        ({"a": {"type": "text"}}, {"a": {"type": "keyword"}}, ["a"]),
        ({"a": {"method": {"engine": "faiss"}}}, {"a": {"method": {"engine": "lucene"}}}, ["a"]),
        ({"a": {"method": {"engine": "faiss"}}}, {"a": {"method": None}}, ["a"]),
    ],
)
def test_differences(wanted: dict[str, Any], found: dict[str, Any], differs: list[str]) -> None:
    assert objects.differences({"properties": wanted}, {"properties": found}) == differs


def test_a_domain_without_an_endpoint_is_not_ready() -> None:
    class Status:
        def describe_domain(self, **_: Any) -> dict[str, Any]:
            return {"DomainStatus": {"Processing": True}}

    with pytest.raises(DomainNotReady):
        bootstrap.endpoint(Status(), "test-hybrid")


class Denied:
    """Work that is denied some times."""

    def __init__(self, times: int, error: DomainError) -> None:
        self.times, self.error = times, error

    def __call__(self) -> dict[str, Any]:
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return {"made": True}


FRONT = DomainError(403, "AccessDenied", "")
BEHIND = DomainError(400, "status_exception", "Error from remote service: AccessDeniedException: not authorized")


@pytest.mark.parametrize("error", [FRONT, BEHIND])
def test_terraforms_call_waits_for_new_permissions(error: DomainError) -> None:
    slept: list[float] = []
    made = bootstrap.settled(Denied(3, error), by_terraform=True, clock=lambda: 0.0, sleep=slept.append)
    assert (made, len(slept)) == ({"made": True}, 3)


def test_others_and_other_errors_do_not_wait() -> None:
    with pytest.raises(DomainError):
        bootstrap.settled(Denied(1, FRONT), by_terraform=False)
    with pytest.raises(DomainError):
        bootstrap.settled(Denied(1, DomainError(400, "illegal_argument_exception", "x")), by_terraform=True)
    times = iter(range(0, 1000, 40))
    with pytest.raises(DomainError):
        bootstrap.settled(Denied(99, FRONT), by_terraform=True, clock=lambda: next(times), sleep=lambda _: None)


def test_the_connector_is_named_after_what_it_is() -> None:
    first, second = objects.connector(CONF), objects.connector(dataclasses.replace(CONF, dimensions=512))
    assert first["name"] != second["name"]
    assert first == objects.connector(dataclasses.replace(CONF, weights=[1.0, 0.0]))
    assert json.loads(json.dumps(first)) == first


def test_roles_may_do_one_thing_each(world: World) -> None:
    with pytest.raises(DomainError, match=r"security_exception.*indices:data/write/bulk"):
        world.searcher.call("POST", "/products/_bulk", b'{"index":{}}\n{}\n')
    with pytest.raises(DomainError, match=r"security_exception.*indices:data/read/search"):
        world.loader.call("POST", "/products/_search", {"query": {"match_all": {}}})
    with pytest.raises(DomainError, match="security_exception"):
        world.searcher.call("PUT", "/_search/pipeline/products", {"phase_results_processors": []})
    with pytest.raises(DomainError, match="security_exception"):
        Connection(world.cluster, "arn:role/stranger").call("POST", "/products/_search", {"query": {"match_all": {}}})


class Context:
    aws_request_id = "request"


def test_the_handler_reads_its_settings_and_answers_with_the_model(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Service:
        def describe_domain(self, **asked: Any) -> dict[str, Any]:
            assert asked == {"DomainName": "test-hybrid"}
            return {"DomainStatus": {"Endpoint": "host"}}

    for field in dataclasses.fields(CONF):
        value = getattr(CONF, field.name)
        monkeypatch.setenv(field.name.upper(), value if isinstance(value, str) else json.dumps(value))
    monkeypatch.setattr("common.clients.client", lambda _: Service())
    monkeypatch.setattr(bootstrap, "Domain", lambda endpoint: world.master)
    answer = bootstrap.handler({"terraform": True}, Context())
    assert answer == {"model_id": world.model_id, "dimensions": 256, "created": []}
