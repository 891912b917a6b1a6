"""An issuer whose keys the tests hold, and the tables in moto."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from identity.step_up_auth import keys, sessions, tokens

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_pool"
JWKS = f"{ISSUER}/.well-known/jwks.json"
CLIENT = "client-1"
NOW = 1_800_000_000
KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("k1", "k2")}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(kid: str, key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
    return {"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": b64(n), "e": b64(b"\x01\x00\x01"), **more}


def claims(**changed: Any) -> dict[str, Any]:
    """What Cognito puts into an access token; None takes a claim out."""
    all_of_them: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "user-1",
        "jti": "token-1",
        "client_id": CLIENT,
        "token_use": "access",
        "scope": "openid aws.cognito.signin.user.admin",
        "auth_time": NOW - 100,
        "iat": NOW - 100,
        "exp": NOW + 3500,
    } | changed
    return {name: value for name, value in all_of_them.items() if value is not None}


def sign(payload: Any, header: dict[str, Any] | None = None, key: str = "k1") -> str:
    """A token signed with one of `KEYS`."""
    text = f"{b64(json.dumps(header or {'alg': 'RS256', 'kid': key}).encode())}.{b64(json.dumps(payload).encode())}"
    return f"{text}.{b64(KEYS[key].sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Site:
    """Answers fetches, and counts them."""

    def __init__(self, *kids: str) -> None:
        self.pages: dict[str, Any] = {JWKS: {"keys": [jwk(kid, KEYS[kid]) for kid in kids or ("k1",)]}}
        self.fetched: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.fetched.append(url)
        if url not in self.pages:
            raise keys.KeysUnavailable(url)
        return json.dumps(self.pages[url]).encode()


TRUST = tokens.Trust(ISSUER, JWKS, client_ids=[CLIENT], required_claims={"token_use": "access"})


def verifier(trust: tokens.Trust = TRUST, site: Site | None = None, clock: Clock | None = None) -> tokens.Verifier:
    clock = clock or Clock()
    return tokens.Verifier(trust, keys.Keys(trust.issuer_url, trust.jwks_url, site or Site(), clock), clock)


def token(**changed: Any) -> tokens.Token:
    return verifier().verify(sign(claims(**changed)))


def tables(clock: Clock) -> tuple[Any, sessions.Tables]:
    """The module's three tables in moto: the client, and what reads and writes two of them."""
    client = boto3.client("dynamodb", region_name="eu-west-1")
    shapes = {"setting": ["id"], "session": ["jti", "group"], "factor": ["sub", "item"]}
    for name, names in shapes.items():
        index = [
            {
                "IndexName": "sub",
                "KeySchema": [{"AttributeName": "sub", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ]
        extra: dict[str, Any] = {"GlobalSecondaryIndexes": index} if name == "session" else {}
        attributes = [*names, "sub"] if name == "session" else names
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(names, ("HASH", "RANGE"), strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in attributes],
            **extra,
        )
    return client, sessions.Tables(client, "setting", "session", clock)


def allow(client: Any, path: str, state: str, **more: str) -> None:
    item = {"id": path, "stepUpState": state, **more}
    client.put_item(TableName="setting", Item={name: {"S": value} for name, value in item.items()})


def session(client: Any, jti: str = "token-1", group: str = "default") -> dict[str, Any]:
    key = {"jti": {"S": jti}, "group": {"S": group}}
    item: dict[str, Any] = client.get_item(TableName="session", Key=key).get("Item", {})
    return item
