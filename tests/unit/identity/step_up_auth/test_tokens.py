"""Tokens: the genuine one is accepted, and every other is refused for the right reason."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.step_up_auth import keys, tokens
from tests.unit.identity.step_up_auth import issuer
from tests.unit.identity.step_up_auth.issuer import (
    CLIENT,
    EC,
    ECDSA,
    ISSUER,
    JWKS,
    KEYS,
    NOW,
    SIGNERS,
    TRUST,
    b64,
    claims,
    compact,
    sign,
)

GENUINE = sign(claims())
HEAD, PAYLOAD, SIGNATURE = GENUINE.split(".")
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def foreign(header: dict[str, Any]) -> str:
    """Return a token signed with a key that is not the issuer's."""
    text = f"{b64(json.dumps(header).encode())}.{PAYLOAD}"
    return f"{text}.{b64(OTHER.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def hmac_with(secret: bytes) -> str:
    header = {"alg": "HS256", "kid": "k1"}
    return compact(header, claims(), lambda message: hmac.new(secret, message, hashlib.sha256).digest())


def headed(**more: Any) -> str:
    """Return a token that is genuine except for its header."""
    return sign(claims(), {"alg": "RS256", "kid": "k1", **more})


PEM = KEYS["k1"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = KEYS["k1"].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
JWK = json.dumps(issuer.jwk("k1", KEYS["k1"])).encode()


HOSTILE = {
    "empty": ("", "malformed"),
    "one part": ("abc", "malformed"),
    "four parts": (f"{GENUINE}.x", "malformed"),
    "header is no JSON": (f"{b64(b'{')}.{PAYLOAD}.{SIGNATURE}", "malformed"),
    "header is a list": (f"{b64(b'[]')}.{PAYLOAD}.{SIGNATURE}", "malformed"),
    "header nested deep": (f"{b64(b'[' * 5000)}.{PAYLOAD}.{SIGNATURE}", "malformed"),
    "padded base64": (f"{HEAD}.{PAYLOAD}.{SIGNATURE}==", "malformed"),
    "standard base64": (f"{HEAD}.{PAYLOAD}.+/+/", "malformed"),
    "alg none": (f"{b64(json.dumps({'alg': 'none'}).encode())}.{PAYLOAD}.", "algorithm"),
    "alg None": (f"{b64(json.dumps({'alg': 'None', 'kid': 'k1'}).encode())}.{PAYLOAD}.{SIGNATURE}", "algorithm"),
    "HMAC with the public key": (hmac_with(JWK), "algorithm"),
    "HMAC with the public key as PEM": (hmac_with(PEM), "algorithm"),
    "HMAC with the public key as DER": (hmac_with(DER), "algorithm"),
    "HMAC with nothing": (hmac_with(b""), "algorithm"),
    "no alg": (sign(claims(), {"kid": "k1"}), "algorithm"),
    "alg a list": (sign(claims(), {"alg": ["RS256"], "kid": "k1"}), "algorithm"),
    "alg an object": (sign(claims(), {"alg": {}, "kid": "k1"}), "algorithm"),
    "alg in lower case": (sign(claims(), {"alg": "rs256", "kid": "k1"}), "algorithm"),
    "alg with a blank": (sign(claims(), {"alg": "RS256 ", "kid": "k1"}), "algorithm"),
    "ES256 with an RSA key": (compact({"alg": "ES256", "kid": "k1"}, claims(), SIGNERS["ES256"]), "algorithm"),
    "EdDSA with an RSA key": (compact({"alg": "EdDSA", "kid": "k1"}, claims(), SIGNERS["EdDSA"]), "algorithm"),
    "PS256 with an RS256 key": (compact({"alg": "PS256", "kid": "k1"}, claims(), SIGNERS["PS256"]), "algorithm"),
    "alg RS512": (f"{b64(json.dumps({'alg': 'RS512', 'kid': 'k1'}).encode())}.{PAYLOAD}.{SIGNATURE}", "algorithm"),
    "critical extension": (headed(crit=["exp"]), "critical_header"),
    "critical extension, empty": (headed(crit=[]), "critical_header"),
    "critical extension, null": (headed(crit=None), "critical_header"),
    "payload that is not encoded": (headed(b64=False, crit=["b64"]), "critical_header"),
    "payload that is not encoded, and does not say so": (headed(b64=False), "malformed"),
    "wrong key": (foreign({"alg": "RS256", "kid": "k1"}), "signature"),
    "PSS signature": (compact({"alg": "RS256", "kid": "k1"}, claims(), SIGNERS["PS256"]), "signature"),
    "key in the header": (foreign({"alg": "RS256", "kid": "mine", "jwk": issuer.jwk("mine", OTHER)}), "key_id"),
    "key at a URL": (foreign({"alg": "RS256", "kid": "mine", "jku": "https://evil.example/jwks"}), "key_id"),
    "key in the header, under a known kid": (
        foreign({"alg": "RS256", "kid": "k1", "jwk": issuer.jwk("k1", OTHER)}),
        "signature",
    ),
    "key at a URL, under a known kid": (
        foreign({"alg": "RS256", "kid": "k1", "jku": "https://evil.example/jwks"}),
        "signature",
    ),
    "certificate in the header": (foreign({"alg": "RS256", "kid": "k1", "x5c": ["MIIB"]}), "signature"),
    "certificate at a URL": (foreign({"alg": "RS256", "kid": "k1", "x5u": "https://evil.example/c"}), "signature"),
    "unknown kid": (foreign({"alg": "RS256", "kid": "k9"}), "key_id"),
    "kid as a path": (sign(claims(), {"alg": "RS256", "kid": "../../../dev/null"}), "key_id"),
    "kid as SQL": (sign(claims(), {"alg": "RS256", "kid": "' OR 1=1 --"}), "key_id"),
    "kid a list": (sign(claims(), {"alg": "RS256", "kid": ["k1"]}), "key_id"),
    "kid oversized": (sign(claims(), {"alg": "RS256", "kid": "k" * 257}), "key_id"),
    "no kid": (sign(claims(), {"alg": "RS256"}), "key_id"),
    "another key's kid": (sign(claims(), {"alg": "RS256", "kid": "k1"}, "k2"), "signature"),
    "changed payload": (f"{HEAD}.{b64(json.dumps(claims(sub='admin')).encode())}.{SIGNATURE}", "signature"),
    "changed header": (f"{b64(json.dumps({'kid': 'k1', 'alg': 'RS256'}).encode())}.{PAYLOAD}.{SIGNATURE}", "signature"),
    "no signature": (f"{HEAD}.{PAYLOAD}.", "signature"),
    "half a signature": (f"{HEAD}.{PAYLOAD}.{b64(b'x' * 128)}", "signature"),
    "signature of zeros": (f"{HEAD}.{PAYLOAD}.{b64(bytes(256))}", "signature"),
    "signature of ones": (f"{HEAD}.{PAYLOAD}.{b64(bytes([*bytes(255), 1]))}", "signature"),
    "signature beyond the modulus": (f"{HEAD}.{PAYLOAD}.{b64(bytes([255] * 256))}", "signature"),
    "blank in the signature": (f"{HEAD}.{PAYLOAD}.{SIGNATURE[:9]} {SIGNATURE[9:]}", "malformed"),
    "line break in the payload": (f"{HEAD}.{PAYLOAD[:9]}\n{PAYLOAD[9:]}.{SIGNATURE}", "malformed"),
    "line break at the end": (f"{GENUINE}\n", "malformed"),
    "zero byte": (f"{GENUINE}\0", "malformed"),
    "letter that looks alike": (f"{HEAD}.{PAYLOAD}.\u0430{SIGNATURE[1:]}", "malformed"),
    "full-width digit": (f"{HEAD}.{PAYLOAD}.\uff11{SIGNATURE[1:]}", "malformed"),
    "lone surrogate": (f"{HEAD}.{PAYLOAD}.\ud800", "malformed"),
    "spare bits in the signature": (f"{GENUINE[:-1]}{chr(ord(GENUINE[-1]) + 1)}", "malformed"),
    "no payload": (f"{HEAD}..{SIGNATURE}", "malformed"),
    "header in UTF-16": (f"{b64(json.dumps({'alg': 'RS256', 'kid': 'k1'}).encode('utf-16'))}.{PAYLOAD}.x", "malformed"),
    "alg twice": (compact('{"alg":"none","kid":"k1","alg":"RS256"}', claims(), SIGNERS["RS256"]), "malformed"),
    "claim twice": (
        compact({"alg": "RS256", "kid": "k1"}, json.dumps(claims())[:-1] + ', "sub": "admin"}', SIGNERS["RS256"]),
        "malformed",
    ),
    "claims in UTF-8 that is none": (
        f"{HEAD}.{b64(bytes([255]))}." + b64(SIGNERS["RS256"](f"{HEAD}.{b64(bytes([255]))}".encode())),
        "malformed",
    ),
    "oversized": (f"{HEAD}.{PAYLOAD}.{SIGNATURE}{'A' * 8000}", "oversized"),
    "oversized payload": (sign(claims(pad="x" * 9000)), "oversized"),
    "claims a list": (sign([1]), "malformed"),
    "another issuer": (sign(claims(iss=f"{ISSUER}2")), "issuer"),
    "issuer with a slash": (sign(claims(iss=f"{ISSUER}/")), "issuer"),
    "no issuer": (sign(claims(iss=None)), "issuer"),
    "expired": (sign(claims(exp=NOW - 1)), "expired"),
    "expires now": (sign(claims(exp=NOW)), "expired"),
    "no expiry": (sign(claims(exp=None)), "claims"),
    "expiry as text": (sign(claims(exp="9999999999")), "claims"),
    "expiry true": (sign(claims(exp=True)), "claims"),
    "expiry not a number": (sign(claims(exp=float("nan"))), "claims"),
    "expiry without end": (sign(claims(exp=float("inf"))), "claims"),
    "expiry of 400 digits": (compact({"alg": "RS256", "kid": "k1"}, claims(exp=10**400), SIGNERS["RS256"]), "claims"),
    "expiry of 5,000 digits": (
        compact({"alg": "RS256", "kid": "k1"}, json.dumps(claims())[:-1] + f', "x": {"9" * 5000}}}', SIGNERS["RS256"]),
        "malformed",
    ),
    "expired a little": (sign(claims(exp=NOW - 0.5)), "expired"),
    "not yet valid": (sign(claims(nbf=NOW + 61)), "not_yet_valid"),
    "issued in the future": (sign(claims(iat=NOW + 61)), "not_yet_valid"),
    "ID token": (sign(claims(token_use="id", client_id=None, aud=CLIENT)), "use"),
    "refresh token": (sign(claims(token_use="refresh")), "use"),
    "no use": (sign(claims(token_use=None)), "use"),
    "wrong client": (sign(claims(client_id="client-2")), "client"),
    "client as a list": (sign(claims(client_id=[CLIENT])), "client"),
    "no client": (sign(claims(client_id=None)), "client"),
    "client in azp, another in client_id": (sign(claims(client_id="client-2", azp=CLIENT)), "client"),
    "no jti": (sign(claims(jti=None)), "claims"),
    "empty jti": (sign(claims(jti="")), "claims"),
    "oversized jti": (sign(claims(jti="x" * 257)), "claims"),
    "no sub": (sign(claims(sub=None)), "claims"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_token_is_refused(what: str) -> None:
    token, reason = HOSTILE[what]
    with pytest.raises(tokens.TokenRefused) as refused:
        issuer.verifier().verify(token)
    assert refused.value.reason == reason


def test_hostile_tokens_are_counted() -> None:
    """The table above contains all tokens that the specification names."""
    named = {"alg none", "wrong key", "wrong client", "expired", "ID token", "kid as a path", "oversized"}
    assert named <= HOSTILE.keys()
    assert len(HOSTILE) == 92


def test_genuine_token_is_taken() -> None:
    token = issuer.verifier().verify(GENUINE)
    assert (token.jti, token.sub, token.client_id) == ("token-1", "user-1", CLIENT)
    assert (token.expires_at, token.auth_time) == (NOW + 3500, NOW - 100)
    assert GENUINE not in repr(token)


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_an_issuers_clock_may_be_a_little_ahead(claim: str) -> None:
    assert issuer.verifier().verify(sign(claims(**{claim: NOW + 59}))).sub == "user-1"


OTHER_ISSUER = "https://login.example.com/tenant"
GENERIC = tokens.Trust(OTHER_ISSUER, None, audiences=["api"], token_types=["at+jwt"])


def discovered() -> issuer.Site:
    site = issuer.Site()
    site.pages = {
        f"{OTHER_ISSUER}/.well-known/openid-configuration": {
            "issuer": OTHER_ISSUER,
            "jwks_uri": "https://login.example.com/keys",
        },
        "https://login.example.com/keys": site.pages[JWKS],
    }
    return site


@pytest.mark.parametrize(
    ("changed", "typ", "reason"),
    [
        ({"aud": "api"}, "at+jwt", None),
        ({"aud": ["other", "api"]}, "AT+JWT", None),
        ({"aud": "other"}, "at+jwt", "audience"),
        ({}, "at+jwt", "audience"),
        ({"aud": {"api": True}}, "at+jwt", "audience"),
        ({"aud": [["api"]]}, "at+jwt", "audience"),
        ({"aud": 5}, "at+jwt", "audience"),
        ({"aud": "api "}, "at+jwt", "audience"),
        ({"aud": "other", "client_id": "api"}, "at+jwt", "audience"),
        ({"aud": "api"}, ["at+jwt"], "use"),
        ({"aud": "api"}, "JWT", "use"),
        ({"aud": "api"}, None, "use"),
    ],
)
def test_any_issuer_by_url(changed: dict[str, Any], typ: Any, reason: str | None) -> None:
    header = {"alg": "RS256", "kid": "k1", **({"typ": typ} if typ else {})}
    token = sign(claims(**{"iss": OTHER_ISSUER, "token_use": None, "client_id": None, **changed}), header)
    verifier = issuer.verifier(GENERIC, discovered())
    if reason is None:
        assert verifier.verify(token).client_id == ""
        return
    with pytest.raises(tokens.TokenRefused) as refused:
        verifier.verify(token)
    assert refused.value.reason == reason


@pytest.mark.parametrize("claim", tokens.CLIENT_CLAIMS)
def test_client_claims_of_other_issuers(claim: str) -> None:
    trust = tokens.Trust(ISSUER, JWKS, client_ids=[CLIENT], required_claims={"token_use": "access"})
    token = sign(claims(**({"client_id": None} | {claim: CLIENT})))
    assert issuer.verifier(trust).verify(token).client_id == CLIENT


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://evil.example", "jwks_uri": "https://login.example.com/keys"},
        {"issuer": OTHER_ISSUER, "jwks_uri": "http://login.example.com/keys"},
        {"issuer": OTHER_ISSUER},
    ],
)
def test_a_wrong_openid_configuration_is_not_used(configuration: dict[str, str]) -> None:
    site = discovered()
    site.pages[f"{OTHER_ISSUER}/.well-known/openid-configuration"] = configuration
    with pytest.raises(keys.KeysUnavailable):
        issuer.verifier(GENERIC, site).verify(sign(claims(), {"alg": "RS256", "kid": "k1", "typ": "at+jwt"}))


@pytest.mark.parametrize("lacking", [{"client_ids": []}, {"required_claims": {}}])
def test_a_trust_that_takes_anybodys_tokens_is_refused(lacking: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        tokens.Trust(**({"issuer_url": ISSUER, "client_ids": [CLIENT], "required_claims": {"a": "b"}} | lacking))


@pytest.mark.parametrize(
    "url", ["http://login.example.com/keys", "http://localhost.example.com/keys", "file:///etc/keys"]
)
def test_keys_are_never_fetched_without_tls(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        tokens.Trust(ISSUER, url, client_ids=[CLIENT], required_claims={"token_use": "access"})


# --- keys ---------------------------------------------------------------------------------------------------


def test_keys_are_fetched_by_the_first_token_that_needs_them() -> None:
    site = issuer.Site()
    verifier = issuer.verifier(TRUST, site)
    for hostile in ("alg none", "empty", "kid a list", "oversized"):
        with pytest.raises(tokens.TokenRefused):
            verifier.verify(HOSTILE[hostile][0])
    assert site.fetched == []
    verifier.verify(GENUINE)
    assert site.fetched == [JWKS]


class Issuer(BaseHTTPRequestHandler):
    """An issuer's web server, on loopback."""

    def do_GET(self) -> None:
        large = b" " * (keys.SIZE_LIMIT + 1)
        status, body = {"/good": (200, b"{}"), "/large": (200, large), "/moved": (302, b"")}.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Location", "/good")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Issuer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_is_fetched(site_url: str) -> None:
    assert keys.fetch(f"{site_url}/good") == b"{}"


@pytest.mark.parametrize(("path", "said"), [("large", "65537 bytes"), ("moved", "status 302"), ("none", "status 404")])
def test_what_is_not_taken_for_keys(site_url: str, path: str, said: str) -> None:
    with pytest.raises(keys.KeysUnavailable, match=said):
        keys.fetch(f"{site_url}/{path}")


def test_an_issuer_that_is_not_there_is_no_issuer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/keys"
    with pytest.raises(keys.KeysUnavailable, match="MaxRetryError"):
        keys.fetch(url)


def test_warm_verification_fetches_nothing() -> None:
    site = issuer.Site("k1", "k2")
    verifier = issuer.verifier(TRUST, site)
    for kid in ("k1", "k2", "k1"):
        verifier.verify(sign(claims(), key=kid))
    assert site.fetched == [JWKS]


def test_new_key_works_at_once(clock: issuer.Clock) -> None:
    site = issuer.Site("k1")
    verifier = issuer.verifier(TRUST, site, clock)
    verifier.verify(GENUINE)
    clock.now += keys.COOLDOWN
    site.pages = issuer.Site("k1", "k2").pages
    assert verifier.verify(sign(claims(), key="k2")).sub == "user-1"
    assert len(site.fetched) == 2


def test_invented_key_ids_cost_one_fetch_a_minute(clock: issuer.Clock) -> None:
    site = issuer.Site()
    verifier = issuer.verifier(TRUST, site, clock)
    for number in range(100):
        with pytest.raises(tokens.TokenRefused):
            verifier.verify(foreign({"alg": "RS256", "kid": f"k{number + 10}"}))
    assert len(site.fetched) == 1
    assert verifier.verify(GENUINE).sub == "user-1"


@pytest.mark.parametrize("seconds", [0, 1, 59])
def test_a_process_without_keys_tries_again_with_the_next_token(clock: issuer.Clock, seconds: int) -> None:
    site = issuer.Site()
    good, site.pages = site.pages, {}
    verifier = issuer.verifier(TRUST, site, clock)
    with pytest.raises(keys.KeysUnavailable):
        verifier.verify(GENUINE)
    site.pages = good
    clock.now += seconds
    assert verifier.verify(GENUINE).sub == "user-1"
    assert len(site.fetched) == 2


def test_a_token_without_the_time_of_its_sign_in_is_of_the_oldest_one() -> None:
    assert issuer.token(auth_time=None).auth_time == 0


def test_a_key_taken_back_ends(clock: issuer.Clock) -> None:
    site = issuer.Site("k1", "k2")
    verifier = issuer.verifier(TRUST, site, clock)
    verifier.verify(sign(claims(), key="k2"))
    site.pages = issuer.Site("k1").pages
    clock.now += keys.MAX_AGE + 1
    late = claims(exp=int(clock.now) + 100)
    with pytest.raises(tokens.TokenRefused):
        verifier.verify(sign(late, key="k2"))
    assert verifier.verify(sign(late)).sub == "user-1"


def test_known_keys_serve_on_while_the_issuer_is_away_but_not_for_ever(clock: issuer.Clock) -> None:
    site = issuer.Site()
    verifier = issuer.verifier(TRUST, site, clock)
    verifier.verify(GENUINE)
    site.pages = {}
    clock.now += keys.MAX_AGE + 1
    assert verifier.verify(sign(claims(exp=int(clock.now) + 100))).sub == "user-1"
    clock.now += keys.STALE_LIMIT
    with pytest.raises(keys.KeysUnavailable):
        verifier.verify(sign(claims(exp=int(clock.now) + 100)))


@pytest.mark.parametrize(
    "page",
    [
        {"keys": []},
        {},
        {"keys": [{"kty": "EC", "kid": "k1"}]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], use="enc")]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], alg="RS512")]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], e="AQ")]},
        {"keys": [issuer.jwk("k1", rsa.generate_private_key(public_exponent=65537, key_size=1024))]},
        {"keys": "k1"},
        {"keys": [None, "k1", 1]},
        {"keys": [issuer.jwk("", KEYS["k1"]) | {"kid": 1}]},
        {"keys": [{"kty": "oct", "kid": "k1", "alg": "HS256", "k": b64(b"secret" * 8)}]},
        {"keys": [{"kty": "oct", "kid": "k1", "alg": "RS256", "k": b64(b"secret" * 8)}]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], d=b64(b"x"))]},
        {"keys": [issuer.ec_jwk("k1", d=b64(EC.private_numbers().private_value.to_bytes(32, "big")))]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], key_ops=["sign"])]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], alg="HS256")]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], alg="ES256")]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], alg="none")]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], n=5)]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], n="")]},
        {"keys": [issuer.jwk("k1", KEYS["k1"], e=b64(b"\x01" * 5))]},
        {"keys": [issuer.ec_jwk("k1", ec.generate_private_key(ec.SECP384R1()), crv="P-384")]},
        {"keys": [issuer.ec_jwk("k1", ec.generate_private_key(ec.SECP256K1()), crv="secp256k1")]},
        {"keys": [issuer.ec_jwk("k1", crv="P-384")]},
        {"keys": [issuer.ec_jwk("k1", x=b64(b"\x01" * 32))]},
        {"keys": [issuer.ed_jwk("k1", crv="X25519")]},
        {"keys": [issuer.ed_jwk("k1", crv="Ed448")]},
        {"keys": [issuer.ed_jwk("k1", x=b64(b"short"))]},
        [],
    ],
)
def test_unusable_keys_let_nobody_in(page: Any) -> None:
    site = issuer.Site()
    site.pages[JWKS] = page
    with pytest.raises(keys.KeysUnavailable):
        issuer.verifier(TRUST, site).verify(GENUINE)


