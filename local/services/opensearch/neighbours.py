"""What a domain needs of others: the model behind a connector."""

from __future__ import annotations

from typing import Any


class ModelRefused(Exception):
    """The model's service refused, or the role may not be assumed. The message has its reason."""


class Neighbours:
    """Nothing is there. `local.patches.opensearch` replaces it."""

    def invoke(self, domain_arn: str, role_arn: str, url: str, body: str) -> Any:
        """Return the JSON answer to a connector's request, under its role. Raise ModelRefused."""
        raise ModelRefused("There is no other service.")


current: Neighbours = Neighbours()
