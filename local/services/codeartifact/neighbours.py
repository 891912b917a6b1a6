"""What CodeArtifact needs of IAM. An engine that has it replaces `current`."""

from __future__ import annotations

from typing import Any


class Neighbours:
    """A cloud in which every principal may do everything."""

    def caller(self) -> dict[str, Any]:
        """Return boto3 credentials of the principal that makes the request."""
        return {}

    def may(
        self,
        credentials: dict[str, Any],
        action: str,
        arn: str,
        account: str,
        region: str,
        keys: dict[str, str] | None = None,
    ) -> bool:
        """Return whether a principal may do what no API of the SDK does. `keys` are those of the request."""
        return True


current = Neighbours()