def test_a_set_with_one_usable_key_uses_it() -> None:
    site = issuer.Site()
    site.pages[JWKS] = {"keys": [{"kty": "oct", "kid": "k0", "k": "AAAA"}, issuer.jwk("k1", KEYS["k1"]), None]}
    assert issuer.verifier(TRUST, site).verify(GENUINE).sub == "user-1"


def test_the_smallest_rsa_key_has_2048_bits(clock: issuer.Clock) -> None:
    for bits, taken in ((2047, False), (2048, True)):
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        page = {"keys": [issuer.jwk("k1", key)]}
        assert (keys._key(page["keys"][0]) is not None) is taken


# --- every algorithm ----------------------------------------------------------------------------------------


@pytest.fixture
def every() -> issuer.Site:
    site = issuer.Site()
    site.pages[JWKS] = issuer.every_kind()
    return site


@pytest.mark.parametrize("algorithm", keys.ALGORITHMS)
def test_each_algorithm_is_taken(every: issuer.Site, algorithm: str) -> None:
    token = compact({"alg": algorithm, "kid": algorithm}, claims(), SIGNERS[algorithm])
    assert issuer.verifier(TRUST, every).verify(token).sub == "user-1"


@pytest.mark.parametrize("kid", keys.ALGORITHMS)
@pytest.mark.parametrize("algorithm", keys.ALGORITHMS)
def test_an_algorithm_takes_keys_of_its_type_only(every: issuer.Site, algorithm: str, kid: str) -> None:
    """The signatures are right for the key. An RSA key without `alg` is valid for both of its algorithms."""
    token = compact({"alg": algorithm, "kid": kid}, claims(), SIGNERS[algorithm])
    verifier = issuer.verifier(TRUST, every)
    if algorithm == kid or {algorithm, kid} == {"RS256", "PS256"}:
        assert verifier.verify(token).sub == "user-1"
        return
    with pytest.raises(tokens.TokenRefused) as refused:
        verifier.verify(token)
    assert refused.value.reason == "algorithm"


