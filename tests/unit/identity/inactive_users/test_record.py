"""The trigger records sign-ins, and never blocks one.

Scenarios
    1  Given an enabled user, when Cognito reports a sign-in, then the table has the five attributes and the event is
       returned unchanged; the next sign-in extends the period
    2  Given a table that fails, then the queue has the record
    3  Given that neither answers, or that another error occurs, then the sign-in continues in time, and is counted
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from common import observability
from identity.inactive_users import items, record
from identity.inactive_users.record import Settings

from .world import TABLE, World

CONTEXT = SimpleNamespace(aws_request_id="r")


def event(sub: str, pool: str, source: str = "PostAuthentication_Authentication") -> dict[str, Any]:
    return {
        "version": "1",
        "triggerSource": source,
        "region": "eu-west-1",
        "userPoolId": pool,
        "userName": "ann",
        "callerContext": {"awsSdkVersion": "x", "clientId": "c"},
        "request": {"userAttributes": {"sub": sub, "email": "ann@example.org"}, "newDeviceUsed": True},
        "response": {},
    }


@pytest.fixture
def queue(world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Any]:
    sqs = boto3.client("sqs", region_name="eu-west-1")
    url = sqs.create_queue(QueueName="records")["QueueUrl"]
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "TABLE": TABLE,
        "QUEUE_URL": url,
        "INACTIVE_DAYS": "0",
        "POWERTOOLS_SERVICE_NAME": request.node.name,
    }.items():
        monkeypatch.setenv(name, value)
    record.client.cache_clear()
    observability.logger.cache_clear()
    monkeypatch.setattr(record, "client", world.client)
    yield lambda: [json.loads(message["Body"]) for message in sqs.receive_message(QueueUrl=url).get("Messages", [])]
    observability.logger.cache_clear()


@pytest.mark.parametrize("source", ["PostAuthentication_Authentication", "PostConfirmation_ConfirmSignUp"])
def test_threshold_zero_five_attributes_and_the_event_unchanged(world: World, queue: Any, source: str) -> None:
    sub, before = world.user("ann"), time.time()
    sent = event(sub, world.pools[0], source)
    assert record.handler(copy.deepcopy(sent), CONTEXT) == sent
    item = world.item(sub)
    assert {name: item[name]["S"] for name in ("sub", "username", "userpool_id")} == {
        "sub": sub, "username": "ann", "userpool_id": world.pools[0],
    }  # fmt: skip
    assert before - 1 <= items.epoch(item["timestamp"]["S"]) <= time.time()
    assert int(before) <= int(item["ttl"]["N"]) <= time.time()
    assert world.calls == {"PutItem": 1}
    assert not queue()


def test_the_next_sign_in_moves_the_end(world: World, queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INACTIVE_DAYS", "7")
    sub = world.user("ann")
    world.track(world.activity(sub, "ann", at=time.time() - 5 * items.DAY), 7)
    old = int(world.item(sub)["ttl"]["N"])
    record.handler(event(sub, world.pools[0]), CONTEXT)
    assert int(world.item(sub)["ttl"]["N"]) - old in range(5 * items.DAY - 2, 5 * items.DAY + 3)


def test_each_pool_has_its_own_days(world: World, queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYS_BY_POOL", json.dumps({world.pools[1]: 10}))
    ends = []
    for number, name in enumerate(("ann", "bob")):
        sub = world.user(name, number)
        record.handler(event(sub, world.pools[number]), CONTEXT)
        ends.append((int(world.item(sub, number)["expires_at"]["N"]) - time.time()) // items.DAY)
    assert ends == [-1, 9]


def test_a_warning_comes_before_the_end() -> None:
    item = items.tracked(items.Activity("s", "p", "u", 1_000_000, items.SIGN_IN), 90, 7)
    assert (item["ttl"]["N"], item["expires_at"]["N"]) == (str(1_000_000 + 83 * 86_400), str(1_000_000 + 90 * 86_400))


def test_a_table_that_fails_leaves_it_to_the_queue(world: World, queue: Any) -> None:
    from .world import fail

    sub = world.user("ann")
    world.before = fail("PutItem")
    sent = event(sub, world.pools[0])
    assert record.handler(sent, CONTEXT) is sent
    assert [(m["sub"], m["username"], m["userpool_id"], m["source"]) for m in queue()] == [
        (sub, "ann", world.pools[0], "PostAuthentication")
    ]
    assert not world.item(sub)


def test_one_failure_of_each_is_survived(world: World, queue: Any) -> None:
    from .world import fail

    sub = world.user("ann")
    world.before = fail("PutItem", "SendMessage", times=2)
    record.handler(event(sub, world.pools[0]), CONTEXT)
    assert world.item(sub)
    assert world.calls == {"PutItem": 2, "SendMessage": 1}


def test_neither_answers_the_sign_in_goes_on_and_is_counted(
    world: World, queue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from .world import fail

    sub = world.user("ann")
    world.before = fail("PutItem", "SendMessage", times=10**6)
    sent = event(sub, world.pools[0])
    assert record.handler(sent, CONTEXT) is sent
    assert world.calls["PutItem"] > 3
    printed = capsys.readouterr().out
    assert '"SignInsNotRecorded"' in printed
    assert "sign-in not recorded" in printed
    assert not [secret for secret in (sub, "ann", "example.org") if secret in printed]


@pytest.mark.parametrize("seconds", [0.0, 0.4, 1.3])
def test_the_last_attempt_begins_within_the_budget(seconds: float) -> None:
    """Every attempt takes its full time: the answer still comes within 4 of Cognito's 5 seconds."""
    now = [0.0]

    def slow(service: str) -> Any:
        now[0] += seconds
        raise TimeoutError

    activity = items.Activity("s", "p", "u", 1.0, items.SIGN_IN)
    with pytest.raises(TimeoutError):
        record.record(
            activity, Settings("t", "q", 90), slow, clock=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s)
        )
    assert now[0] <= record.BUDGET_SECONDS + 1.3 + record.PAUSE_SECONDS < 4


def test_clients_give_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    made = record.client.__wrapped__("sqs")
    assert made.meta.config.connect_timeout + made.meta.config.read_timeout <= 1.3
    assert made.meta.config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize(
    "broken",
    [{}, {"triggerSource": "PostAuthentication_Authentication"}, event("", "p"), {**event("s", "p"), "request": None}],
)
def test_what_is_no_event_of_cognito_goes_back_too(broken: dict[str, Any], queue: Any) -> None:
    assert record.handler(broken, CONTEXT) is broken


@pytest.mark.parametrize("missing", ["TABLE", "QUEUE_URL", "INACTIVE_DAYS"])
def test_not_even_a_broken_set_up_refuses_a_sign_in(
    missing: str, queue: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(missing)
    sent = event("s", "p")
    assert record.handler(sent, CONTEXT) is sent
    assert '"SignInsNotRecorded"' in capsys.readouterr().out


def test_not_even_a_broken_log(queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("ann@example.org")

    monkeypatch.setattr(observability, "begin", broken)
    sent = event("s", "p")
    assert record.handler(sent, CONTEXT) is sent


def test_other_triggers_record_nothing(world: World, queue: Any) -> None:
    record.handler(event("s", world.pools[0], "PreSignUp_SignUp"), CONTEXT)
    assert not world.calls
