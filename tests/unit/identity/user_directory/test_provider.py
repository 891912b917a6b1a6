"""Providers with secrets: what is read, what is set, and what is never revealed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from common import clients, propagation
from identity.user_directory import provider

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:apple-signin-AbCdEf"
APPLE = {
    "name": "SignInWithApple",
    "type": "SignInWithApple",
    "details": {"client_id": "c", "team_id": "t", "key_id": "old", "authorize_scopes": "email name"},
    "secret_arn": ARN,
    "attribute_mapping": {"email": "email"},
    "identifiers": [],
}


def pem(key: Any, encryption: Any = None, style: Any = serialization.PrivateFormat.PKCS8) -> str:
    text: bytes = key.private_bytes(serialization.Encoding.PEM, style, encryption or serialization.NoEncryption())
    return text.decode()


KEY = pem(ec.generate_private_key(ec.SECP256R1()))


class Cognito:
    class exceptions:  # noqa: N801 - boto3's
        class ResourceNotFoundException(Exception): ...

    def __init__(self) -> None:
        self.there: dict[str, Any] = {}

    def update_identity_provider(self, **wanted: Any) -> None:
        if wanted["ProviderName"] not in self.there:
            raise self.exceptions.ResourceNotFoundException
        self.there[wanted["ProviderName"]] = wanted

    def create_identity_provider(self, **wanted: Any) -> None:
        assert wanted["ProviderName"] not in self.there
        self.there[wanted["ProviderName"]] = wanted

    def delete_identity_provider(self, ProviderName: str, **_: Any) -> None:
        if ProviderName not in self.there:
            raise self.exceptions.ResourceNotFoundException
        del self.there[ProviderName]


class Secrets:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:
        assert SecretId == ARN
        return {} if self.text is None else {"SecretString": self.text}


@pytest.fixture
def cognito(monkeypatch: pytest.MonkeyPatch) -> Cognito:
    made = Cognito()
    secrets = Secrets(json.dumps({"private_key": KEY, "key_id": "new"}))
    monkeypatch.setattr(clients, "client", lambda service: made if service == "cognito-idp" else secrets)
    monkeypatch.setenv("USER_POOL_ID", "p")
    monkeypatch.setenv("PROVIDERS", json.dumps({"SignInWithApple": APPLE}))
    return made


def terraform(action: str) -> dict[str, Any]:
    return {"tf": {"action": action, "prev_input": None}, "provider": APPLE}


def test_life_of_a_provider(cognito: Cognito, context: Any, capsys: Any) -> None:
    for action in ("create", "create", "update"):  # a create that is retried finds the provider
        answer = provider.handler(terraform(action), context)
        assert answer == {"providers": ["SignInWithApple"]}
        details = cognito.there["SignInWithApple"]["ProviderDetails"]
        assert (details["private_key"], details["key_id"], details["team_id"]) == (KEY, "new", "t")
    for _ in range(2):  # it is no error if the provider is gone
        assert provider.handler(terraform("delete"), context) == {"providers": ["SignInWithApple"]}
    assert cognito.there == {}
    assert KEY.splitlines()[1] not in capsys.readouterr().out


def refuse(cognito: Cognito, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Deny the first calls, as while a new role's policy is not in effect yet. Return the outcomes."""
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "UpdateIdentityProvider")
    update, outcomes = cognito.update_identity_provider, list[str]()

    def call(**wanted: Any) -> None:
        outcomes.append("denied" if len(outcomes) < times else "allowed")
        if outcomes[-1] == "denied":
            raise denied
        update(**wanted)

    monkeypatch.setattr(cognito, "update_identity_provider", call)
    monkeypatch.setattr(propagation, "PAUSE", 0.0)
    return outcomes


