"""An issuer's public keys, fetched when first needed and kept by the process.

A key id that is not known makes one fetch, so that a new key works at once; not more often than every
`COOLDOWN` seconds, so that invented key ids cost nothing. Keys are fetched anew after `MAX_AGE`, so that a key
taken back by the issuer ends; while the issuer cannot be reached, known keys serve on until `STALE_LIMIT`.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from . import rs256

MAX_AGE = 3600
COOLDOWN = 60
STALE_LIMIT = 86_400
SIZE_LIMIT = 65_536  # bytes
TIMEOUT = 3  # seconds; API Gateway gives an authorizer 10

Fetch = Callable[[str], bytes]


class KeysUnavailable(Exception):
    """The issuer's keys cannot be had: nobody can be let in, and it is not the caller's fault."""


def fetch(url: str) -> bytes:
    """The body at `url`, without following redirects. Raises KeysUnavailable."""
    import urllib3  # botocore, loaded anyway, brings it

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
    """The keys of one issuer. `jwks_url` None: its OpenID configuration says where they are."""

    def __init__(
        self, issuer: str, jwks_url: str | None, get: Fetch = fetch, clock: Callable[[], float] = time.time
    ) -> None:
        self._issuer, self._url, self._get, self._clock = issuer, jwks_url, get, clock
        self._keys: dict[str, tuple[int, int]] = {}
        self._fetched = self._tried = float("-inf")

    def find(self, kid: str) -> tuple[int, int] | None:
        """The public key of that id; None when the issuer has none. Raises KeysUnavailable."""
        now = self._clock()
        if (kid not in self._keys or now - self._fetched > MAX_AGE) and now - self._tried >= COOLDOWN:
            self._tried = now
            try:
                self._keys, self._fetched = self._load(), now
            except KeysUnavailable:
                if now - self._fetched > STALE_LIMIT:
                    self._keys = {}
                    raise
        if not self._keys:
            raise KeysUnavailable("no keys yet")
        return self._keys.get(kid)

    def _load(self) -> dict[str, tuple[int, int]]:
        if self._url is None:
            configuration = self._json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            url = configuration.get("jwks_uri")
            if configuration.get("issuer") != self._issuer or not str(url).startswith("https://"):
                raise KeysUnavailable("the OpenID configuration is another issuer's")
            self._url = str(url)
        return usable(self._json(self._url))

    def _json(self, url: str) -> dict[str, Any]:
        try:
            value = json.loads(self._get(url))
        except ValueError as error:
            raise KeysUnavailable(f"{url}: not JSON") from error
        if not isinstance(value, dict):
            raise KeysUnavailable(f"{url}: not an object")
        return value


def usable(jwks: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """The RS256 signature keys of a JWK set, by key id; others are left out. Raises KeysUnavailable for none."""
    found = {}
    for jwk in jwks.get("keys") or []:
        if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig" or jwk.get("alg", "RS256") != "RS256":
            continue
        try:
            found[str(jwk["kid"])] = rs256.public_key(jwk["n"], jwk["e"])
        except (KeyError, TypeError, ValueError):
            continue
    if not found:
        raise KeysUnavailable("the JWK set holds no RS256 key")
    return found
