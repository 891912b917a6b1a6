"""The state that one chunk of a run passes to the next, through the state machine."""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from .errors import InvalidFilter, ResumeNotPossible
from .filters import Filters
from .timestamps import canonical, parse

MAX_IDS = 4000
_DIGEST = 8  # Bytes. The chance that two of 4,000 findings share a digest is 1e-12.


@dataclasses.dataclass
class Position:
    """The progress of the walk, ordered by CreatedAt: enough to find the position again without a page token.

    `created_at` is cut to the millisecond, so the precision with which Security Hub sorts and filters does not
    matter. `ids` are digests of the findings exported at that time; `full` is true if `ids` does not hold them all.
    """

    created_at: str | None = None
    ids: set[bytes] = dataclasses.field(default_factory=set)
    ordered: bool = True
    full: bool = False

    def take(self, finding: Mapping[str, Any]) -> bool:
        """Move on to `finding`. Return False if it has been exported already."""
        moment = parse(finding.get("CreatedAt"))
        created_at = canonical(moment) if moment else ""
        if created_at < (self.created_at or "0"):
            self.ordered = False
            return True
        if created_at != self.created_at:
            self.created_at, self.ids, self.full = created_at, set(), False
        digest = _digest(finding)
        if digest in self.ids:
            return False
        if len(self.ids) < MAX_IDS:
            self.ids.add(digest)
        else:
            self.full = True
        return True

    def resume_from(self) -> str | None:
        """Return the CreatedAt from which to walk again without a token. Raise ResumeNotPossible."""
        if not self.ordered:
            raise ResumeNotPossible(
                "Security Hub no longer accepts its page token, and had not returned the findings in the "
                "order of CreatedAt; start the export again."
            )
        if self.full:
            raise ResumeNotPossible(
                f"Security Hub no longer accepts its page token, and more than {MAX_IDS} findings were "
                f"created at {self.created_at}; start the export again, split by another filter."
            )
        return self.created_at

    def dump(self) -> dict[str, Any]:
        """Return the position as JSON values."""
        packed = base64.b64encode(b"".join(sorted(self.ids))).decode()
        return {"created_at": self.created_at, "ids": packed, "ordered": self.ordered, "full": self.full}

    @classmethod
    def load(cls, value: Mapping[str, Any]) -> "Position":
        """Return the position from the result of `dump`."""
        packed = base64.b64decode(value["ids"])
        ids = {packed[start : start + _DIGEST] for start in range(0, len(packed), _DIGEST)}
        return cls(value["created_at"], ids, value["ordered"], value["full"])


@dataclasses.dataclass
class State:
    """A run between two chunks. As JSON under 64 KB: at most 43 KB of ids and 16 KB of filters, and a token."""

    run_id: str
    """Name of the execution that began the run; part of all object keys."""
    execution_arn: str
    """The execution that holds the lock."""
    started_at: str
    dt: str
    """Partition: the UTC date of the start, YYYY-MM-DD."""
    filters: Filters
    generation: int = 0
    """Number of times the run has continued as a new execution."""
    iterations: int = 0
    """Chunks done in this execution."""
    exported: int = 0
    parts: int = 0
    """Number of objects written, which is the number of the next one."""
    token: str | None = None
    clip: str | None = None
    """CreatedAt from which the walk last began again: `token` belongs to the filters clipped there."""
    position: Position = dataclasses.field(default_factory=Position)
    done: bool = False
    retried: bool = False
    """True if a chunk was attempted more than once, so objects of a longer attempt may follow the last one."""

    def dump(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {**vars(self), "position": self.position.dump()}

    @classmethod
    def load(cls, value: Any) -> "State":
        """Return the state from the result of `dump`. Raise InvalidFilter for anything else that an operator passes."""
        try:
            return cls(**{**value, "position": Position.load(value["position"])})
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidFilter(
                'The input\'s "state" was not written by an export; leave it out to start a new run.'
            ) from error


def _digest(finding: Mapping[str, Any]) -> bytes:
    identity = [str(finding.get(name)) for name in ("AwsAccountId", "Region", "ProductArn", "Id")]
    return hashlib.blake2b("\n".join(identity).encode(errors="replace"), digest_size=_DIGEST).digest()
