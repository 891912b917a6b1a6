"""What looks like a secret, how properties are read, and what a drift is."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from data.connector_config.rules import Rules, drift, read_properties, secrets, used_by
from local.settings import ROOT

from .case import RULES, encoded, patterns

SECRETS = [
    ("database.password", "hunter2"),
    ("DATABASE.PASSWORD", "hunter2"),
    ("connection.passwd", "x"),
    ("ssl.key.passphrase", "x"),
    ("aws.secret.access.key", "x"),
    ("AWS_SECRET_ACCESS_KEY", "x"),
    ("client.secret", "x"),
    ("oauth.token", "x"),
    ("splunk.hec.token", "x"),
    ("datadog.api_key", "x"),
    ("snowflake.private.key", "x"),
    ("database.password", "${no provider}"),
    ("database.password", "x${sm:path:key}"),
    ("database.password", "${sm:path:key}x"),
    ("database.password", "${sm:path:${x}}"),
    ("database.password", " "),
    ("config.providers.sm.param.aws.secret.key", "x"),
    ("transforms.mask.password", "x"),
    ("sasl.jaas.config", 'a.B required username="u" password="p";'),
    ("x.jaas.config", 'a.B required username="${sm:a:u}" password="p";'),
    ("header.x", "AKIAIOSFODNN7EXAMPLE"),
    ("header.x", "-----BEGIN RSA PRIVATE KEY-----\nMII"),
    ("header.x", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x"),
    ("header.x", "ghp_0123456789abcdefghij"),
    ("header.x", "xoxb-0123456789-abc"),
    ("connection.uri", "mongodb://u:p@db/x"),
    ("connection.uri", "mongodb://u:$p@db/x"),
    ("connection.uri", "amqp://:p@db"),
    ("connection.uri", "mongodb://${sm:a:u}:p@db/x"),
    ("connection.url", "jdbc:mysql://db/x?user=u&password=p"),
    ("connection.url", "jdbc:mysql://db/x?user=u&PASSWORD = 'p'"),
    ("endpoint", "Endpoint=sb://x/;AccountKey=abc=="),
]
PLAIN = [
    ("database.password", "${secretsmanager:orders:password}"),
    ("database.password", "${file:/run/secrets/db:password}"),
    ("database.password", "${env:PASSWORD}"),
    ("database.password", ""),
    ("value.converter.basic.auth.credentials.source", "USER_INFO"),
    ("aws.credentials.provider.class", "com.amazonaws.auth.DefaultAWSCredentialsProviderChain"),
    ("config.providers", "secretsmanager"),
    ("config.providers.secretsmanager.class", "a.SecretsManagerConfigProvider"),
    ("config.providers.secretsmanager.param.region", "eu-central-1"),
    ("config.providers.secretsmanager.param.NotFoundStrategy", "fail"),
    ("config.providers.sm.param.secret.ttl.ms", "86400000"),
    ("config.providers.sm.param.secret.prefix", "orders/"),
    ("transforms.maskSecrets.fields", "number"),
    ("sasl.jaas.config", 'a.B required username="${sm:a:u}" password="${sm:a:p}";'),
    ("connection.uri", "mongodb://${sm:a:u}:${sm:a:p}@db/x"),
    ("connection.url", "jdbc:mysql://db/x?user=u&password=${sm:a:p}"),
    ("topics", "orders"),
    ("errors.deadletterqueue.topic.name", "orders-dlq"),
    ("schema.registry.url", "https://registry.example.com:8081/a@b"),
    ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
    ("file.name.template", "${topic}-${partition}"),
    ("ssl.truststore.location", "/tmp/trust.jks"),
]


@pytest.mark.parametrize(("key", "value"), SECRETS)
def test_a_secret_in_plain_text_is_seen(key: str, value: str) -> None:
    found = RULES.findings({key: value})
    assert found == [f"secret in plain text: {key}"]
    assert secrets(found) == 1
    assert RULES.findings({key: value}, [key]) == []


@pytest.mark.parametrize(("key", "value"), PLAIN)
def test_what_is_no_secret_is_left_alone(key: str, value: str) -> None:
    assert RULES.findings({key: value}) == []


def test_terraform_and_the_function_refuse_the_same() -> None:
    cases = yaml.safe_load((ROOT / "tests/refusals/data/connector_config.yaml").read_text())["refused"]
    names = ["a password", "a token in capital letters", "a password in a connection string", "a private key"]
    names += ["a user and password in a URL", "JAAS with a password", "JSON Web Token"]
    for name in names:
        assert RULES.findings(cases["connectors"][name]["a"]["configuration"]), name
    for name in ("a password", "a key pair of AWS", "a provider's secret key", "a password in a URL"):
        assert RULES.findings(cases["worker_configurations"][name]["json"]["properties"]), name


def test_a_provider_that_restarts_the_connector_needs_a_lifetime() -> None:
    name = "config.providers.sm.class"
    properties = {name: "com.github.jcustenborder.kafka.config.aws.SecretsManagerConfigProvider"}
    wanted = "restarts every 5 minutes: config.providers.sm.param.secret.ttl.ms is not set"
    assert RULES.findings(properties) == [wanted]
    assert RULES.findings({**properties, "config.providers.sm.param.secret.ttl.ms": "86400000"}) == []


def test_odd_values_are_read_as_text() -> None:
    assert RULES.findings({"a": 1, "b": None, "database.password": 7}) == ["secret in plain text: database.password"]


@pytest.mark.parametrize("broken", [{}, {**patterns(), "secret_names": 1}, {**patterns(), "secret_names": "("}])
def test_rules_that_are_missing_or_malformed_are_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r".") as caught:
        Rules(broken)
    assert type(caught.value).__name__ in ("KeyError", "TypeError", "error", "PatternError")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("a=b\nc=d\n", {"a": "b", "c": "d"}),
        ("a=b\r\nc=d\r", {"a": "b", "c": "d"}),
        ("# a=b\n ! c=d\n\n  e = f ", {"e": "f"}),
        ("a:b\nc d\ne", {"a": "b", "c": "d", "e": ""}),
        ("a=b=c:d", {"a": "b=c:d"}),
        ("a\\=b=c", {"a=b": "c"}),
        ("a=b\\\n   c\nd=e", {"a": "bc", "d": "e"}),
        ("a=b\\\\\nc=d", {"a": "b\\", "c": "d"}),
        ("a=${sm:path:key}", {"a": "${sm:path:key}"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=b\u2028c=d", {"a": "b\u2028c=d"}),
        ("=x", {"": "x"}),
    ],
)
def test_properties(text: str, wanted: dict[str, str]) -> None:
    assert read_properties(encoded(text)) == wanted


@pytest.mark.parametrize("content", ["%", "a", "/w==", "ä"])
def test_content_that_is_no_text_is_named(content: str) -> None:
    with pytest.raises(ValueError, match="not text in Base64"):
        read_properties(content)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    read_properties(encoded(text.encode(errors="replace").decode()))


# --- drift ------------------------------------------------------------------------------------------------------------

PLUGIN, WORKER = "arn:p", "arn:w"


def declared(**changed: Any) -> dict[str, Any]:
    made = {
        "configuration": {key: hashlib.sha256(v.encode()).hexdigest() for key, v in {"a": "1", "b": "2"}.items()},
        "uses": [WORKER, PLUGIN],
        "capacity": {"autoScaling": {"mcuCount": 1, "minWorkerCount": 1, "maxWorkerCount": 2}},
    }
    return made | changed


def described(**changed: Any) -> dict[str, Any]:
    scaling = {
        "mcuCount": 1,
        "minWorkerCount": 1,
        "maxWorkerCount": 2,
        "scaleInPolicy": {"cpuUtilizationPercentage": 20},
    }
    made = {
        "connectorConfiguration": {"a": "1", "b": "2"},
        "plugins": [{"customPlugin": {"customPluginArn": PLUGIN, "revision": 1}}],
        "workerConfiguration": {"workerConfigurationArn": WORKER, "revision": 1},
        "capacity": {"autoScaling": scaling},
    }
    return made | changed


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, []),
        ({"connectorConfiguration": {"a": "9", "c": "3"}},
         ["setting changed: a", "setting missing: b", "setting added: c"]),
        ({"connectorConfiguration": None}, ["setting missing: a", "setting missing: b"]),
        ({"capacity": {"provisionedCapacity": {"mcuCount": 1, "workerCount": 1}}}, ["capacity changed"]),
        ({"capacity": None}, ["capacity changed"]),
        ({"plugins": []}, ["plugin or worker configuration changed"]),
        ({"workerConfiguration": None}, ["plugin or worker configuration changed"]),
    ],
)  # fmt: skip
def test_drift(changed: dict[str, Any], wanted: list[str]) -> None:
    assert drift(declared(), described(**changed)) == wanted


def test_a_drift_says_no_value() -> None:
    found = drift(declared(), described(connectorConfiguration={"a": "hunter2"}))
    assert "hunter2" not in json.dumps(found)


def test_what_a_connector_uses() -> None:
    assert used_by(described()) == [PLUGIN, WORKER]
    assert used_by({}) == used_by({"plugins": None, "workerConfiguration": None}) == []
    assert used_by({"plugins": [{}, {"customPlugin": None}]}) == []
