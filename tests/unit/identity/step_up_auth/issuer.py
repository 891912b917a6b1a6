"""An issuer whose keys the tests hold, and the tables in moto."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import boto3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

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


EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
ECDSA = ec.ECDSA(hashes.SHA256())


def ec_jwk(kid: str, key: ec.EllipticCurvePrivateKey = EC, **more: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    size = (key.key_size + 7) // 8
    x, y = (b64(part.to_bytes(size, "big")) for part in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y, **more}


def ed_jwk(kid: str, **more: Any) -> dict[str, Any]:
    x = ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(x), **more}


def raw_ecdsa(message: bytes, key: ec.EllipticCurvePrivateKey = EC) -> bytes:
    """Return a signature as r and s in a row, the form of JWS; cryptography gives DER."""
    r, s = utils.decode_dss_signature(key.sign(message, ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


SIGNERS: dict[str, Callable[[bytes], bytes]] = {
    "RS256": lambda message: KEYS["k1"].sign(message, padding.PKCS1v15(), hashes.SHA256()),
    "PS256": lambda message: KEYS["k1"].sign(message, PSS, hashes.SHA256()),
    "ES256": raw_ecdsa,
    "EdDSA": ED.sign,
}
"""Signers by algorithm, with the keys of `every_kind`."""


def every_kind() -> dict[str, Any]:
    """Return a JWK set with a key for each algorithm. The key id is the algorithm's name; no key names its `alg`."""
    rsa_keys = [{n: v for n, v in jwk(kid, KEYS["k1"]).items() if n != "alg"} for kid in ("RS256", "PS256")]
    return {"keys": [*rsa_keys, ec_jwk("ES256"), ed_jwk("EdDSA")]}


def compact(header: Any, payload: Any, signer: Callable[[bytes], bytes]) -> str:
    """Return a token of a header and a payload (JSON text, or values to encode as JSON), signed by `signer`."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, payload)]
    text = ".".join(b64(part.encode()) for part in parts)
    return f"{text}.{b64(signer(text.encode()))}"


def claims(**changed: Any) -> dict[str, Any]:
    """Return the claims of Cognito's access tokens, changed as given; None removes a claim."""
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
    """Return a token signed with one of `KEYS`."""
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


def tables(clock: Clock) -> tuple[Any, sessions.Sessions]:
    """Create the module's three tables in moto. Return the client and a `Sessions` object."""
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
    return client, sessions.Sessions(client, "session", clock)


def allow(client: Any, path: str, state: str, **more: str) -> None:
    item = {"id": path, "stepUpState": state, **more}
    client.put_item(TableName="setting", Item={name: {"S": value} for name, value in item.items()})


def session(client: Any, jti: str = "token-1", group: str = "default") -> dict[str, Any]:
    key = {"jti": {"S": jti}, "group": {"S": group}}
    item: dict[str, Any] = client.get_item(TableName="session", Key=key).get("Item", {})
    return item
