"""What Access Analyzer needs of S3 and Organizations; an engine that has them replaces `current`."""

from __future__ import annotations

from typing import Any

from .grants import Bucket


class Neighbours:
    """A cloud without buckets and organization."""

    def names(self, account: str, region: str) -> list[str]:
        """Return the names of an account's buckets in a Region."""
        return []

    def owner(self, name: str) -> str | None:
        """Return the account of a bucket."""
        return None

    def read(self, account: str, name: str) -> Bucket | None:
        """Return the bucket, its grants and its access points, or None if there is no such bucket."""
        return None

    def is_public(self, statement: dict[str, Any]) -> bool:
        """Return whether S3 considers a policy's statement public."""
        raise NotImplementedError

    def organization(self, account: str) -> tuple[str, frozenset[str]]:
        """Return id and accounts of the organization that an account may analyze; the id is empty if there is none."""
        return "", frozenset()


current = Neighbours()
