"""What OpenSearch refuses, as its REST API reports it."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A refused request: HTTP status, OpenSearch's type of error, and its reason."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.kind, self.reason = status, kind, reason

    def cause(self) -> dict[str, Any]:
        """Return type and reason, as items of a bulk answer have them."""
        return {"type": self.kind, "reason": self.reason}

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"error": {"root_cause": [self.cause()], **self.cause()}, "status": self.status}


def invalid(reason: str) -> Refused:
    """Return the refusal of an argument."""
    return Refused(400, "illegal_argument_exception", reason)


def unparsable(reason: str) -> Refused:
    """Return the refusal of a body that is no query, mapping or pipeline, or one that is not implemented here."""
    return Refused(400, "parsing_exception", reason)
