"""Items as moto's DynamoDB keeps them: scores come back as they were, and what is counted twice counts once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from data.burst_search.job import Job, name_of
from data.burst_search.matches import BadMatch, Match, canonical, chunks, read
from data.burst_search.request import Request
from data.burst_search.store import Failed, Found, Store
from data.burst_search.tree import Tree

JOB = Job("job", "b", Request("s", "p", "x", {}, "tree", 9), "jobs/", 9, Tree.of(3, 2, 16), 5.0, 100, 1, 2, 4102444800)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client: Any = boto3.client("dynamodb", "eu-central-1")
        names = {"partition": "HASH", "part": "RANGE"}
        client.create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names.items()],
        )
        yield Store(client, "t", "job")


def test_a_jobs_life(store: Store) -> None:
    assert store.create(JOB) == JOB
    store.begin(JOB)
    assert store.create(Job(**{**vars(JOB), "objects": 1})) == JOB
    assert store.arm("token").token == "token"
    found = Found(3, [Match("k", 0, Decimal("0.1"), {"x": [1, None]})], [Failed("f", "why")])
    assert not store.saved(JOB, 0, None)
    assert store.save(JOB, 0, None, "first", found)
    assert not store.save(JOB, 0, None, "second", Found(0, [], []))
    assert store.saved(JOB, 0, None)
    assert store.count(JOB, 0, None, 3, 10) is None
    assert store.count(JOB, 0, None, 3, 10) is None
    complete = store.count(JOB, 1, None, 3, 10)
    assert complete is not None
    assert (complete.done, complete.token) == (frozenset({0}), "token")
    assert store.count(JOB, 2, 0, 2, 5) is None
    assert store.groups([1])[1].ones == {2: {0}}
    last = store.count(JOB, 2, 1, 2, 5)
    assert last is not None
    assert last.done == {0, 1}
    assert [group.milliseconds for group in store.groups([0, 1]).values()] == [30, 10]
    (_, first), (_, second) = store.found(JOB)
    assert second == {}
    searched, rows = first["000000"]
    assert (searched, Match.load(rows[0]), rows[1]) == (3, found.matches[0], {"k": "f", "r": "why"})
    assert store.end("deadline").reason == store.end("complete").reason == "deadline"
    store.look(7, 1, 5)
    progress = store.progress()
    assert (progress.units, progress.stalls, progress.calls) == (7, 1, JOB.tree.calls + 5)


def test_what_a_later_attempt_stored_does_not_count(store: Store) -> None:
    store.create(JOB)
    first, later = (Found(1, [Match(key, 0, Decimal(1), None)], []) for key in ("first", "later"))
    assert store.save(JOB, 0, None, "a", first)
    assert not store.save(JOB, 0, None, "b", later)
    _, rows = next(iter(store.found(JOB)))[1]["000000"]
    assert [Match.load(row) for row in rows] == first.matches


SCORES = st.one_of(
    st.floats(-1e100, 1e100), st.integers(-(10**90), 10**90), st.sampled_from([0.1, 1e-200, -0.0, 1e22, 5e-10])
)


def test_scores_are_stored_and_sorted_as_they_were(store: Store) -> None:
    """Field row B3."""
    store.create(JOB)
    scores = [0.1, 0.2, 0.30000000000000004, 1e-200, 0.0, -0.0, 1e22, -1e99, 123456789.123456789, 10**40, 2 / 3]
    matches = [Match.of(f"k{number}", 0, (score, {})) for number, score in enumerate(scores)]
    store.save(JOB, 0, None, "a", Found(1, matches, []))
    _, rows = next(iter(store.found(JOB)))[1]["000000"]
    again = [Match.load(row) for row in rows]
    assert again == matches
    assert sorted(again, key=Match.order) == sorted(matches, key=Match.order)


@given(st.lists(SCORES, max_size=8))
def test_each_finite_score_has_an_exact_form_that_keeps_the_order(scores: list[float]) -> None:
    made = [canonical(score) for score in scores]
    assert all(len(one.as_tuple().digits) <= 38 for one in made)
    assert [canonical(one) for one in made] == made
    assert sorted(made) == [canonical(score) for score in sorted(scores)]


@pytest.mark.parametrize(
    "score", [float("nan"), float("inf"), -float("inf"), Decimal("NaN"), 1e101, True, None, "1", 1j, [1]]
)
def test_other_scores_are_refused(score: Any) -> None:
    with pytest.raises(BadMatch):
        canonical(score)


def test_nothing_and_no_match_are_the_same() -> None:
    assert read("k", None) == read("k", []) == read("k", iter(())) == []


@given(st.lists(st.integers(1, 400), max_size=30), st.integers(400, 900))
def test_chunks_hold_everything_in_order_and_stay_below_the_limit(sizes: list[int], most: int) -> None:
    values = [({"n": number}, size) for number, size in enumerate(sizes)]
    made = chunks(values, most)
    assert [row["n"] for chunk in made for row in chunk] == list(range(len(sizes)))
    assert all(sum(sizes[row["n"]] for row in chunk) <= most for chunk in made)


@given(st.text(st.characters(), max_size=90))
def test_any_name_of_an_execution_makes_a_key(name: str) -> None:
    assert name_of(name).isascii()
    assert 1 <= len(name_of(name)) <= 80
    assert name_of(name) == name_of(name)
