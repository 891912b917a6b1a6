"""The preload of existing users: every user, once, paced and resumable."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common import clients
from common.pacing import Pacer
from identity.inactive_users import items, preload
from identity.inactive_users.preload import Settings

from .world import TABLE, World, fail


def run(world: World, state: Any = None, seconds: float = 1e9, **changes: Any) -> dict[str, Any]:
    config = Settings(TABLE, world.pools, 90, max_runtime_seconds=int(seconds), **changes)
    return preload.run(state, config, world.client("cognito-idp"), world.client("dynamodb"), lambda: 900, Pacer(1e6))


def test_each_pool_has_its_own_days(world: World) -> None:
    subs = [world.user("ann"), world.user("bob", 1)]
    run(world, days_by_pool={world.pools[1]: 10})
    ends = [int(world.item(sub, number)["expires_at"]["N"]) - time.time() for number, sub in enumerate(subs)]
    assert [round(end / items.DAY) for end in ends] == [90, 10]


def test_all_enabled_users_of_all_pools_once(world: World) -> None:
    subs = [world.user(f"u{number}") for number in range(125)]
    partner, off = world.user("p", 1), world.user("off", 1)
    world.cognito.admin_disable_user(UserPoolId=world.pools[1], Username="off")
    before = time.time()
    answer = run(world)
    assert (answer["done"], answer["seen"], answer["added"]) == (True, 127, 126)
    assert world.calls == {"ListUsers": 4, "PutItem": 126}  # 3 pages of 60 and one
    assert all(world.state(sub) == items.ACTIVE for sub in subs)
    item = world.item(partner, 1)
    assert item["source"]["S"] == "Preload"
    assert int(item["ttl"]["N"]) >= int(before) + 90 * items.DAY  # a whole period from now: no user is surprised
    assert not world.item(off, 1)
    assert run(world)["added"] == 0


def test_a_record_that_is_there_stays(world: World) -> None:
    sub = world.user("ann")
    world.track(world.activity(sub, "ann", at=time.time() - 80 * items.DAY), 90)
    old = world.item(sub)
    assert run(world)["added"] == 0
    assert world.item(sub) == old


def test_it_goes_on_where_it_was(world: World) -> None:
    for number in range(130):
        world.user(f"u{number}")
    answer, chunks = run(world, seconds=0), 1
    while not answer["done"]:
        answer, chunks = run(world, json.loads(json.dumps(answer["state"])), seconds=0), chunks + 1
    assert (chunks, answer["seen"], answer["added"]) == (4, 130, 130)
    assert world.calls["ListUsers"] == 4


def test_a_page_token_that_has_expired_starts_the_pool_over(world: World) -> None:
    for number in range(70):
        world.user(f"u{number}")
    state = run(world, seconds=0)["state"]
    refusal = ClientError(
        {"Error": {"Code": "InvalidParameterException", "Message": "Invalid pagination token"}}, "ListUsers"
    )
    refusals = [refusal]

    def before(name: str) -> None:
        if name == "ListUsers" and refusals:
            raise world_exception(world, refusals.pop())

    world.before = before
    answer = run(world, state)
    assert (answer["done"], answer["state"]["restarts"], answer["added"]) == (True, 1, 70)


def world_exception(world: World, error: ClientError) -> Exception:
    """Return the error as an exception of the client under test."""
    return world.cognito.exceptions.InvalidParameterException(error.response, "ListUsers")  # type: ignore[no-any-return]


def test_a_page_token_refused_for_ever_is_an_error(world: World) -> None:
    for number in range(70):
        world.user(f"u{number}")
    refused = {"Error": {"Code": "InvalidParameterException", "Message": "Invalid pagination token"}}

    class Cognito:
        exceptions = world.cognito.exceptions

        def list_users(self, **arguments: Any) -> Any:
            if "PaginationToken" in arguments:
                raise world.cognito.exceptions.InvalidParameterException(refused, "ListUsers")
            return world.cognito.list_users(**arguments)

    config = Settings(TABLE, world.pools, 90)
    with pytest.raises(preload.PageTokenRefused):
        preload.run(None, config, Cognito(), world.client("dynamodb"), lambda: 900, Pacer(1e6))


@pytest.mark.parametrize("operation", ["ListUsers", "PutItem"])
def test_a_service_that_fails_has_the_name_that_the_state_machine_retries(world: World, operation: str) -> None:
    sub = world.user("ann")
    world.before = fail(operation)
    with pytest.raises(preload.Throttled):
        run(world)
    assert run(world)["done"]
    assert world.state(sub) == items.ACTIVE


def test_who_was_enabled_again_by_hand_begins_anew_after_a_day(world: World) -> None:
    sub = world.user("ann")
    for hours, added in ((24, 0), (26, 1)):
        world.track(world.activity(sub, "ann", at=time.time() - 99 * items.DAY))
        done = {"N": str(time.time() - hours * 3600)}
        world.dynamodb.put_item(
            TableName=TABLE, Item={**world.item(sub), "state": {"S": items.DISABLED}, "done_at": done}
        )
        assert run(world)["added"] == added


def test_lists_are_paced(world: World) -> None:
    for number in range(130):
        world.user(f"u{number}")
    now, made = [0.0], []
    world.before = lambda name: made.append(now[0]) if name == "ListUsers" else None
    pacer = Pacer(5, clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    preload.run(
        None,
        Settings(TABLE, world.pools, 90),
        world.client("cognito-idp"),
        world.client("dynamodb"),
        lambda: 900,
        pacer,
    )
    assert made == pytest.approx([0.0, 0.2, 0.4, 0.6])


def test_the_handler_reads_its_settings(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"TABLE": TABLE, "POOLS": json.dumps(world.pools), "INACTIVE_DAYS": "90"}.items():
        monkeypatch.setenv(name, value)
    sub = world.user("ann")
    made = {name: world.client(name) for name in ("dynamodb", "cognito-idp")}
    monkeypatch.setattr(clients, "client", lambda service: made[service])
    context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 900_000)
    assert preload.handler({"state": None}, context)["done"]
    printed = capsys.readouterr().out
    assert sub not in printed
    assert "ann" not in printed
