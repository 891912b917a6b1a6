"""Errors of hybrid_search."""

from typing import Any


class DomainError(Exception):
    """The domain refused a request, or was not reached: `status` (0: not reached), OpenSearch's `kind` and `reason`."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(f"{status} {kind}: {reason}")
        self.status, self.kind, self.reason = status, kind, reason

    @property
    def transient(self) -> bool:
        """Return true if the same request can succeed later."""
        return self.status in (0, 429) or self.status >= 500


class DomainNotReady(Exception):
    """The domain has no endpoint yet, or is being changed."""


class DimensionMismatch(Exception):
    """The model's embeddings have another dimension than the setting, so that the index would refuse them."""


class IndexDiffers(Exception):
    """The index exists with another mapping. OpenSearch cannot change it: a new index name is needed."""


class NotAnObject(Exception):
    """The event names no object in the bucket."""


class Unfinished(Exception):
    """The function's time ended before the object did. The message says after which line."""


class PipelineMissing(Exception):
    """The answer has marker entries in place of hits: the domain did not apply the search pipeline."""


class InvalidSearch(Exception):
    """A search that is refused. `errors` has a message for each wrong field."""

    def __init__(self, errors: dict[str, Any]) -> None:
        super().__init__("The search is not valid: " + ", ".join(sorted(errors)))
        self.errors = errors
