"""What one chunk of a run hands to the next, through the state machine."""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from .errors import InvalidFilter, ResumeNotPossible
from .filters import Filters
from .timestamps import canonical, parse

MAX_IDS = 4000
_DIGEST = 8  # bytes; a chance of 1e-12 that two of 4,000 findings share one


@dataclasses.dataclass
class Position:
    """How far the walk, ordered by CreatedAt, has come: enough to find the place again without a page token.

    `created_at` is cut to the millisecond: then it does not matter whether the hub sorts and filters by that
    or by finer parts. `ids` are digests of the findings exported at it; `full` says some are missing there.
    """

    created_at: str | None = None
    ids: set[bytes] = dataclasses.field(default_factory=set)
    ordered: bool = True
    full: bool = False

    def take(self, finding: Mapping[str, Any]) -> bool:
        """Moves on to `finding`; False when it has been exported already."""
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
        """The CreatedAt from which to walk again without a token. Raises ResumeNotPossible."""
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
        """As JSON values."""
        packed = base64.b64encode(b"".join(sorted(self.ids))).decode()
        return {"created_at": self.created_at, "ids": packed, "ordered": self.ordered, "full": self.full}

    @classmethod
    def load(cls, value: Mapping[str, Any]) -> "Position":
        """From what `dump` gave."""
        packed = base64.b64decode(value["ids"])
        ids = {packed[start : start + _DIGEST] for start in range(0, len(packed), _DIGEST)}
        return cls(value["created_at"], ids, value["ordered"], value["full"])


@dataclasses.dataclass
class State:
    """A run, between two chunks. As JSON under 64 KB: 43 KB of ids and 16 KB of filters at most, a token."""

    run_id: str
    """Name of the execution that began the run; also in all object keys."""
    execution_arn: str
    """The execution that holds the lock."""
    started_at: str
    dt: str
    """Partition: the UTC date of the start, YYYY-MM-DD."""
    filters: Filters
    generation: int = 0
    """How often the run has been continued as a new execution."""
    iterations: int = 0
    """Chunks done in this execution."""
    exported: int = 0
    parts: int = 0
    """Objects written, which is the number of the next."""
    token: str | None = None
    clip: str | None = None
    """CreatedAt from which the walk last had to begin anew: `token` belongs to the filters clipped there."""
    position: Position = dataclasses.field(default_factory=Position)
    done: bool = False
    retried: bool = False
    """Some chunk was tried more than once, so that objects of a longer try may lie behind the last one."""

    def dump(self) -> dict[str, Any]:
        """As JSON values."""
        return {**vars(self), "position": self.position.dump()}

    @classmethod
    def load(cls, value: Any) -> "State":
        """Raises InvalidFilter when `value` is not what `dump` gave (an operator can pass any input)."""
        try:
            return cls(**{**value, "position": Position.load(value["position"])})
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidFilter(
                'The input\'s "state" was not written by an export; leave it out to start a new run.'
            ) from error


def _digest(finding: Mapping[str, Any]) -> bytes:
    identity = [str(finding.get(name)) for name in ("AwsAccountId", "Region", "ProductArn", "Id")]
    return hashlib.blake2b("\n".join(identity).encode(errors="replace"), digest_size=_DIGEST).digest()
