"""Late records: written if newer than the table's item, in any order; malformed ones are returned as failures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from common import clients, observability
from identity.inactive_users import items, record, replay

from .world import TABLE, World, fail

CONTEXT = SimpleNamespace(aws_request_id="r")


@pytest.fixture(autouse=True)
def environment(world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    for name, value in {
        "TABLE": TABLE, "POOLS": json.dumps(world.pools), "INACTIVE_DAYS": "30", "WARNING_DAYS": "7",
        "POWERTOOLS_SERVICE_NAME": request.node.name,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    observability.logger.cache_clear()
    made = {name: world.client(name) for name in ("dynamodb",)}
    monkeypatch.setattr(clients, "client", lambda service: made[service])
    yield
    observability.logger.cache_clear()


def batch(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


def test_writes_what_the_trigger_would_have_written(world: World) -> None:
    activity = world.activity(world.user("ann"), "ann")
    assert replay.handler(batch(record.message(activity)), CONTEXT) == {"batchItemFailures": []}
    assert world.item(activity.sub) == items.tracked(activity, 30, 7) | {"timestamp": {"S": items.rfc3339(activity.at)}}


def test_order_and_repetition_do_not_matter(world: World) -> None:
    sub, now = world.user("ann"), time.time()
    new, old = (record.message(world.activity(sub, "ann", at=now - ago)) for ago in (0, 100))
    assert replay.handler(batch(new, old, new, old), CONTEXT) == {"batchItemFailures": []}
    assert world.item(sub)["timestamp"]["S"] == items.rfc3339(now)


@pytest.mark.parametrize(("days_ago", "state"), [(1, "active"), (31, "disabled")])
def test_a_late_record_brings_a_disabled_user_back_only_if_the_period_is_not_over(
    world: World, days_ago: int, state: str
) -> None:
    sub = world.user("ann")
    world.track(world.activity(sub, "ann", at=time.time() - 60 * items.DAY))
    item = {**world.item(sub), "state": {"S": items.DISABLED}}
    world.dynamodb.put_item(TableName=TABLE, Item=item)
    late = world.activity(sub, "ann", at=time.time() - days_ago * items.DAY)
    replay.handler(batch(record.message(late)), CONTEXT)
    assert world.state(sub) == state


def test_each_pool_has_its_own_days(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYS_BY_POOL", json.dumps({world.pools[1]: 10}))
    subs = [world.user("ann"), world.user("bob", 1)]
    sent = [world.activity(subs[0], "ann"), world.activity(subs[1], "bob", pool=1)]
    assert replay.handler(batch(*map(record.message, sent)), CONTEXT) == {"batchItemFailures": []}
    days = [
        (int(world.item(sub, n)["expires_at"]["N"]) - int(one.at)) // items.DAY
        for n, (sub, one) in enumerate(zip(subs, sent, strict=True))
    ]
    assert days == [30, 10]


def test_clocks_may_differ(world: World) -> None:
    sub = world.user("ann")
    ahead = world.activity(sub, "ann", at=time.time() + 60)
    assert replay.handler(batch(record.message(ahead)), CONTEXT) == {"batchItemFailures": []}
    assert world.item(sub)


def bodies(pool: str) -> list[str]:
    good = {
        "sub": "s",
        "userpool_id": pool,
        "username": "u",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "source": "PostAuthentication",
    }
    changes: list[dict[str, Any]] = [
        {"userpool_id": "eu-west-1_Foreign"}, {"source": "Preload"}, {"timestamp": "yesterday"},
        {"timestamp": "2026-01-01T00:00:00"}, {"timestamp": "2999-01-01T00:00:00.000Z"},
        {"sub": ""}, {"username": None}, {"timestamp": 5},
    ]  # fmt: skip
    return ["", "[]", "null", "{}", *(json.dumps({**good, **change}) for change in changes)]


def test_malformed_and_foreign_messages_are_given_back_and_nothing_of_them_logged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    sub = world.user("ann")
    sent = [*bodies(world.pools[0]), record.message(world.activity(sub, "ann"))]
    answer = replay.handler(batch(*sent), CONTEXT)
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == [
        str(number) for number in range(len(sent) - 1)
    ]
    assert world.item(sub)
    printed = capsys.readouterr().out
    assert not [secret for secret in (sub, "ann", "Foreign") if secret in printed]


def test_a_failing_table_fails_that_message_alone(world: World) -> None:
    subs = [world.user(name) for name in ("ann", "bob")]
    world.before = fail("PutItem")
    answer = replay.handler(
        batch(*(record.message(world.activity(s, n)) for s, n in zip(subs, ("ann", "bob"), strict=True))), CONTEXT
    )
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert not world.item(subs[0])
    assert world.item(subs[1])
