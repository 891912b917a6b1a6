"""What the function answers: nothing failed, the first that failed, or an error when that is the first of the batch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common import clients
from common.settings import SettingsError
from data.cross_account_stream import consume
from data.cross_account_stream.errors import NotAStreamEvent, TooLarge, Unreadable
from data.cross_account_stream.table import LARGEST
from tests.unit.data.cross_account_stream.events import FIRST, Dynamo, entry, refusal

CONTEXT = SimpleNamespace(aws_request_id="r")


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Dynamo:
    for name, value in {"TABLE": "records", "KEEP_DAYS": "30"}.items():
        monkeypatch.setenv(name, value)
    found = Dynamo()
    monkeypatch.setattr(clients, "client", lambda service, attempts: {"dynamodb": found}[service])
    return found


def call(*entries: Any) -> dict[str, Any]:
    return consume.handler({"Records": list(entries)}, CONTEXT)


def undecodable(number: int) -> dict[str, Any]:
    found = entry(number)
    found["kinesis"]["data"] = "%"
    return found


def failed(number: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(FIRST + number)}]}


def test_a_batch_that_is_kept_has_an_empty_list(dynamodb: Dynamo) -> None:
    assert call(*map(entry, range(3))) == {"batchItemFailures": []}
    assert len(dynamodb.items) == 3


def test_the_second_of_three_is_undecodable(dynamodb: Dynamo) -> None:
    """Row X2 of the field: exact key names, the first failed record, and what follows it comes again."""
    assert call(entry(0), undecodable(1), entry(2)) == failed(1)
    assert dynamodb.kept() == [str(FIRST)]


def test_of_two_that_fail_the_first_is_named(dynamodb: Dynamo) -> None:
    assert call(entry(0), entry(1, b"x" * (LARGEST + 1)), undecodable(2), entry(3)) == failed(1)
    assert call(entry(0), undecodable(1), entry(2, b"x" * (LARGEST + 1))) == failed(1)


def test_the_first_of_several_fails_the_call_so_that_lambda_splits_the_batch(dynamodb: Dynamo) -> None:
    with pytest.raises(Unreadable):
        call(undecodable(0), entry(1), entry(2))
    with pytest.raises(TooLarge):
        call(entry(0, b"x" * (LARGEST + 1)), entry(1))
    assert dynamodb.kept() == []


def test_one_alone_that_fails_is_an_error(dynamodb: Dynamo) -> None:
    with pytest.raises(Unreadable):
        call(undecodable(0))


@pytest.mark.parametrize("number", [None, "", 7, "x"])
def test_a_record_without_a_number_cannot_be_named(dynamodb: Dynamo, number: Any) -> None:
    """An empty or unknown identifier would fail the whole batch without being split."""
    odd = entry(1)
    odd["kinesis"]["sequenceNumber"] = number
    with pytest.raises(Unreadable):
        call(entry(0), odd)
    assert dynamodb.kept() == [str(FIRST)]


def test_a_refusal_of_the_table_is_an_error_with_its_code(dynamodb: Dynamo) -> None:
    dynamodb.errors = [refusal("AccessDeniedException")]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        call(entry(0), entry(1))


def test_what_was_kept_before_a_refusal_is_not_delivered_again(dynamodb: Dynamo) -> None:
    dynamodb.errors = [None, refusal("ThrottlingException")]
    assert call(*map(entry, range(30))) == failed(25)


def test_logs_have_no_content(dynamodb: Dynamo, capsys: pytest.CaptureFixture[str], caplog: Any) -> None:
    call(entry(0, b"secret", "customer-7"), undecodable(1))
    said = capsys.readouterr().out + caplog.text
    assert "secret" not in said
    assert "c2VjcmV0" not in said
    assert "customer-7" not in said
    assert '"RecordsKept":[1.0]' in said


def test_other_events_and_settings_are_refused(dynamodb: Dynamo, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAStreamEvent):
        consume.handler({"detail": {}}, CONTEXT)
    monkeypatch.delenv("TABLE")
    with pytest.raises(SettingsError, match="TABLE"):
        call(entry())
