"""Step Functions task: gives every enabled user without an item one, as if active now. One chunk of the walk.

Event:  {"state": null at first, then what the last call returned}
Answer: {"done", "seen", "added", "state": {"pool", "token", "seen", "added", "restarts"}}

A user who has an item keeps it, so the walk may be repeated, overlap, or start over (a page token that Cognito does
not know any more) without a change for anybody. Users whom somebody enabled again after they were disabled begin anew.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from common import clients, observability, settings
from common.pacing import Pacer

from .errors import Transient, transient
from .items import DISABLED, PRELOAD, Activity, Item, tracked

PAGE = 60
WORKERS = 10
SETTLED_SECONDS = 90_000  # 25 hours: the stream, which keeps its records for 24, has nothing left of that expiry
RESERVE_SECONDS = 60.0
MAX_RESTARTS = 3

CHUNK_ENDED = "chunk ended"
METRIC = "UsersPreloaded"


class PageTokenRefused(Exception):
    """Cognito refused its own page tokens, again and again."""


class Throttled(Exception):
    """Cognito or DynamoDB throttled or failed whatever the retries; the chunk can be tried again."""


@dataclass(frozen=True)
class Settings:
    """The environment; POOLS are ids of user pools, LISTS_PER_SECOND requests of 60 users."""

    table: str
    pools: list[str]
    inactive_days: int
    warning_days: int = 0
    lists_per_second: float = 5.0
    max_runtime_seconds: int = 600


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Runs one chunk. Raises Throttled, PageTokenRefused, SettingsError."""
    log = observability.begin(context)
    config = settings.load(Settings)
    answer = run(
        event.get("state"),
        config,
        clients.client("cognito-idp"),
        clients.client("dynamodb"),
        lambda: context.get_remaining_time_in_millis() / 1000,
        Pacer(config.lists_per_second),
    )
    log.info(CHUNK_ENDED, extra={name: answer[name] for name in ("done", "seen", "added")})
    if answer["done"]:
        observability.count(METRIC, answer["added"])
    return answer


def run(
    state: Mapping[str, Any] | None,
    config: Settings,
    cognito: Any,
    dynamodb: Any,
    seconds_left: Callable[[], float],
    pacer: Pacer,
    clock: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """One chunk: pages until time is up or all pools are done; at least one page."""
    now = {"pool": 0, "token": None, "seen": 0, "added": 0, "restarts": 0, **(state or {})}
    ends = clock() + config.max_runtime_seconds
    while now["pool"] < len(config.pools):
        try:
            with transient():
                _page(now, config, cognito, dynamodb, pacer, clock)
        except Transient as error:
            raise Throttled(str(error)) from error
        if clock() >= ends or seconds_left() < RESERVE_SECONDS:
            break
    return {"done": now["pool"] >= len(config.pools), "seen": now["seen"], "added": now["added"], "state": now}


def _page(
    now: dict[str, Any], config: Settings, cognito: Any, dynamodb: Any, pacer: Pacer, clock: Callable[[], float]
) -> None:
    pool = config.pools[now["pool"]]
    token = {"PaginationToken": now["token"]} if now["token"] else {}
    pacer.wait()
    try:
        page = cognito.list_users(UserPoolId=pool, Limit=PAGE, AttributesToGet=["sub"], **token)
    except cognito.exceptions.InvalidParameterException:
        if not token:
            raise
        now["restarts"] += 1
        if now["restarts"] > MAX_RESTARTS:
            raise PageTokenRefused(f"Cognito refused its page token {now['restarts']} times; start again.") from None
        now["token"] = None  # it lived for an hour; what was done stays done
        return
    pacer.report(page)
    with ThreadPoolExecutor(max_workers=WORKERS) as workers:
        enabled = [user for user in page["Users"] if user["Enabled"]]
        added = sum(workers.map(lambda user: _add(user, pool, config, dynamodb, clock()), enabled))
    now["seen"] += len(page["Users"])
    now["added"] += added
    now["token"] = page.get("PaginationToken")
    if not now["token"]:
        now["pool"] += 1


def _add(user: Mapping[str, Any], pool: str, config: Settings, dynamodb: Any, at: float) -> bool:
    """Whether the user had no item, or one from before somebody enabled the user again."""
    sub = next(attribute["Value"] for attribute in user["Attributes"] if attribute["Name"] == "sub")
    activity = Activity(sub, pool, user["Username"], at, PRELOAD)
    item = tracked(activity, config.inactive_days, config.warning_days)
    try:
        dynamodb.put_item(
            TableName=config.table,
            Item=item,
            ConditionExpression="attribute_not_exists(#sub) OR (#state = :disabled AND done_at < :settled)",
            ExpressionAttributeNames={"#sub": "sub", "#state": "state"},
            ExpressionAttributeValues={
                ":disabled": {"S": DISABLED},
                ":settled": {"N": f"{at - SETTLED_SECONDS:.3f}"},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as refused:
        there: Item = refused.response.get("Item", {})
        return there == item  # an earlier try that got no answer
    return True
