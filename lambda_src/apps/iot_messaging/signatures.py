"""HMAC signatures of requests, checked with a secret that is rotated while requests arrive."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .things import unavailable

FRESH_SECONDS = 300
"""For how long the secret is kept."""
REFETCH_SECONDS = 10
"""A wrong signature can mean that the secret was rotated: it is fetched again, but not more often than this."""


@dataclass
class Secrets:
    """The current secret, and for `grace_seconds` after a rotation the one before."""

    client: Any
    arn: str
    grace_seconds: int
    clock: Callable[[], float] = field(default=time.time)
    _values: tuple[bytes, ...] = ()
    _at: float = -FRESH_SECONDS

    def values(self, *, suspicious: bool = False) -> tuple[bytes, ...]:
        """Return the secrets that signatures may be made with; fetched again if they are old or `suspicious`.

        Raise HttpError if Secrets Manager does not answer.
        """
        age = self.clock() - self._at
        if not 0 <= age < (REFETCH_SECONDS if suspicious else FRESH_SECONDS):
            try:
                self._values, self._at = self._fetch(), self.clock()
            except self.client.exceptions.ClientError as error:
                raise unavailable(error) from error
        return self._values

    def _fetch(self) -> tuple[bytes, ...]:
        current = self.client.get_secret_value(SecretId=self.arn)
        values = [current["SecretString"]]
        if self.clock() - current["CreatedDate"].timestamp() < self.grace_seconds:
            try:
                before = self.client.get_secret_value(SecretId=self.arn, VersionStage="AWSPREVIOUS")
                values.append(before["SecretString"])
            except self.client.exceptions.ResourceNotFoundException:
                pass  # the secret was never rotated
        return tuple(value.encode() for value in values if value)  # anyone could sign with an empty one


def signed(body: bytes, signature: str, prefix: str, secrets: Secrets) -> bool:
    """Return whether the signature, `prefix` and a hexadecimal HMAC-SHA256, is the body's. Takes constant time."""
    if not signature.startswith(prefix) or not signature.isascii():
        return False
    given = signature.removeprefix(prefix).lower().encode()
    kept = secrets.values()
    return _matches(body, given, kept) or _matches(body, given, secrets.values(suspicious=True))


def _matches(body: bytes, given: bytes, secrets: tuple[bytes, ...]) -> bool:
    return any(hmac.compare_digest(hmac.new(s, body, hashlib.sha256).hexdigest().encode(), given) for s in secrets)
