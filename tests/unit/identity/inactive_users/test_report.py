"""The report to administrators: which days it covers, and what it says when there is nothing to report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from common import clients, observability
from identity.inactive_users import audit, report
from identity.inactive_users.audit import Trail
from identity.inactive_users.items import epoch

CONTEXT = SimpleNamespace(aws_request_id="r")
AT = {"scheduled_at": "2026-11-23T06:00:00Z"}
POOL = "eu-west-1_Staff0001"


class Account:
    """The audit table with its index, and a topic that keeps what is published."""

    def __init__(self) -> None:
        self.dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        names = ("sub", "event", "day")
        self.dynamodb.create_table(
            TableName="audit",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[{"AttributeName": "sub", "KeyType": "HASH"}, {"AttributeName": "event", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-day",
                    "KeySchema": [
                        {"AttributeName": "day", "KeyType": "HASH"},
                        {"AttributeName": "event", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        self.published: list[dict[str, str]] = []

    def publish(self, **message: str) -> None:
        self.published.append(message)

    def note(self, sub: str, action: str, at: str, event: str = "") -> None:
        item = {
            "sub": {"S": sub},
            "userpool_id": {"S": POOL},
            "timestamp": {"S": "2026-08-20T00:00:00.000Z"},
            "source": {"S": "PostAuthentication"},
        }
        Trail(self.dynamodb, "audit").note(item, action, f"{event or at}#{sub}", epoch(at))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Account]:
    for name, value in {
        "AUDIT_TABLE": "audit", "POOLS": json.dumps([POOL]), "TOPIC_ARN": "t", "REPORT_DAYS": "7",
        "POWERTOOLS_SERVICE_NAME": request.node.name, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    observability.logger.cache_clear()
    with mock_aws():
        made = Account()
        monkeypatch.setattr(clients, "client", lambda service: made.dynamodb if service == "dynamodb" else made)
        yield made
    observability.logger.cache_clear()


def sent(account: Account) -> tuple[dict[str, Any], dict[str, str]]:
    answer = report.handler(AT, CONTEXT)
    (message,) = account.published
    return answer, message


def test_complete_days_before_the_schedule(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    for sub, at in {
        "before": "2026-11-15T23:59:59.000Z",
        "first": "2026-11-16T00:00:00.000Z",
        "last": "2026-11-22T23:59:59.000Z",
        "today": "2026-11-23T00:00:00.000Z",
    }.items():
        account.note(sub, audit.DISABLED, at)
    answer, message = sent(account)
    assert answer == {"from": "2026-11-16", "to": "2026-11-22", "counts": {"disabled": 2}}
    assert [sub for sub in ("before", "first", "last", "today") if sub in message["Message"]] == ["first", "last"]
    assert message["Subject"] == "Inactive users 2026-11-16 to 2026-11-22: 2 disabled"
    assert POOL in message["Message"]
    assert "last seen 2026-08-20" in message["Message"]
    assert "first" not in capsys.readouterr().out


def test_an_event_that_was_handled_late_is_in_the_report_of_that_day(account: Account) -> None:
    account.note("late", audit.DISABLED, "2026-11-17T01:00:00.000Z", event="2026-11-14T00:00:00.000Z")
    assert sent(account)[0]["counts"] == {"disabled": 1}


def test_what_needs_a_decision_comes_first(account: Account) -> None:
    for number, action in enumerate([audit.GONE, audit.DISABLED, audit.UNREACHABLE, audit.REVIEW]):
        account.note(f"s{number}", action, "2026-11-20T00:00:00.000Z")
    text = sent(account)[1]["Message"]
    assert [line.partition(":")[0] for line in text.splitlines() if " users were " in line] == [
        "review", "unreachable", "disabled", "gone",
    ]  # fmt: skip


def test_no_entries_are_no_claim(account: Account) -> None:
    answer, message = sent(account)
    assert (answer["counts"], message["Subject"].rpartition(": ")[2]) == ({}, "nothing to report")
    assert report.NOTHING in message["Message"]


def test_many_users_are_counted_and_some_are_shown(account: Account) -> None:
    for number in range(report.SHOWN + 3):
        account.note(f"sub-{number:03}", audit.DISABLED, "2026-11-20T00:00:00.000Z")
    text = sent(account)[1]["Message"]
    assert text.count("sub-") == report.SHOWN
    assert "and 3 more" in text


def test_an_odd_entry_ends_no_report(account: Account) -> None:
    account.note("good", audit.DISABLED, "2026-11-20T00:00:00.000Z")
    key = {"sub": {"S": "odd"}, "event": {"S": "x"}, "day": {"S": "2026-11-20"}}
    account.dynamodb.put_item(TableName="audit", Item={**key, "action": {"N": "5"}})
    account.dynamodb.put_item(TableName="audit", Item={**key, "event": {"S": "y"}, "action": {"S": "étrange"}})
    answer, message = sent(account)
    assert answer["counts"] == {"disabled": 1, "?": 1, "étrange": 1}
    assert "odd" in message["Message"]
    assert message["Subject"].isascii()


def test_every_action_has_a_meaning() -> None:
    actions = {value for name, value in vars(audit).items() if name.isupper() and isinstance(value, str)}
    assert actions == set(report.MEANINGS)


def test_subjects_fit(account: Account) -> None:
    subject = report.subject(["2026-11-16", "2026-11-22"], dict.fromkeys(report.MEANINGS, 1_000_000))
    assert len(subject) < 100