@pytest.mark.parametrize("action", ["create", "update"])
def test_terraform_waits_for_a_new_roles_permissions(
    action: str, cognito: Cognito, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = refuse(cognito, monkeypatch, 2)
    assert provider.handler(terraform(action), context) == {"providers": ["SignInWithApple"]}
    assert outcomes == ["denied", "denied", "allowed"]


def test_other_callers_are_told_of_a_denial_at_once(
    cognito: Cognito, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = refuse(cognito, monkeypatch, 1)
    with pytest.raises(ClientError, match="AccessDenied"):
        provider.handler({}, context)
    assert outcomes == ["denied"]


def test_an_unusable_secret_keeps_no_other_provider_from_its_key(
    cognito: Cognito, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_more = {**APPLE, "name": "Another", "type": "OIDC"}  # the secret has no client_secret
    monkeypatch.setenv("PROVIDERS", json.dumps({"Another": needs_more, "SignInWithApple": APPLE}))
    with pytest.raises(provider.UnusableSecret):
        provider.handler({}, context)
    assert list(cognito.there) == ["SignInWithApple"]


def changed(**detail: Any) -> dict[str, Any]:
    return {"source": "aws.secretsmanager", "detail": {"eventName": "PutSecretValue", **detail}}


@pytest.mark.parametrize(
    ("event", "count"),
    [
        ({}, 1),
        ({"provider": {"name": "SignInWithApple"}}, 1),
        (changed(requestParameters={"secretId": ARN}), 1),
        (changed(requestParameters={"secretId": "apple-signin"}), 1),
        (changed(requestParameters={"secretId": "apple-signin-AbCdEf"}), 1),
        (changed(requestParameters={"secretId": ARN[:-7]}), 1),
        (changed(additionalEventData={"SecretId": ARN}, requestParameters=None), 1),
        (changed(requestParameters={"secretId": "apple"}), 0),
        (changed(requestParameters={"secretId": ARN + "x"}), 0),
        (changed(requestParameters={}), 0),
        (changed(), 0),
    ],
)
def test_events(event: dict[str, Any], count: int, cognito: Cognito, context: Any) -> None:
    assert len(provider.handler(event, context)["providers"]) == count


def test_secret_given_without_its_six_characters() -> None:
    short = ARN[:-7]
    for named, same in [(ARN, True), (short, True), ("apple-signin", True), (short + "-other-AbCdEf", False)]:
        assert provider.is_same_secret(named, short) is same


def test_unknown_provider(cognito: Cognito, context: Any) -> None:
    with pytest.raises(provider.UnknownProvider, match="SignInWithApple"):
        provider.handler({"provider": {"name": "Nobody"}}, context)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="binary"),
        pytest.param("", id="empty"),
        pytest.param("not a key", id="text"),
        pytest.param("{}", id="empty object"),
        pytest.param("[]", id="list"),
        pytest.param('{"private_key": 1}', id="number"),
        pytest.param(json.dumps({"client_secret": KEY}), id="under another name"),
        pytest.param(pem(rsa.generate_private_key(65537, 2048)), id="RSA"),
        pytest.param(pem(ec.generate_private_key(ec.SECP384R1())), id="other curve"),
        pytest.param(
            pem(ec.generate_private_key(ec.SECP256R1()), style=serialization.PrivateFormat.TraditionalOpenSSL),
            id="not PKCS 8",
        ),
        pytest.param(
            pem(ec.generate_private_key(ec.SECP256R1()), serialization.BestAvailableEncryption(b"x")), id="encrypted"
        ),
        pytest.param(KEY.replace("PRIVATE", "PUBLIC"), id="public"),
        pytest.param(KEY + KEY, id="two keys"),
    ],
)
def test_unusable_apple_keys(text: str | None) -> None:
    with pytest.raises(provider.UnusableSecret) as error:
        provider.read(Secrets(text), APPLE)
    assert ARN in str(error.value)
    assert not text or len(text) < 5 or text not in str(error.value)


@pytest.mark.parametrize("text", [KEY, KEY.replace("\n", "\r\n"), f"\n{KEY}\n", json.dumps({"private_key": KEY})])
def test_usable_apple_keys(text: str) -> None:
    assert provider.is_p256_key(provider.read(Secrets(text), APPLE)["private_key"])


def test_client_secret_bare_or_in_json() -> None:
    oidc = {**APPLE, "type": "OIDC"}
    assert provider.read(Secrets("s3cret\n"), oidc) == {"client_secret": "s3cret"}
    assert provider.read(Secrets('{"client_secret": "s3cret"}'), oidc) == {"client_secret": "s3cret"}
