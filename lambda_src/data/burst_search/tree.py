"""The tree of dispatchers, and its guards. Nothing here calls AWS.

Batches are numbered, and divided into groups of `group_size`. A dispatcher of level 0 calls the workers of one group;
one of level n calls `fan_out` dispatchers of level n - 1. Level and index decide what a dispatcher may call, so no
chain of calls is longer than the tree is deep, whatever an event says.
"""

import math
from dataclasses import dataclass
from typing import Any

from .errors import RequestRefused

MAX_DEPTH = 8
"""Longest chain of calls, the worker included. Lambda stops a chain in which one function runs about 16 times:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html"""


@dataclass(frozen=True)
class Tree:
    """The shape of one job's tree. `levels` is the level of the root; `fan_out` is the number of children."""

    batches: int
    group_size: int
    fan_out: int
    levels: int

    @classmethod
    def of(cls, batches: int, group_size: int, fan_out: int, depth: int = MAX_DEPTH) -> "Tree":
        """Return the tree for so many batches, wider than asked for if it would be deeper than `depth` otherwise."""
        groups = max(1, math.ceil(batches / group_size))
        deepest = depth - 2  # a root that is a leaf, and its workers, are a chain of two
        levels = _levels(groups, fan_out)
        while levels > deepest:
            fan_out += 1
            levels = _levels(groups, fan_out)
        return cls(batches, group_size, fan_out, levels)

    @property
    def groups(self) -> int:
        """Return the number of groups."""
        return math.ceil(self.batches / self.group_size)

    @property
    def depth(self) -> int:
        """Return the number of calls in the longest chain: dispatchers from the root to a leaf, and a worker."""
        return self.levels + 2

    @property
    def dispatchers(self) -> int:
        """Return the number of dispatchers."""
        return sum(math.ceil(self.groups / self.fan_out**level) for level in range(self.levels + 1))

    @property
    def calls(self) -> int:
        """Return the number of calls of functions that one search takes."""
        return self.batches + (self.dispatchers if self.batches else 0)

    def size(self, group: int) -> int:
        """Return the number of batches in a group."""
        return min(self.group_size, self.batches - group * self.group_size)

    def numbers(self, group: int) -> range:
        """Return the numbers of a group's batches."""
        first = group * self.group_size
        return range(first, first + self.size(group))

    def children(self, level: int, index: int) -> range:
        """Return the indexes, on the level below, of the dispatchers that a dispatcher calls."""
        below = math.ceil(self.groups / self.fan_out ** (level - 1))
        return range(index * self.fan_out, min((index + 1) * self.fan_out, below))

    def check(self, level: Any, index: Any, depth: Any) -> None:
        """Raise RequestRefused for a dispatcher that is not in the tree, or at another depth than its own."""
        if not all(isinstance(one, int) and not isinstance(one, bool) for one in (level, index, depth)):
            raise RequestRefused("A dispatcher's event has a level, an index and a depth, which are whole numbers.")
        if not 1 <= depth <= MAX_DEPTH - 1:
            raise RequestRefused(f"A dispatcher at depth {depth} would call deeper than {MAX_DEPTH}.")
        if not 0 <= level <= self.levels or depth > self.levels - level + 1:
            raise RequestRefused(f"Level {level} at depth {depth} is not in a tree with {self.levels + 1} levels.")
        if not 0 <= index < math.ceil(self.groups / self.fan_out**level):
            raise RequestRefused(f"Level {level} has no dispatcher {index}.")


def _levels(groups: int, fan_out: int) -> int:
    levels = 0
    while fan_out**levels < groups:
        levels += 1
    return levels
