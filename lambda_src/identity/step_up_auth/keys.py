"""An issuer's public keys, fetched when first needed and kept by the process.

An unknown key id causes a fetch, so that a new key works at once, but at most every `COOLDOWN` seconds, so that
invented key ids cost nothing. A process that has no key yet tries again with each token. Keys are fetched again after
`MAX_AGE` seconds, so that a key that the issuer withdraws stops working. While the issuer cannot be reached, known keys
remain valid until `STALE_LIMIT`.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_AGE = 3600
COOLDOWN = 60
STALE_LIMIT = 86_400
SIZE_LIMIT = 65_536  # bytes
TIMEOUT = 3  # seconds; API Gateway gives an authorizer 10

ALGORITHMS: Mapping[str, Mapping[str, str]] = {
    "RS256": {"kty": "RSA"},
    "PS256": {"kty": "RSA"},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}
"""The accepted algorithms and their keys. Never "none", and no HMAC, whose secret could be a public key."""
RSA_BITS = range(2048, 8192 + 1)  # smaller keys are too weak, larger ones too slow

Fetch = Callable[[str], bytes]


class KeysUnavailable(Exception):
    """The issuer's keys are unavailable, so every request is refused; the caller is not at fault."""


@dataclass(frozen=True)
class Key:
    """A public key, and the algorithms that it may verify: its `alg`, or all that its type allows."""

    public: Any
    algorithms: frozenset[str]


def fetch(url: str) -> bytes:
    """Return the body at `url`, without following redirects. Raise KeysUnavailable."""
    import urllib3  # a dependency of botocore, which is loaded in any case

    try:
        pool = urllib3.PoolManager(retries=urllib3.Retry(2, redirect=0, backoff_factor=0.1))
        answer = pool.request("GET", url, timeout=TIMEOUT, redirect=False, preload_content=False)
        body = answer.read(SIZE_LIMIT + 1)
        answer.release_conn()
    except urllib3.exceptions.HTTPError as error:
        raise KeysUnavailable(f"{url}: {type(error).__name__}") from error
    if answer.status != 200 or len(body) > SIZE_LIMIT:
        raise KeysUnavailable(f"{url}: status {answer.status}, {len(body)} bytes")
    return bytes(body)


class Keys:
    """The keys of one issuer. If `jwks_url` is None, the OpenID configuration gives their URL."""

    def __init__(
        self, issuer: str, jwks_url: str | None, get: Fetch = fetch, clock: Callable[[], float] = time.time
    ) -> None:
        self._issuer, self._url, self._get, self._clock = issuer, jwks_url, get, clock
        self._keys: dict[str, Key] = {}
        self._fetched = self._tried = float("-inf")

    def find(self, kid: str) -> Key | None:
        """Return the public key with this id, or None if the issuer has none. Raise KeysUnavailable."""
        now = self._clock()
        wanted = kid not in self._keys or now - self._fetched > MAX_AGE
        if wanted and (not self._keys or now - self._tried >= COOLDOWN):
            self._tried = now
            try:
                self._keys, self._fetched = self._load(), now
            except KeysUnavailable:
                if now - self._fetched > STALE_LIMIT:
                    self._keys = {}
                    raise
        return self._keys.get(kid)

    def _load(self) -> dict[str, Key]:
        if self._url is None:
            configuration = self._json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            url = configuration.get("jwks_uri")
            if configuration.get("issuer") != self._issuer or not str(url).startswith("https://"):
                raise KeysUnavailable("the OpenID configuration is that of another issuer")
            self._url = str(url)
        return usable(self._json(self._url))

    def _json(self, url: str) -> dict[str, Any]:
        try:
            value = json.loads(self._get(url))
        except (ValueError, RecursionError) as error:
            raise KeysUnavailable(f"{url}: not JSON") from error
        if not isinstance(value, dict):
            raise KeysUnavailable(f"{url}: not an object")
        return value


def usable(jwks: Mapping[str, Any]) -> dict[str, Key]:
    """Return the keys of a JWK set that may verify signatures, by key id. Raise KeysUnavailable if there are none."""
    listed = jwks.get("keys")
    found = {}
    for jwk in listed if isinstance(listed, list) else []:
        if isinstance(jwk, dict) and isinstance(jwk.get("kid"), str) and (key := _key(jwk)):
            found[jwk["kid"]] = key
    if not found:
        raise KeysUnavailable("the JWK set contains no usable key")
    return found


def _key(jwk: Mapping[str, Any]) -> Key | None:
    """Return the key of a JWK, or None if it is weak, malformed, private, or not for signatures by `ALGORITHMS`."""
    algorithms = frozenset(
        name
        for name, takes in ALGORITHMS.items()
        if takes.items() <= jwk.items() and jwk.get("alg", name) == name and jwk.get("use", "sig") == "sig"
    )
    operations = jwk.get("key_ops")
    if not algorithms or "d" in jwk or (isinstance(operations, list) and "verify" not in operations):
        return None
    import jwt  # with cryptography, from the layer

    try:
        public = jwt.PyJWK(dict(jwk), min(algorithms)).key
    except (jwt.PyJWTError, ValueError):
        return None
    if jwk["kty"] == "RSA" and (public.key_size not in RSA_BITS or public.public_numbers().e.bit_length() > 32):
        return None
    return Key(public, algorithms)
