"""What AWS Config needs of other services. An engine that has them replaces `current`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .items import Resource

PRINCIPAL = "config.amazonaws.com"
"""The principal that acts for Config."""


class Neighbours:
    """A cloud without resources, refusals and organization."""

    def resources(self, kind: str, account: str, region: str, now: float) -> Iterator[Resource]:
        """Iterate over an account's resources of a type in a Region."""
        yield from ()

    def secret(self, account: str, region: str, name: str) -> dict[str, Any]:
        """Return a secret's dates, by the names of Secrets Manager's API."""
        return {}

    def trusts(self, role_arn: str, region: str) -> bool:
        """Return whether a role lets Config assume it, for a Region."""
        return True

    def function_refusal(self, arn: str, account: str, region: str) -> str:
        """Return why Config may not invoke a function; empty if it may."""
        return ""

    def invoke(self, arn: str, account: str, region: str, event: dict[str, Any]) -> None:
        """Invoke a function asynchronously."""

    def has_bucket(self, account: str, region: str, name: str) -> bool:
        """Return whether there is such a bucket."""
        return True

    def bucket_refusal(
        self, account: str, region: str, bucket_arn: str, action: str, resource_arn: str, key_arn: str
    ) -> str:
        """Return why Config may not perform an action on a bucket, or in it under a key; empty if it may."""
        return ""

    def accounts(self, account: str) -> list[str]:
        """Return the accounts of an account's organization; none when it is in none."""
        return []

    def is_administrator(self, account: str, service: str) -> bool:
        """Return whether an account administers its organization, or a service in it."""
        return False


current = Neighbours()
