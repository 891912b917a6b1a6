"""Tokens: the genuine one is taken, every other refused for the right reason."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.step_up_auth import keys, rs256, tokens
from tests.unit.identity.step_up_auth import issuer
from tests.unit.identity.step_up_auth.issuer import CLIENT, ISSUER, JWKS, KEYS, NOW, TRUST, b64, claims, sign

GENUINE = sign(claims())
HEAD, PAYLOAD, SIGNATURE = GENUINE.split(".")
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def foreign(header: dict[str, Any]) -> str:
    """Signed with a key that is not the issuer's."""
    text = f"{b64(json.dumps(header).encode())}.{PAYLOAD}"
    return f"{text}.{b64(OTHER.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def hmac_with_public_key() -> str:
    text = f"{b64(json.dumps({'alg': 'HS256', 'kid': 'k1'}).encode())}.{PAYLOAD}"
    secret = json.dumps(issuer.jwk("k1", KEYS["k1"])).encode()
    return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def pss() -> str:
    text = f"{HEAD}.{PAYLOAD}"
    how = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    return f"{text}.{b64(KEYS['k1'].sign(text.encode(), how, hashes.SHA256()))}"


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
    "HMAC with the public key": (hmac_with_public_key(), "algorithm"),
    "alg RS512": (f"{b64(json.dumps({'alg': 'RS512', 'kid': 'k1'}).encode())}.{PAYLOAD}.{SIGNATURE}", "algorithm"),
    "critical extension": (sign(claims(), {"alg": "RS256", "kid": "k1", "crit": ["exp"]}), "critical_header"),
    "wrong key": (foreign({"alg": "RS256", "kid": "k1"}), "signature"),
    "PSS signature": (pss(), "signature"),
    "key in the header": (foreign({"alg": "RS256", "kid": "mine", "jwk": issuer.jwk("mine", OTHER)}), "key_id"),
    "key at a URL": (foreign({"alg": "RS256", "kid": "mine", "jku": "https://evil.example/jwks"}), "key_id"),
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
    """All that the issue names are in the table above."""
    named = {"alg none", "wrong key", "wrong client", "expired", "ID token", "kid as a path", "oversized"}
    assert named <= HOSTILE.keys()
    assert len(HOSTILE) == 56


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
        ({"aud": "api"}, "JWT", "use"),
        ({"aud": "api"}, None, "use"),
    ],
)
def test_any_issuer_by_url(changed: dict[str, Any], typ: str | None, reason: str | None) -> None:
    header = {"alg": "RS256", "kid": "k1", **({"typ": typ} if typ else {})}
    token = sign(claims(iss=OTHER_ISSUER, token_use=None, client_id=None, **changed), header)
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


# --- keys ---------------------------------------------------------------------------------------------------


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
        [],
    ],
)
def test_unusable_keys_let_nobody_in(page: Any) -> None:
    site = issuer.Site()
    site.pages[JWKS] = page
    with pytest.raises(keys.KeysUnavailable):
        issuer.verifier(TRUST, site).verify(GENUINE)


# --- RS256 against cryptography -----------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["k1", "k2"]))
def test_good_signatures_verify(message: bytes, name: str) -> None:
    numbers = KEYS[name].public_key().public_numbers()
    signature = KEYS[name].sign(message, padding.PKCS1v15(), hashes.SHA256())
    assert rs256.verify(message, signature, (numbers.n, numbers.e))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=64), st.data())
def test_verdict_is_cryptographys(message: bytes, data: st.DataObject) -> None:
    """For signatures with flipped bits, other lengths and other messages, and for raw exponentiation tricks."""
    public = KEYS["k1"].public_key()
    numbers = public.public_numbers()
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
            signature = bytearray((numbers.n - int.from_bytes(signature, "big")).to_bytes(256, "big"))
        case "add":  # the same number, one modulus further
            more = int.from_bytes(signature, "big") + numbers.n
            signature = bytearray(more.to_bytes(256, "big")) if more.bit_length() <= 2048 else signature
    try:
        public.verify(bytes(signature), message, padding.PKCS1v15(), hashes.SHA256())
        expected = True
    except InvalidSignature:
        expected = False
    assert rs256.verify(message, bytes(signature), (numbers.n, numbers.e)) is expected


def test_a_signature_has_one_form() -> None:
    numbers = KEYS["k1"].public_key().public_numbers()
    for number in range(64):  # about every second signature fits into its length once more
        signature = KEYS["k1"].sign(b"%d" % number, padding.PKCS1v15(), hashes.SHA256())
        more = int.from_bytes(signature, "big") + numbers.n
        if more.bit_length() <= 2048:
            assert not rs256.verify(b"%d" % number, more.to_bytes(256, "big"), (numbers.n, numbers.e))
            return
    pytest.fail("no signature was small enough")


def test_bleichenbacher_forgery_fails() -> None:
    """With exponent 3, a parser that ignores trailing bytes takes a cube root for a signature; comparing does not."""
    key = rsa.generate_private_key(public_exponent=3, key_size=2048).public_key().public_numbers()
    block = b"\x00\x01\xff\x00" + rs256._DIGEST_INFO + hashlib.sha256(b"forged").digest()
    target = int.from_bytes(block.ljust(256, b"\x00"), "big")
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < target else (low, middle)
    assert (low**3).to_bytes(256, "big").startswith(block)
    assert not rs256.verify(b"forged", low.to_bytes(256, "big"), (key.n, key.e))


@given(st.binary(max_size=100))
def test_base64url_has_one_form(data: bytes) -> None:
    text = b64(data)
    assert rs256.decode(text) == data
    if len(text) % 4:  # the last character has spare bits: another one would say the same
        with pytest.raises(ValueError, match="base64url"):
            rs256.decode(text + "=")


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
