"""One job: what `plan` decided about it, as the other functions read it. Nothing here calls AWS."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from .request import Request
from .tree import Tree

READS_OF_PREFIX = 5000
"""Reads a second that a job makes from one prefix; S3 serves 5,500.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"""


@dataclasses.dataclass(frozen=True)
class Job:
    """A planned job. `manifest` is the key prefix of its two files; `deadline` and `expires_at` are epoch seconds."""

    name: str
    bucket: str
    request: Request
    manifest: str
    objects: int
    tree: Tree
    reads_per_second: float
    """Reads a second of one worker: all of them together stay below what S3 serves from the job's prefixes."""
    calls: int
    """Calls of functions that it may make in all."""
    started: int
    deadline: int
    expires_at: int

    def stored(self) -> dict[str, Any]:
        """Return it as DynamoDB keeps it: one text, next to the time at which it expires."""
        return {"job": json.dumps(dataclasses.asdict(self)), "expires_at": self.expires_at}

    @classmethod
    def load(cls, value: Mapping[str, Any]) -> "Job":
        """Return it from `stored`."""
        fields = json.loads(value["job"])
        return cls(**{**fields, "request": Request(**fields["request"]), "tree": Tree(**fields["tree"])})

    def group(self, batch: int) -> int:
        """Return the group of a batch."""
        return batch // self.tree.group_size


def name_of(execution: str) -> str:
    """Return the name of an execution's job: its own, or a hash where it would not do as a key."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,80}", execution):
        return execution
    return hashlib.sha256(execution.encode(errors="replace")).hexdigest()[:40]


def reads_per_second(prefixes: int, workers: int) -> float:
    """Return the reads a second of one of so many workers."""
    return max(1.0, READS_OF_PREFIX * max(1, prefixes) / max(1, workers))
