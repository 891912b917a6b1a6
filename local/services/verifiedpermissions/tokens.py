"""Tokens of Cognito user pools, checked as Verified Permissions checks them.

Signature against the pool's published keys, issuer, client, expiry, and `token_use` against the parameter that
carried it: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-authorization-with-avp.html
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet


class TokenError(Exception):
    """A token that cannot be trusted. The message says why, without the token."""


def fetch_keys(issuer: str) -> dict[str, Any]:
    """Return the JWKS of a user pool; inside the local cloud, from there."""
    pool = issuer.rpartition("/")[2]
    local = os.environ.get("AWS_ENDPOINT_URL")
    url = f"{local}/{pool}/.well-known/jwks.json" if local else f"{issuer}/.well-known/jwks.json"
    with urllib.request.urlopen(url, timeout=5) as response:
        keys: dict[str, Any] = json.load(response)
    return keys


class Verifier:
    """Verifies tokens. It keeps each issuer's keys, and fetches them again for an unknown key id."""

    def __init__(self, fetch: Callable[[str], dict[str, Any]] = fetch_keys) -> None:
        self.fetch = fetch
        self._keys: dict[str, dict[str, Any]] = {}

    def _key(self, issuer: str, kid: str) -> dict[str, Any]:
        for again in (False, True):
            if again or issuer not in self._keys:
                try:
                    self._keys[issuer] = {key["kid"]: key for key in self.fetch(issuer)["keys"]}
                except (OSError, ValueError, KeyError):
                    raise TokenError("the keys of the identity source cannot be fetched") from None
            if kid in self._keys[issuer]:
                return dict(self._keys[issuer][kid])
        raise TokenError("no key of the identity source signed it")

    def claims(self, token: str, use: str, issuers: dict[str, list[str]]) -> dict[str, Any]:
        """Return the claims of `token`, an `access` or `id` token of one of `issuers` (client ids; empty: all)."""
        try:
            unverified = jws.extract_compact(token.encode())
            header, claims = unverified.headers(), json.loads(unverified.payload)
        except (JoseError, ValueError, RecursionError):
            raise TokenError("it is not a token") from None
        if not isinstance(claims, dict) or claims.get("iss") not in issuers:
            raise TokenError("its issuer is not an identity source of the policy store")
        if header.get("alg") != "RS256":
            raise TokenError("its algorithm is not RS256")
        issuer = str(claims["iss"])
        keys = KeySet.import_key_set({"keys": [self._key(issuer, str(header.get("kid")))]})
        try:
            jws.deserialize_compact(token, keys, algorithms=["RS256"])
        except (JoseError, ValueError):
            raise TokenError("its signature is not valid") from None
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= time.time():
            raise TokenError("it has expired")
        if claims.get("token_use") != use:
            raise TokenError(f"its token_use is not {use}")
        client = claims.get("client_id" if use == "access" else "aud")
        if issuers[issuer] and client not in issuers[issuer]:
            raise TokenError("its client does not belong to the identity source")
        return claims
