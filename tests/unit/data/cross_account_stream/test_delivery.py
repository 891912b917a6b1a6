"""Order and duplicates, with Lambda as it is documented: checkpoints, bisection, retries, parking, a new mapping.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from data.cross_account_stream import consume
from data.cross_account_stream.table import LARGEST, Table
from tests.unit.data.cross_account_stream.events import Dynamo, entry, refusal, sequences

RETRIES = 3


@dataclass
class Lambda:
    """One shard of a mapping with ReportBatchItemFailures, bisection, and a limit of retries."""

    shard: list[dict[str, Any]]
    size: int
    dynamodb: Dynamo
    outages: random.Random
    parked: list[list[str]] = field(default_factory=list)
    calls: int = 0

    def call(self, batch: list[dict[str, Any]]) -> int | None:
        """Return how many records from the first one are handled; None if the call failed."""
        self.calls += 1
        if self.outages.random() < 0.15:
            self.dynamodb.errors = [None] * self.outages.randrange(2) + [refusal("InternalServerError", 500)]
        table = Table("records", 30, self.dynamodb, sleep=lambda seconds: None)
        try:
            answer = consume.answer(batch, consume.run(batch, table.keep))
        except Exception:  # noqa: BLE001 - as Lambda
            return None
        finally:
            self.dynamodb.errors = []
        named = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        return min((sequences(batch).index(one) for one in named), default=len(batch))

    def read(self, begin: int = 0) -> None:
        """Deliver the shard from a place to its end."""
        while begin < len(self.shard):
            batch = self.shard[begin : begin + self.size]
            self.deliver(batch)
            begin += len(batch)

    def deliver(self, batch: list[dict[str, Any]], retries: int = RETRIES) -> None:
        """Deliver a batch until it is handled or parked."""
        done = self.call(batch)
        if done == len(batch):
            return
        if done:  # split where the answer says; that uses no retry
            self.deliver(batch[done:])
        elif done is None and len(batch) > 1:
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                self.deliver(half)
        elif retries:
            self.deliver(batch, retries - 1)
        else:
            self.parked.append(sequences(batch))


def poisoned(number: int, kind: str) -> dict[str, Any]:
    found = entry(number, b"x" * (LARGEST + 1) if kind == "large" else b"data", f"key-{number % 3}")
    if kind == "undecodable":
        found["kinesis"]["data"] = "%"
    if kind == "keyless":
        found["kinesis"]["partitionKey"] = ""
    return found


KINDS = st.sampled_from(["good"] * 6 + ["large", "undecodable", "keyless"])


@settings(max_examples=60)
@given(st.lists(KINDS, min_size=1, max_size=40), st.integers(1, 40), st.randoms(use_true_random=False))
def test_each_good_record_is_kept_once_in_order_and_poison_is_parked_alone(
    kinds: list[str], size: int, outages: random.Random
) -> None:
    shard = [poisoned(number, kind) for number, kind in enumerate(kinds)]
    good = {one for one, kind in zip(sequences(shard), kinds, strict=True) if kind == "good"}
    poison = [one for one in sequences(shard) if one not in good]
    mapping = Lambda(shard, size, Dynamo(), outages)
    mapping.read()
    assert all(len(batch) == 1 for batch in mapping.parked)  # never a good one with it
    parked = [batch[0] for batch in mapping.parked]
    assert [one for one in parked if one in poison] == poison
    assert set(mapping.dynamodb.kept()) >= good - set(parked)  # an outage longer than the retries parks good ones, too
    by_key: dict[str, list[str]] = {}
    for key, sequence in sorted(mapping.dynamodb.items):
        by_key.setdefault(key, []).append(sequence)
    assert all(numbers == sorted(set(numbers)) for numbers in by_key.values())


@settings(max_examples=40)
@given(st.lists(KINDS, min_size=1, max_size=25), st.integers(1, 25), st.integers(0, 25), st.integers(0, 2**32))
def test_a_new_mapping_that_begins_anywhere_before_the_old_ones_place_changes_nothing(
    kinds: list[str], size: int, place: int, seed: int
) -> None:
    shard = [poisoned(number, kind) for number, kind in enumerate(kinds)]
    calm = random.Random(seed)
    calm.random = lambda: 1.0  # type: ignore[method-assign]
    dynamodb = Dynamo()
    Lambda(shard, size, dynamodb, calm).read()
    before = dict(dynamodb.items)
    Lambda(shard, max(1, size // 2), dynamodb, calm).read(min(place, len(shard)))
    assert dynamodb.items == before


def test_an_answer_for_the_first_record_would_park_the_rest_with_it() -> None:
    """Why the call fails instead: the same shard, if the function always answered."""
    shard = [poisoned(0, "large"), *[entry(number) for number in range(1, 8)]]
    calm = random.Random(1)
    calm.random = lambda: 1.0  # type: ignore[method-assign]
    mapping = Lambda(shard, 8, Dynamo(), calm)
    mapping.call = lambda batch: 0 if batch[0] is shard[0] else len(batch)  # type: ignore[method-assign]
    mapping.read()
    assert mapping.parked == [sequences(shard)]
