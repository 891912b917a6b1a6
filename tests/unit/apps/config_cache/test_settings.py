"""The extension's settings: what they mean, and what is refused with which advice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from switchyard_config_cache.settings import Misconfigured, duration, load

ENVIRONMENT = {"AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "token"}


def config(**found: object) -> dict[str, str]:
    return {**ENVIRONMENT, "CACHE_EXTENSION_CONFIG": json.dumps(found)}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("3m", 180), ("1h30m", 5400), ("500ms", 0.5), ("1.5s", 1.5), ("90", 90), ("0", 0)],
)
def test_durations_are_those_of_the_source(text: str, seconds: float) -> None:
    assert duration("CACHE_EXTENSION_TTL", text) == seconds


@pytest.mark.parametrize("text", ["s", "3 m", "-1s", "1d", "1s2", "ten", "1e3", "30s ", "inf", "nan"])
def test_another_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Misconfigured, match="CACHE_EXTENSION_TTL must be a duration such as 30s"):
        duration("CACHE_EXTENSION_TTL", text)


def test_defaults_serve_nothing_and_call_nothing() -> None:
    found = load(ENVIRONMENT)
    assert (found.sources, found.stale, found.startup, found.token) == ({}, 0, False, "token")


def test_sources_are_requests() -> None:
    found = load(
        config(
            parameters={"limits": {"name": "/app/limits", "ttl": 5}},
            secrets={"db": {"id": "arn:db", "stage": "AWSPREVIOUS", "region": "us-east-1"}},
            dynamodb={"s": {"table": "t", "key": {"pk": {"S": "a"}}, "fields": ["name", "b"], "consistent": True}},
        )
    )
    assert found.broken == {}
    assert {key: (source.region, source.ttl, source.request) for key, source in found.sources.items()} == {
        ("parameters", "limits"): ("eu-west-1", 5, {"Name": "/app/limits"}),
        ("secrets", "db"): ("us-east-1", 60, {"SecretId": "arn:db", "VersionStage": "AWSPREVIOUS"}),
        ("dynamodb", "s"): (
            "eu-west-1",
            60,
            {
                "TableName": "t",
                "Key": {"pk": {"S": "a"}},
                "ConsistentRead": True,
                "ProjectionExpression": "#0, #1",
                "ExpressionAttributeNames": {"#0": "name", "#1": "b"},  # `name` is a reserved word of DynamoDB
            },
        ),
    }


def test_a_file_is_an_alternative_to_the_variable(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"secrets": {"db": {"id": "arn:db"}}}))
    assert set(load({**ENVIRONMENT, "CACHE_EXTENSION_CONFIG_FILE": str(path)}).sources) == {("secrets", "db")}


@pytest.mark.parametrize(
    ("environment", "advice"),
    [
        ({"CACHE_EXTENSION_CONFIG": "{}", "CACHE_EXTENSION_CONFIG_FILE": "x"}, "not both"),
        ({"CACHE_EXTENSION_CONFIG_FILE": "/nowhere/config.json"}, "cannot be read"),
        ({"CACHE_EXTENSION_CONFIG": "parameters: []"}, "is not JSON"),
        ({"CACHE_EXTENSION_CONFIG": "[" * 100_000}, "is not JSON"),
        ({"CACHE_EXTENSION_CONFIG": "[]"}, "must be a JSON object"),
        ({"CACHE_EXTENSION_CONFIG": '{"parameter": {}}'}, "known are dynamodb, parameters, secrets"),
        ({"CACHE_EXTENSION_CONFIG": '{"parameters": ["limits"]}'}, "parameters must be a JSON object"),
        ({"CACHE_EXTENSION_INIT_STARTUP": "yes"}, "must be true or false"),
        ({"CACHE_EXTENSION_STALE": "-1s"}, "CACHE_EXTENSION_STALE must be a duration"),
    ],
)
def test_an_unusable_configuration_is_refused(environment: dict[str, str], advice: str) -> None:
    with pytest.raises(Misconfigured, match=advice):
        load({**ENVIRONMENT, **environment})


@pytest.mark.parametrize(
    ("kind", "one", "advice"),
    [
        ("parameters", {}, "must have name"),
        ("parameters", "limits", "must be a JSON object"),
        ("parameters", {"name": ["a"]}, "name must be text"),
        ("parameters", {"name": "a", "names": []}, "has names; known are name, region, ttl"),
        ("parameters", {"name": "a", "ttl": "5s"}, "ttl must be a number"),
        ("parameters", {"name": "a", "ttl": True}, "ttl must be a number"),
        ("parameters", {"name": "a", "ttl": -1}, "ttl must be a number"),
        ("parameters", {"name": "a", "region": "attacker.example.com/"}, "region must be the name of a Region"),
        ("secrets", {"id": "a", "stage": 1}, "stage must be text"),
        ("dynamodb", {"table": "t"}, "key must be"),
        ("dynamodb", {"table": "t", "key": {"pk": "a"}}, "key must be as in"),
        ("dynamodb", {"table": "t", "key": {"pk": {"BOOL": True}}}, "with types S, N or B"),
        ("dynamodb", {"table": "t", "key": {"pk": {"S": "a"}}, "fields": "a"}, "fields must be a list"),
        (
            "dynamodb",
            {"table": "t", "key": {"pk": {"S": "a"}}, "consistent": "true"},
            "consistent must be true or false",
        ),
    ],
)
def test_one_unusable_name_leaves_the_others(kind: str, one: object, advice: str) -> None:
    found = load(config(**{"parameters": {"good": {"name": "good"}}} | {kind: {"good": GOOD[kind], "odd": one}}))
    assert (kind, "good") in found.sources
    assert list(found.broken) == [(kind, "odd")]
    assert advice in found.broken[kind, "odd"]


GOOD = {
    "parameters": {"name": "good"},
    "secrets": {"id": "good"},
    "dynamodb": {"table": "t", "key": {"pk": {"S": "a"}}},
}
