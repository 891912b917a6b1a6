"""What Application Auto Scaling needs of the service that it scales. An engine that has it replaces `current`."""

from __future__ import annotations


class Neighbours:
    """A cloud without services."""

    def count(self, cluster: str, service: str, account: str, region: str) -> int | None:
        """Return the desired count of an active service of ECS, or None."""
        return None

    def scale(self, cluster: str, service: str, count: int, account: str, region: str) -> None:
        """Set the desired count, as the service-linked role does."""


current = Neighbours()