@pytest.mark.parametrize("named", keys.ALGORITHMS)
@pytest.mark.parametrize("algorithm", keys.ALGORITHMS)
def test_a_key_that_names_its_algorithm_serves_no_other(algorithm: str, named: str) -> None:
    site = issuer.Site()
    site.pages[JWKS] = {"keys": [{**jwk, "alg": named} for jwk in issuer.every_kind()["keys"]]}
    token = compact({"alg": algorithm, "kid": algorithm}, claims(), SIGNERS[algorithm])
    verifier = issuer.verifier(TRUST, site)
    if algorithm == named:
        assert verifier.verify(token).sub == "user-1"
        return
    with pytest.raises(tokens.TokenRefused) as refused:
        verifier.verify(token)
    assert refused.value.reason in ("algorithm", "key_id")


@pytest.mark.parametrize("algorithm", keys.ALGORITHMS)
@pytest.mark.parametrize("other", keys.ALGORITHMS)
def test_another_algorithms_signature_is_refused(every: issuer.Site, algorithm: str, other: str) -> None:
    token = compact({"alg": algorithm, "kid": algorithm}, claims(), SIGNERS[other])
    verifier = issuer.verifier(TRUST, every)
    if other == algorithm:
        verifier.verify(token)
        return
    with pytest.raises(tokens.TokenRefused) as refused:
        verifier.verify(token)
    assert refused.value.reason == "signature"


