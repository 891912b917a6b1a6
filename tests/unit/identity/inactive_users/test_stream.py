"""Batches: only deletions by time to live count, failures are reported by sequence number, the quota is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common import clients, observability, settings
from common.pacing import Pacer
from identity.inactive_users import stream
from identity.inactive_users.expiry import Desk

from .world import AUDIT, TABLE, World, fail

IDENTITIES: list[Any] = [
    None,
    {},
    {"type": "Service"},
    {"principalId": "dynamodb.amazonaws.com"},
    {"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"},
    {"type": "User", "principalId": "dynamodb.amazonaws.com"},
    "dynamodb.amazonaws.com",
]


def crowd(world: World, size: int) -> list[str]:
    subs = [world.user(f"u{number}") for number in range(size)]
    for number, sub in enumerate(subs):
        world.track(world.activity(sub, f"u{number}"))
    world.records.clear()
    for sub in subs:
        world.expire(sub)
    return subs


def refusal(code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, "AdminDisableUser")


def sequence(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def run(world: World, desk: Desk, seconds: float = 900) -> tuple[str | None, Any]:
    return stream.run(world.records, desk, world.pools, lambda: seconds)


@pytest.mark.parametrize("identity", IDENTITIES)
def test_what_somebody_deleted_disables_nobody(world: World, identity: Any) -> None:
    crowd(world, 1)
    del world.records[0]["userIdentity"]
    if identity is not None:
        world.records[0]["userIdentity"] = identity
    assert run(world, world.desk()) == (None, {"ignored": 1})
    assert world.enabled("u0")
    assert not world.calls


@pytest.mark.parametrize("name", ["INSERT", "MODIFY"])
def test_what_is_no_deletion_disables_nobody(world: World, name: str) -> None:
    crowd(world, 1)
    world.records[0]["eventName"] = name
    assert run(world, world.desk()) == (None, {"ignored": 1})
    assert world.enabled("u0")


def test_a_pool_that_is_not_ours_is_left_alone(world: World) -> None:
    crowd(world, 1)
    assert stream.run(world.records, world.desk(), ["eu-west-1_Other"], lambda: 900) == (None, {"ignored": 1})
    assert world.enabled("u0")


@pytest.mark.parametrize(
    "change",
    [
        {"username": {}},
        {"username": {"S": ""}},
        {"expires_at": {"N": "soon"}},
        {"expires_at": {}},
        {"sub": {"N": "5"}},
        {"state": None},
    ],
)
def test_a_malformed_record_is_counted_and_holds_up_nobody(world: World, change: dict[str, Any]) -> None:
    crowd(world, 3)
    world.records[1]["dynamodb"]["OldImage"] |= change
    assert run(world, world.desk()) == (None, {"disabled": 2, "malformed": 1})


def test_throttling_ends_the_batch_at_the_first_record_not_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WORKERS", 1)
    crowd(world, 5)
    throttled = refusal("TooManyRequestsException")
    calls = iter([None, None, throttled])

    def before(name: str) -> None:
        error = next(calls, None) if name == "AdminDisableUser" else None
        if error:
            raise error

    world.before = before
    failed, outcomes = run(world, world.desk())
    assert (failed, outcomes) == (sequence(world.records[2]), {"disabled": 2})
    # Lambda delivers that record and all later ones again.
    world.records = world.records[2:]
    assert run(world, world.desk()) == (None, {"disabled": 3})
    assert not [number for number in range(5) if world.enabled(f"u{number}")]


def test_an_error_of_one_user_holds_up_that_user_alone(world: World) -> None:
    """All other users are done; the first failed record is reported, and finished records are found done."""
    subs = crowd(world, 6)
    denied = refusal("AccessDeniedException")
    desk = world.desk()
    disable = desk.cognito.admin_disable_user

    def selective(**arguments: Any) -> Any:
        if arguments["Username"] == "u2":
            raise denied
        return disable(**arguments)

    desk.cognito.admin_disable_user = selective
    world.records.append(dict(world.records[2]))  # delivered twice
    failed, outcomes = run(world, desk)
    assert (failed, outcomes["disabled"]) == (sequence(world.records[2]), 5)
    desk.cognito.admin_disable_user = disable
    world.records = world.records[2:]
    assert run(world, desk) == (None, {"disabled": 1, "duplicate": 4})
    assert all(world.trail(sub) == ["disabled"] for sub in subs)


def test_time_is_up_before_the_function_is_stopped(world: World) -> None:
    crowd(world, 3)
    assert run(world, world.desk(), seconds=10) == (sequence(world.records[0]), {})
    assert not world.calls


def test_no_more_than_the_quota_whatever_the_number_of_threads(world: World) -> None:
    crowd(world, 60)
    now, lock = [0.0], threading.Lock()
    made: list[float] = []

    def sleep(seconds: float) -> None:
        with lock:
            made.append(round(now[0] + seconds, 6))

    desk = world.desk()
    desk.pacer = Pacer(20, clock=lambda: now[0], sleep=sleep)
    assert run(world, desk)[0] is None
    slots = [0.0, *sorted(made)]
    assert slots == pytest.approx([number / 20 for number in range(60)])


def test_pushed_back_it_slows_down_and_recovers() -> None:
    pacer = Pacer(20)
    pacer.report({"ResponseMetadata": {"RetryAttempts": 2}})
    assert pacer.rate == 5
    pacer.report({"ResponseMetadata": {"RetryAttempts": 9}})
    assert pacer.rate == 1
    for _ in range(10):
        pacer.report({})
    assert pacer.rate == 20


def test_hundreds_under_faults_nothing_lost_calls_counted(world: World) -> None:
    """Every tenth call fails, before or after it takes effect: batches are retried until all is done."""
    subs = crowd(world, 200)
    kept = set(range(0, 200, 20))
    for number in kept:
        world.track(world.activity(subs[number], f"u{number}"))
    lock, count = threading.Lock(), [0]

    def flaky(name: str) -> None:
        from botocore.exceptions import EndpointConnectionError

        with lock:
            count[0] += 1
            broken = count[0] % 10 == 0
        if broken:
            raise EndpointConnectionError(endpoint_url="https://example.org")

    world.before = flaky
    desk, records, batches = world.desk(), world.records, 0
    while records:
        failed, _ = stream.run(records[:100], desk, world.pools, lambda: 900)
        done = len(records[:100]) if failed is None else [sequence(record) for record in records].index(failed)
        records, batches = records[done:], batches + 1
        assert batches < 2000
    world.before = lambda name: None
    assert {number for number in range(200) if world.enabled(f"u{number}")} == kept
    trails = [world.trail(sub) for sub in subs]
    assert trails == [["kept"] if number in kept else ["disabled"] for number in range(200)]


def test_without_faults_each_user_costs_five_calls(world: World) -> None:
    crowd(world, 40)
    run(world, world.desk())
    assert world.calls == {"PutItem": 80, "UpdateItem": 40, "AdminDisableUser": 40, "AdminUserGlobalSignOut": 40}


@pytest.fixture
def environment(world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    for name, value in {
        "TABLE": TABLE, "AUDIT_TABLE": AUDIT, "POOLS": json.dumps(world.pools), "INACTIVE_DAYS": "30",
        "POWERTOOLS_SERVICE_NAME": request.node.name, "DISABLES_PER_SECOND": "1000",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    observability.logger.cache_clear()
    made = {name: world.client(name) for name in ("dynamodb", "cognito-idp", "sesv2")}
    monkeypatch.setattr(clients, "client", lambda service: made[service])
    yield
    observability.logger.cache_clear()


CONTEXT = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 300_000)


def test_the_handler_reports_counts_and_logs_no_person(
    world: World, environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    subs = crowd(world, 4)
    assert stream.handler({"Records": world.records}, CONTEXT) == {"batchItemFailures": []}
    world.before = fail("PutItem", error=ValueError(f"{subs[0]} u0@example.org"))
    subs += crowd_of_one(world)
    answer = stream.handler({"Records": world.records[-1:]}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": sequence(world.records[-1])}]}
    printed = capsys.readouterr().out
    assert '"UsersDisabled":[4.0]' in printed.replace(" ", "")
    assert not [secret for secret in (*subs, "u0", "example.org") if secret in printed]


def crowd_of_one(world: World) -> list[str]:
    sub = world.user("zoe")
    world.track(world.activity(sub, "zoe"))
    world.expire(sub)
    return [sub]


@pytest.mark.parametrize("name", ["DISABLES_PER_SECOND", "EMAILS_PER_SECOND"])
def test_a_pace_of_nothing_is_no_setting(environment: None, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "0")
    with pytest.raises(settings.SettingsError, match=name):
        stream.handler({"Records": []}, CONTEXT)


def test_the_pace_outlasts_the_call() -> None:
    assert stream.pacer(7.0, "user") is stream.pacer(7.0, "user")
    assert stream.pacer(7.0, "user") is not stream.pacer(7.0, "email")
