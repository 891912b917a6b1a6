"""The audit trail on moto: the first row of a page counts, and ranges are counted once."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from data.document_pipeline import document
from data.document_pipeline.ledger import Ledger, Page
from data.document_pipeline.settings import Settings

CONFIG = Settings("b", "1", "k", "t")
_keys = itertools.count()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with mock_aws():
        made = boto3.client("dynamodb", region_name="eu-central-1")
        made.create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "document", "KeyType": "HASH"}, {"AttributeName": "part", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "document", "AttributeType": "S"},
                {"AttributeName": "part", "AttributeType": "S"},
            ],
        )
        yield made


@pytest.fixture
def ledger(client: Any) -> Ledger:
    return Ledger(client, "t", 30)


def received(ledger: Ledger, pages: int = 23) -> document.Document:
    new = document.read(document.found("b", "bucket", f"key-{next(_keys)}", "e", 5))
    stored = ledger.receive(new)
    found = document.classified(stored, pages, False, CONFIG)
    ledger.classify(found)
    return found


def test_a_document_is_received_and_classified_once(ledger: Ledger) -> None:
    found = received(ledger)
    assert ledger.document(found.id) == found
    again = dataclasses.replace(found, received_at="2030-01-01T00:00:00Z", status=document.RECEIVED, pages=0)
    assert ledger.receive(again) == found
    ledger.classify(dataclasses.replace(found, pages=99))
    assert ledger.document(found.id).pages == 23
    with pytest.raises(KeyError, match="no document missing"):
        ledger.document("missing")


def test_the_first_row_of_a_page_counts(ledger: Ledger) -> None:
    found = received(ledger)
    done = Page(3, "DONE", image="i", result='{"score":0.1}', features=("a", "b"), latency_ms=7)
    assert ledger.add(found, done)
    assert not ledger.add(found, Page(3, "FAILED", "late"))
    assert ledger.add(found, Page(11, "FAILED", "page_timeout", "why"))
    assert ledger.pages(found, found.range(0)) == {3: done}
    assert ledger.pages(found, found.range(1))[11].reason == "page_timeout"
    statuses, features = ledger.summary(found)
    assert (dict(statuses), features) == ({"DONE": 1, "FAILED": 1}, {"a", "b"})


def test_a_range_counts_once(ledger: Ledger) -> None:
    found = received(ledger)
    assert [ledger.complete(found, number) for number in (0, 0, 2, 0, 1, 1)] == [False] * 4 + [True] * 2
    assert ledger.done(found) == {0, 1, 2}
    assert not ledger.done(received(ledger))


def test_a_document_ends_once(ledger: Ledger) -> None:
    found = received(ledger)
    ledger.end(found, "PARTIAL", "why", "2026-01-01T00:00:00Z")
    ledger.end(found, "PROCESSED", "", "2026-01-02T00:00:00Z")
    assert [ledger.document(found.id).status, ledger.document(found.id).reason] == ["PARTIAL", "why"]
    refused = ledger.receive(document.read(document.found("b", "bucket", "other", "e", 5)))
    ledger.end(refused, "REFUSED", "not_a_pdf", "2026-01-01T00:00:00Z")
    assert ledger.document(refused.id).status == "REFUSED"


def test_items_expire(ledger: Ledger, client: Any) -> None:
    found = received(ledger)
    ledger.add(found, Page(1, "DONE"))
    items = client.query(
        TableName="t",
        KeyConditionExpression="#d = :d",
        ExpressionAttributeNames={"#d": "document"},
        ExpressionAttributeValues={":d": {"S": found.id}},
    )["Items"]
    assert len(items) == 2
    assert all(int(item["expires_at"]["N"]) > 1_700_000_000 for item in items)


@pytest.mark.parametrize("statuses", [{}, {"DONE": 22}, {"DONE": 24}, {"DONE": 20, "FAILED": 2}])
def test_pages_that_are_not_all_there_end_no_document(statuses: dict[str, int]) -> None:
    new = document.classified(document.read(document.found("b", "x", "k", "e", 5)), 23, False, CONFIG)
    with pytest.raises(AssertionError):
        document.ended(new, statuses)


@pytest.mark.parametrize(
    ("statuses", "truncated", "wanted"),
    [
        ({"DONE": 3}, False, ("PROCESSED", "")),
        ({"DONE": 3}, True, ("PARTIAL", "truncated")),
        ({"DONE": 2, "FAILED": 1}, False, ("PARTIAL", "1 of 3 pages failed")),
        ({"FAILED": 3}, False, ("FAILED", "no page could be processed")),
    ],
)
def test_how_a_document_ends(statuses: dict[str, int], truncated: bool, wanted: tuple[str, str]) -> None:
    new = document.classified(document.read(document.found("b", "x", "k", "e", 5)), 3, truncated, CONFIG)
    assert document.ended(new, statuses) == wanted
