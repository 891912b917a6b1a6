"""Access tokens: verified in full, or refused with the reason."""

import functools
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common import settings

from .keys import ALGORITHMS, Key, Keys

SIZE_LIMIT = 8192  # characters; API Gateway accepts headers of 10,240 bytes in total
# Three parts of unpadded base64url. PyJWT would accept padding, so one token would have several forms.
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_URL = re.compile(r"https://|http://(127\.0\.0\.1|localhost)(:[0-9]+)?/")
CLOCK_SKEW = 60  # seconds that an issuer's clock may be ahead; expiry gets none
# Claims with the id of the application that a token is for: RFC 9068 and Cognito, OpenID, Okta, Entra ID.
CLIENT_CLAIMS = ("client_id", "azp", "cid", "appid")


class TokenRefused(Exception):
    """The token is not acceptable. `reason` is one word for logs and metrics, and is never sent to the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Trust:
    """The requirements for a token, from the environment."""

    issuer_url: str
    jwks_url: str | None = None
    client_ids: list[str] = field(default_factory=list)
    audiences: list[str] = field(default_factory=list)
    required_claims: dict[str, str] = field(default_factory=dict)
    token_types: list[str] = field(default_factory=list)
    token_id_claim: str = "jti"  # noqa: S105 - a claim's name

    def __post_init__(self) -> None:
        if self.jwks_url and not _URL.match(self.jwks_url):
            raise ValueError("JWKS_URL must begin with https:// (http:// on loopback, for tests)")
        if not self.client_ids and not self.audiences:
            raise ValueError("CLIENT_IDS or AUDIENCES must be set, or tokens of every client would be accepted")
        if not self.required_claims and not self.token_types:
            raise ValueError("REQUIRED_CLAIMS or TOKEN_TYPES must be set to distinguish access tokens from ID tokens")


@dataclass(frozen=True)
class Token:
    """A verified access token."""

    raw: str = field(repr=False)
    jti: str
    sub: str
    client_id: str
    expires_at: int
    auth_time: int
    acr: str
    scope: str


class Verifier:
    """Verifies tokens of one issuer."""

    def __init__(self, trust: Trust, keys: Keys | None = None, clock: Callable[[], float] = time.time) -> None:
        self._trust, self._clock = trust, clock
        self._keys = keys or Keys(trust.issuer_url, trust.jwks_url)

    def verify(self, raw: str) -> Token:
        """Return the token after checks of its signature, issuer, client or audience, kind and times.

        Raise TokenRefused, or KeysUnavailable if the issuer's keys are unavailable.
        """
        claims = self._signed_claims(raw)
        now = self._clock()
        if claims.get("iss") != self._trust.issuer_url:
            raise TokenRefused("issuer")
        expires = _number(claims, "exp")
        if expires <= now:
            raise TokenRefused("expired")
        if any(name in claims and _number(claims, name) > now + CLOCK_SKEW for name in ("nbf", "iat", "auth_time")):
            raise TokenRefused("not_yet_valid")
        if any(claims.get(name) != value for name, value in self._trust.required_claims.items()):
            raise TokenRefused("use")
        client = next((claims[name] for name in CLIENT_CLAIMS if name in claims), "")
        if self._trust.client_ids and client not in self._trust.client_ids:
            raise TokenRefused("client")
        audience = claims.get("aud", [])
        audiences = audience if isinstance(audience, list) else [audience]
        if self._trust.audiences and not any(known in audiences for known in self._trust.audiences):
            raise TokenRefused("audience")
        return Token(
            raw=raw,
            jti=_text(claims, self._trust.token_id_claim),
            sub=_text(claims, "sub"),
            client_id=str(client),
            expires_at=int(expires),
            # A refreshed token has a new `iat`: without `auth_time`, the sign-in counts as the oldest one possible.
            auth_time=int(_number(claims, "auth_time")) if "auth_time" in claims else 0,
            acr=str(claims.get("acr", "")),
            scope=str(claims.get("scope", "")),
        )

    def _signed_claims(self, raw: str) -> dict[str, Any]:
        """Return the claims that the issuer signed. No claim is read before the signature is verified."""
        header = _header(raw)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise TokenRefused("algorithm")
        if "crit" in header:
            raise TokenRefused("critical_header")
        if self._trust.token_types and str(header.get("typ", "")).lower() not in self._trust.token_types:
            raise TokenRefused("use")
        kid = header.get("kid")
        key = self._keys.find(kid) if isinstance(kid, str) and 0 < len(kid) <= 256 else None
        if key is None:  # keys come from the configured issuer only: jku, jwk, x5u and x5c are ignored
            raise TokenRefused("key_id")
        if algorithm not in key.algorithms:
            raise TokenRefused("algorithm")
        return _verified(raw, key, algorithm)


def _header(raw: str) -> dict[str, Any]:
    """Return the header of a well-formed token, unverified. Raise TokenRefused for any other text."""
    import jwt.utils

    if len(raw) > SIZE_LIMIT:
        raise TokenRefused("oversized")
    if not _FORM.fullmatch(raw):
        raise TokenRefused("malformed")
    try:
        return _object(jwt.utils.base64url_decode(raw.partition(".")[0]))
    except ValueError:  # binascii.Error is one
        raise TokenRefused("malformed") from None


def _verified(raw: str, key: Key, algorithm: str) -> dict[str, Any]:
    """Return the claims after their signature is verified with the key and this algorithm only."""
    import jwt

    try:
        return _object(jwt.PyJWS(algorithms=[algorithm]).decode(raw, key.public, algorithms=[algorithm]))
    except jwt.InvalidSignatureError:
        raise TokenRefused("signature") from None
    except (jwt.PyJWTError, ValueError):
        raise TokenRefused("malformed") from None


def _object(text: bytes) -> dict[str, Any]:
    """Return a JSON object without duplicate names, which parsers resolve differently. Raise ValueError otherwise."""
    try:
        value = json.loads(text.decode(), object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - handled like the errors of json
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    # From 2 to the power of 53 on, and for NaN, comparisons are not reliable.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise TokenRefused("claims")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 256:
        raise TokenRefused("claims")
    return value


def bearer(event: Mapping[str, Any]) -> str:
    """Return the token of an API Gateway event: its only Authorization header, with or without "Bearer ".

    Raise TokenRefused if there is none, or more than one.
    """
    headers: Mapping[str, Any] = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    values = [v for name, found in headers.items() if name.lower() == "authorization" for v in found]
    if not values:
        raise TokenRefused("absent")
    if len(values) != 1:
        raise TokenRefused("ambiguous")
    scheme, _, token = values[0].strip().partition(" ")
    if not token:
        return str(scheme)
    if scheme.lower() != "bearer":
        raise TokenRefused("absent")
    return str(token.strip())


@functools.cache
def verifier() -> Verifier:
    """Return the process's verifier, configured from the environment."""
    return Verifier(settings.load(Trust))