@pytest.mark.parametrize("algorithm", keys.ALGORITHMS)
def test_none_and_hmac_are_refused_with_every_key(every: issuer.Site, algorithm: str) -> None:
    jwk = next(jwk for jwk in issuer.every_kind()["keys"] if jwk["kid"] == algorithm)
    secret = json.dumps(jwk).encode()
    for alg in ("none", "HS256", "HS384", "HS512"):
        for sign_with in (lambda _: b"", lambda message: hmac.new(secret, message, hashlib.sha256).digest()):
            with pytest.raises(tokens.TokenRefused) as refused:
                issuer.verifier(TRUST, every).verify(compact({"alg": alg, "kid": algorithm}, claims(), sign_with))
            assert refused.value.reason == "algorithm"


@pytest.mark.parametrize(
    "signer",
    [
        lambda message: EC.sign(message, ECDSA),  # DER, which is not the form of JWS
        lambda message: issuer.raw_ecdsa(message)[::-1],
        lambda message: issuer.raw_ecdsa(message)[:-1],
        lambda message: issuer.raw_ecdsa(message) + b"\0",
        lambda message: issuer.raw_ecdsa(message, ec.generate_private_key(ec.SECP256R1())),
        lambda _: bytes(64),  # r and s of zero, which some verifiers accepted for any message
        lambda _: b"",
    ],
)
def test_es256_signatures_have_one_form(every: issuer.Site, signer: Any) -> None:
    with pytest.raises(tokens.TokenRefused) as refused:
        issuer.verifier(TRUST, every).verify(compact({"alg": "ES256", "kid": "ES256"}, claims(), signer))
    assert refused.value.reason == "signature"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(keys.ALGORITHMS)), st.data())
