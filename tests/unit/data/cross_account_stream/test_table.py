"""Records as items: the same record is the same item, answers are read item by item, one bad item stays alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.exceptions import EndpointConnectionError

from data.cross_account_stream.errors import NotKept, TooLarge
from data.cross_account_stream.records import Record
from data.cross_account_stream.table import ATTEMPTS, LARGEST, Outcome, Table
from tests.unit.data.cross_account_stream.events import FIRST, Dynamo, entry, refusal


def table(dynamodb: Dynamo) -> Table:
    return Table("records", 30, dynamodb, sleep=lambda seconds: None)


def some(count: int) -> list[Record]:
    return [Record.of(entry(number)) for number in range(count)]


def sort(number: int) -> str:
    return str(FIRST + number).zfill(129)


def test_an_item_has_all_of_its_record() -> None:
    at = datetime(2026, 11, 28, 8, 0, 0, 250_000, UTC)
    item = table(Dynamo()).item(Record("222233334444/orders", "shardId-1", "42", "key", b"\xb1\x00", at))
    assert item == {
        "stream_and_key": {"S": "222233334444/orders#key"},
        "sequence": {"S": "0" * 127 + "42"},
        "data": {"B": b"\xb1\x00"},
        "shard": {"S": "shardId-1"},
        "arrived_at": {"S": "2026-11-28T08:00:00.250+00:00"},
        "expires_at": {"N": str(int(at.timestamp()) + 30 * 86_400)},
    }


def test_numbers_of_any_length_sort_as_numbers() -> None:
    at = datetime(2026, 11, 28, tzinfo=UTC)
    numbers = ["9", "10", "99", "100", str(FIRST), str(FIRST * 10)]
    keys = [table(Dynamo()).item(Record("1/s", "s", one, "k", b"", at))["sequence"]["S"] for one in numbers]
    assert keys == sorted(keys)


@pytest.mark.parametrize(("count", "calls"), [(0, []), (1, [1]), (25, [25]), (26, [25, 1]), (60, [25, 25, 10])])
def test_records_are_written_in_batches(count: int, calls: list[int]) -> None:
    dynamodb = Dynamo()
    assert table(dynamodb).keep(some(count)) == Outcome(count)
    assert dynamodb.calls == calls
    assert len(dynamodb.items) == count


def test_a_second_delivery_changes_nothing() -> None:
    dynamodb = Dynamo()
    table(dynamodb).keep(some(3))
    before = dict(dynamodb.items)
    assert table(dynamodb).keep(some(3)) == Outcome(3)
    assert dynamodb.items == before


def test_one_record_twice_in_a_batch_is_one_item() -> None:
    dynamodb = Dynamo()
    assert table(dynamodb).keep([*some(2), *some(2)]) == Outcome(4)
    assert (len(dynamodb.items), dynamodb.calls) == (2, [2])


def test_unprocessed_items_are_written_again_and_alone() -> None:
    dynamodb = Dynamo()
    dynamodb.busy = {sort(1): 2, sort(4): 1}
    assert table(dynamodb).keep(some(5)) == Outcome(5)
    assert dynamodb.calls == [5, 2, 1]


def test_an_item_that_stays_unprocessed_is_the_first_that_is_not_kept() -> None:
    dynamodb = Dynamo()
    dynamodb.busy = {sort(30): ATTEMPTS, sort(40): ATTEMPTS}
    outcome = table(dynamodb).keep(some(60))
    assert (outcome.kept, type(outcome.problem)) == (30, NotKept)
    assert dynamodb.calls == [25, 25, *[2] * (ATTEMPTS - 1)]


def test_a_record_that_is_too_large_is_named_and_those_before_it_are_kept() -> None:
    dynamodb = Dynamo()
    found = [*some(2), Record.of(entry(2, b"x" * (LARGEST + 1))), Record.of(entry(3))]
    outcome = table(dynamodb).keep(found)
    assert (outcome.kept, type(outcome.problem)) == (2, TooLarge)
    assert sorted(dynamodb.kept()) == [str(FIRST), str(FIRST + 1)]
    assert table(dynamodb).keep([Record.of(entry(2, b"x" * LARGEST))]) == Outcome(1)


def test_a_record_that_is_too_large_and_first_makes_no_call() -> None:
    dynamodb = Dynamo()
    assert table(dynamodb).keep([Record.of(entry(0, b"x" * (LARGEST + 1)))]).kept == 0
    assert dynamodb.calls == []


def test_a_batch_that_is_refused_for_one_item_is_written_one_by_one() -> None:
    dynamodb = Dynamo()
    dynamodb.bad = {sort(3)}
    outcome = table(dynamodb).keep(some(6))
    assert outcome.kept == 3
    assert "ValidationException" in str(outcome.problem)
    assert dynamodb.calls == [6, 1, 1, 1, 1]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ThrottlingException"])
def test_another_refusal_is_the_problem_of_the_first_record_of_its_batch(code: str) -> None:
    dynamodb = Dynamo()
    dynamodb.errors = [None, refusal(code)]
    outcome = table(dynamodb).keep(some(30))
    assert outcome.kept == 25
    assert code in str(outcome.problem)
    assert dynamodb.calls == [25, 5]


def test_a_lost_connection_is_a_problem_and_an_error_of_ours_is_raised() -> None:
    dynamodb = Dynamo()
    lost: list[Exception] = [EndpointConnectionError(endpoint_url="https://dynamodb")]
    dynamodb.errors = lost  # type: ignore[assignment]
    assert isinstance(table(dynamodb).keep(some(1)).problem, EndpointConnectionError)
    lost += [KeyError("ours")]
    with pytest.raises(KeyError):
        table(dynamodb).keep(some(1))
