"""Calls and values: ten parameters a call, an odd name alone, and items as plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from switchyard_config_cache.aws import CallFailed
from switchyard_config_cache.cache import Failure, Value
from switchyard_config_cache.settings import Key, Source
from switchyard_config_cache.sources import BYTES, JSON, Sources, plain


class Client:
    """Answers as Parameter Store does. `refused` are names that refuse the whole call."""

    def __init__(self, values: Mapping[str, str], refused: Mapping[str, str] | None = None) -> None:
        self.values, self.refused = values, refused or {}
        self.calls: list[tuple[str, list[str]]] = []
        self.other: dict[str, Any] = {}

    def call(self, service: str, region: str, target: str, version: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if service != "ssm":
            return self.other
        self.calls.append((region, request["Names"]))
        assert request["WithDecryption"] is True
        for name in request["Names"]:
            if name in self.refused:
                raise CallFailed(self.refused[name], name, transient=self.refused[name] == "ThrottlingException")
        return {"Parameters": [{"Name": n, "Value": self.values[n]} for n in request["Names"] if n in self.values]}


def parameters(count: int, region: str = "eu-west-1") -> dict[Key, Source]:
    return {
        ("parameters", f"p{number}"): Source("parameters", region, {"Name": f"/p/{number}"}, 60)
        for number in range(count)
    }


def fetched(sources: Sources, keys: Mapping[Key, Source]) -> dict[Key, Value | Failure]:
    return {key: result for batch in sources.batches(keys) for key, result in sources.fetch(batch).items()}


def test_25_parameters_take_three_calls_and_each_region_its_own() -> None:
    keys = parameters(25) | {("parameters", "us"): Source("parameters", "us-east-1", {"Name": "us"}, 60)}
    client = Client({f"/p/{number}": str(number) for number in range(25)} | {"us": "far"})
    found = fetched(Sources(keys, client), keys)
    assert {key[1]: result.body.decode() for key, result in found.items() if isinstance(result, Value)} == {
        **{f"p{number}": str(number) for number in range(25)},
        "us": "far",
    }
    assert sorted((region, len(names)) for region, names in client.calls) == [
        ("eu-west-1", 5),
        ("eu-west-1", 10),
        ("eu-west-1", 10),
        ("us-east-1", 1),
    ]


def test_a_parameter_under_two_names_is_fetched_once() -> None:
    keys = {("parameters", name): Source("parameters", "eu-west-1", {"Name": "/p"}, 60) for name in "ab"}
    client = Client({"/p": "x"})
    assert {key[1] for key, value in fetched(Sources(keys, client), keys).items() if isinstance(value, Value)} == {
        "a",
        "b",
    }
    assert client.calls == [("eu-west-1", ["/p"])]


def test_one_refused_parameter_does_not_refuse_the_others() -> None:
    keys = parameters(5)
    client = Client({f"/p/{number}": "x" for number in range(5)}, {"/p/3": "AccessDeniedException"})
    found = fetched(Sources(keys, client), keys)
    assert [key[1] for key, value in found.items() if isinstance(value, Failure)] == ["p3"]
    assert found["parameters", "p3"] == Failure("AccessDeniedException", "/p/3", final=True)


def test_a_throttled_call_is_not_made_five_times_as_many() -> None:
    keys = parameters(5)
    client = Client({}, {"/p/3": "ThrottlingException"})
    found = fetched(Sources(keys, client), keys)
    assert {value.code for value in found.values() if isinstance(value, Failure)} == {"ThrottlingException"}
    assert len(client.calls) == 1


def test_a_parameter_that_does_not_exist_is_absent_and_the_others_are_there() -> None:
    keys = parameters(2)
    found = fetched(Sources(keys, Client({"/p/0": ""})), keys)
    assert isinstance(found["parameters", "p0"], Value)  # an empty value is a value
    absent = found["parameters", "p1"]
    assert isinstance(absent, Failure)
    assert (absent.code, absent.absent, absent.final) == ("ParameterNotFound", True, True)


def one(kind: str, answer: dict[str, Any]) -> Value | Failure:
    keys = {(kind, "x"): Source(kind, "eu-west-1", {}, 60)}
    client = Client({})
    client.other = answer
    return fetched(Sources(keys, client), keys)[kind, "x"]


def test_a_binary_secret_is_bytes() -> None:
    found = one("secrets", {"SecretBinary": "AP8="})
    assert isinstance(found, Value)
    assert (found.body, found.content_type) == (b"\x00\xff", BYTES)


def test_an_item_is_json_and_an_absent_one_is_absent() -> None:
    found = one("dynamodb", {"Item": {"pk": {"S": "a"}}})
    assert isinstance(found, Value)
    assert (found.body, found.content_type) == (b'{"pk": "a"}', JSON)
    absent = one("dynamodb", {})
    assert isinstance(absent, Failure)
    assert absent.absent


NUMBERS = st.one_of(st.integers(-(10**37), 10**37), st.decimals("-1e9", "1e9", places=8)).map(Decimal)
LEAVES = st.one_of(
    st.text(max_size=8),
    NUMBERS,
    st.booleans(),
    st.none(),
    st.sets(st.text(min_size=1, max_size=3), min_size=1, max_size=3),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def listed(value: Any) -> Any:
    """Return a value with sets as sorted lists."""
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, list):
        return [listed(inner) for inner in value]
    return {name: listed(inner) for name, inner in value.items()} if isinstance(value, dict) else value


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=4), VALUES, max_size=4))
def test_an_item_is_what_boto3_reads_from_it(item: dict[str, Any]) -> None:
    attributes = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    found = json.loads(plain({"M": attributes}), parse_float=Decimal, parse_int=Decimal)
    assert found == listed({name: TypeDeserializer().deserialize(value) for name, value in attributes.items()})


def test_an_item_with_its_members_in_another_order_is_the_same_value() -> None:
    first, second = (
        {"a": {"SS": ["x", "y"]}, "b": {"NS": ["1", "2"]}},
        {"b": {"NS": ["2", "1"]}, "a": {"SS": ["y", "x"]}},
    )
    assert plain({"M": first}) == plain({"M": second})