def test_a_changed_bit_anywhere_is_refused(algorithm: str, data: st.DataObject) -> None:
    site = issuer.Site()
    site.pages[JWKS] = issuer.every_kind()
    parts = [{"alg": algorithm, "kid": algorithm}, claims()]
    text = ".".join(b64(json.dumps(part).encode()) for part in parts)
    signature = bytearray(SIGNERS[algorithm](text.encode()))
    position = data.draw(st.integers(0, len(signature) * 8 - 1))
    signature[position // 8] ^= 1 << position % 8
    with pytest.raises(tokens.TokenRefused):
        issuer.verifier(TRUST, site).verify(f"{text}.{b64(bytes(signature))}")


# --- RSA's old traps ----------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_verdict_is_cryptographys(data: st.DataObject) -> None:
    """This holds for signatures with flipped bits, other lengths, and raw exponentiation tricks."""
    public = KEYS["k1"].public_key()
    modulus = public.public_numbers().n
    message = f"{HEAD}.{PAYLOAD}".encode()
    signature = bytearray(KEYS["k1"].sign(message, padding.PKCS1v15(), hashes.SHA256()))
    match data.draw(st.sampled_from(["flip", "cut", "extend", "random", "negate", "add", "none"])):
        case "flip":
            signature[data.draw(st.integers(0, 255))] ^= data.draw(st.integers(0, 255))
        case "cut":
            signature = signature[data.draw(st.integers(0, 255)) :]
        case "extend":
            signature = bytearray(data.draw(st.binary(min_size=1, max_size=4))) + signature
        case "random":
            signature = bytearray(data.draw(st.binary(min_size=256, max_size=256)))
        case "negate":
            signature = bytearray((modulus - int.from_bytes(signature, "big")).to_bytes(256, "big"))
        case "add":  # the same number, one modulus further
            more = int.from_bytes(signature, "big") + modulus
            signature = bytearray(more.to_bytes(256, "big")) if more.bit_length() <= 2048 else signature
    try:
        public.verify(bytes(signature), message, padding.PKCS1v15(), hashes.SHA256())
        expected = True
    except InvalidSignature:
        expected = False
    try:
        issuer.verifier().verify(f"{HEAD}.{PAYLOAD}.{b64(bytes(signature))}")
        taken = True
    except tokens.TokenRefused:
        taken = False
    assert taken is expected


def test_a_signature_has_one_form() -> None:
    modulus = KEYS["k1"].public_key().public_numbers().n
    for number in range(2000):  # some signatures fit into their length with the modulus added: few, if it is large
        head, payload, signature = sign(claims(jti=f"token-{number}")).split(".")
        more = int.from_bytes(base64.urlsafe_b64decode(signature + "=="), "big") + modulus
        if more.bit_length() <= 2048:
            with pytest.raises(tokens.TokenRefused) as refused:
                issuer.verifier().verify(f"{head}.{payload}.{b64(more.to_bytes(256, 'big'))}")
            assert refused.value.reason == "signature"
            return
    pytest.fail("no signature was small enough")


def test_bleichenbacher_forgery_fails() -> None:
    """With exponent 3, a parser that ignores trailing bytes accepts a cube root as signature; a comparison does not."""
    site = issuer.Site()
    key = rsa.generate_private_key(public_exponent=3, key_size=2048)
    site.pages[JWKS] = {"keys": [issuer.jwk("k1", key, e=b64(b"\x03"))]}
    digest_info = bytes.fromhex("3031300d060960864801650304020105000420")  # DER, RFC 8017 section 9.2 note 1
    block = b"\x00\x01\xff\x00" + digest_info + hashlib.sha256(f"{HEAD}.{PAYLOAD}".encode()).digest()
    target = int.from_bytes(block.ljust(256, b"\x00"), "big")
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < target else (low, middle)
    assert (low**3).to_bytes(256, "big").startswith(block)
    with pytest.raises(tokens.TokenRefused) as refused:
        issuer.verifier(TRUST, site).verify(f"{HEAD}.{PAYLOAD}.{b64(low.to_bytes(256, 'big'))}")
    assert refused.value.reason == "signature"
    right = compact({"alg": "RS256", "kid": "k1"}, claims(), lambda m: key.sign(m, padding.PKCS1v15(), hashes.SHA256()))
    assert issuer.verifier(TRUST, site).verify(right).sub == "user-1", "the key itself is accepted"


@given(st.integers(0, len(GENUINE) - 1), st.characters(codec="ascii"))
def test_a_token_has_one_form(position: int, character: str) -> None:
    """This includes the last characters of its parts, whose spare bits decode to nothing."""
    changed = GENUINE[:position] + character + GENUINE[position + 1 :]
    if changed != GENUINE:
        with pytest.raises(tokens.TokenRefused):
            issuer.verifier().verify(changed)


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    for token in (text, f"{text}.{text}.{text}", f"{HEAD}.{text}.{SIGNATURE}", f"{HEAD}.{PAYLOAD}.{text}"):
        if token != GENUINE:
            with pytest.raises(tokens.TokenRefused):
                issuer.verifier().verify(token)


# --- the header ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        {"headers": {"Authorization": "t"}},
        {"headers": {"authorization": "Bearer t"}},
        {"headers": {"AUTHORIZATION": "bearer  t "}},
        {"multiValueHeaders": {"Authorization": ["Bearer t"]}, "headers": {"Authorization": "other"}},
    ],
)
def test_bearer(event: dict[str, Any]) -> None:
    assert tokens.bearer(event) == "t"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "absent"),
        ({"headers": None}, "absent"),
        ({"headers": {"Authorization": "Basic dTpw"}}, "absent"),
        ({"multiValueHeaders": {"Authorization": ["a", "b"]}}, "ambiguous"),
        ({"multiValueHeaders": {"Authorization": ["a"], "authorization": ["b"]}}, "ambiguous"),
    ],
)
def test_no_bearer(event: dict[str, Any], reason: str) -> None:
    with pytest.raises(tokens.TokenRefused) as refused:
        tokens.bearer(event)
    assert refused.value.reason == reason
