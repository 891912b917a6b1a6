"""Refuse obviously invalid access tokens before Verified Permissions is called.

Verified Permissions verifies the signature, issuer, client, use and expiry with every decision. These checks only
save calls for tokens that it would refuse in any case. They do not make a token trusted.
"""

import base64
import json
import re
from collections.abc import Collection
from typing import Any

MAX_LENGTH = 8192  # API Gateway accepts 10,240 bytes of headers in total
_KEY_ID = re.compile(r"[A-Za-z0-9+/=_-]{1,128}")


class Refused(Exception):
    """A request has no usable token. API Gateway returns 401 for an error with exactly this message."""

    def __init__(self, reason: str) -> None:
        super().__init__("Unauthorized")
        self.reason = reason


def bearer(authorization: str) -> str:
    """Return the token of an Authorization header. Raise Refused if there is none, or if it is too long."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused("no bearer token")
    if len(token) > MAX_LENGTH:
        raise Refused("oversized")
    return token


def _part(text: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        raise Refused("malformed") from None
    if not isinstance(found, dict):
        raise Refused("malformed")
    return found


def examine(token: str, issuer: str, client_ids: Collection[str], now: float) -> int:
    """Return when the token expires, in Unix seconds, unverified. Raise Refused with the reason."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", token):
        raise Refused("malformed")
    header, claims = (_part(text) for text in token.split(".")[:2])
    if header.get("alg") != "RS256":
        raise Refused("algorithm")
    if not isinstance(header.get("kid"), str) or not _KEY_ID.fullmatch(header["kid"]):
        raise Refused("key id")
    if claims.get("iss") != issuer:
        raise Refused("issuer")
    if claims.get("token_use") != "access":
        raise Refused("not an access token")
    if claims.get("client_id") not in client_ids:
        raise Refused("client")
    expires = claims.get("exp")
    if not isinstance(expires, int) or isinstance(expires, bool) or expires <= now:
        raise Refused("expired")
    return expires
