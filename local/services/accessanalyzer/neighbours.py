"""What Access Analyzer needs of S3 and Organizations; an engine that has them replaces `current`."""

from __future__ import annotations

from typing import Any

from .grants import Bucket


class Neighbours:
    """No buckets, and no organization."""

    def names(self, account: str, region: str) -> list[str]:
        """Return the names of an account's buckets in a Region."""
        return []

    def owner(self, name: str) -> str | None:
        """Return the account of a bucket."""
        return None

    def read(self, account: str, name: str) -> Bucket | None:
        """Return the bucket, its grants and its access points; None when there is no such bucket."""
        return None

    def is_public(self, statement: dict[str, Any]) -> bool:
        """Return whether S3 takes a policy's statement for public."""
        raise NotImplementedError

    def organization(self, account: str) -> tuple[str, frozenset[str]]:
        """Return id and accounts of the organization that an account may analyze; an empty id for none."""
        return "", frozenset()


current = Neighbours()
