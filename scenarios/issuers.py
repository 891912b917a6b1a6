"""Issuers of identity tokens, such as GitHub's: a key, its public part in the local cloud, and signed tokens."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local.harness.cloud import Cloud

GITHUB = "https://token.actions.githubusercontent.com"


class Issuer:
    """An issuer at a URL. Each has a key of its own, so that one can pretend to be another."""

    def __init__(self, url: str = GITHUB, key_id: str = "key") -> None:
        self.url, self._key_id = url, key_id
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def publish(self, cloud: Cloud) -> None:
        """Let STS find the keys of this issuer at its URL."""
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        keys = {"keys": [{**key, "kid": self._key_id, "use": "sig", "alg": "RS256"}]}
        cloud.command("web_identity/issuer", {"url": self.url, "jwks": keys})

    def token(self, subject: str, audience: str = "sts.amazonaws.com", lifetime: float = 300) -> str:
        """Return a token for a subject, which ends after `lifetime` seconds (earlier than now if negative)."""
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self.url, "aud": audience, "sub": subject, "iat": now, "nbf": now - 10}
        ends = {"exp": int(now + lifetime)}
        return jwt.encode({**claims, **ends}, self._key, algorithm="RS256", headers={"kid": self._key_id})
