"""State Manager's associations are moto's, and what is about tags of Systems Manager is MiniStack's."""

from __future__ import annotations

from ministack.services import ssm

from local.services.ssm import neighbours


def start() -> None:
    """Let both have the same tags."""
    neighbours.tags = ssm._tags
