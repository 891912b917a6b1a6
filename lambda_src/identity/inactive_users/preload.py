"""Step Functions task: create items for enabled users who have none, as if they were active now, one chunk a call.

Event:  {"state": null at first, then the state that the last call returned}
Answer: {"done", "seen", "added", "state": {"pool", "token", "seen", "added", "restarts"}}

A user who has an item keeps it. So the walk may be repeated, overlap, or start over (when Cognito no longer knows a
page token) without changing anything for these users. For users who were enabled by hand after they were disabled, a
new period begins.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from common import clients, observability, settings
from common.pacing import Pacer

from .errors import Transient, transient
from .items import DISABLED, PRELOAD, Activity, Item, days_of, tracked

PAGE = 60
WORKERS = 10
SETTLED_SECONDS = 90_000  # 25 hours: the stream keeps records for 24, so it has none left of that expiry
RESERVE_SECONDS = 60.0
MAX_RESTARTS = 3

CHUNK_ENDED = "chunk ended"
METRIC = "UsersPreloaded"


class PageTokenRefused(Exception):
    """Cognito refused its own page tokens repeatedly."""


class Throttled(Exception):
    """Cognito or DynamoDB still throttled or failed after all retries. The chunk can be tried again."""


@dataclass(frozen=True)
class Settings:
    """The environment. POOLS: ids of user pools. LISTS_PER_SECOND: requests per second, of 60 users each."""

    table: str
    pools: list[str]
    inactive_days: int
    warning_days: int = 0
    lists_per_second: float = 5.0
    max_runtime_seconds: int = 600
    days_by_pool: dict[str, int] = field(default_factory=dict)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Run one chunk. Raise Throttled, PageTokenRefused or SettingsError."""
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
    """Run one chunk: read pages until time is up or all pools are done, but at least one page."""
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
        now["token"] = None  # a token is valid for an hour; users who were added keep their items
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
    """Create an item unless the user has one. Replace that of a user disabled, then enabled by hand.

    Return true if the item was written.
    """
    sub = next(attribute["Value"] for attribute in user["Attributes"] if attribute["Name"] == "sub")
    activity = Activity(sub, pool, user["Username"], at, PRELOAD)
    days = days_of(pool, config.inactive_days, config.days_by_pool)
    item = tracked(activity, days, config.warning_days)
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
        return there == item  # an earlier attempt wrote it, but its answer was lost
    return True
