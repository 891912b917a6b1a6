"""Cognito trigger, after authentication and after confirmation: record that the user was active.

Cognito waits 5 seconds, tries 3 times, and refuses the sign-in if the trigger fails. So this trigger never fails:
it always returns the event, after 4 seconds at the latest. It tries the table and the queue that `replay` reads, in
turn, until one of them accepts the record or the time is up. A record that neither accepts is counted, and the count
raises an alarm.
"""

import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common import observability, settings

from .items import CONFIRMATION, SIGN_IN, Activity, days_of, rfc3339, tracked

BUDGET_SECONDS = 2.2  # an attempt that begins within this time may take 1.3 s more
PAUSE_SECONDS = 0.05

NOT_RECORDED = "sign-in not recorded"
QUEUED = "sign-in queued, the table did not take it"
METRIC_LOST = "SignInsNotRecorded"
METRIC_QUEUED = "SignInsQueued"


@dataclass(frozen=True)
class Settings:
    """The environment."""

    table: str
    queue_url: str
    inactive_days: int
    warning_days: int = 0
    days_by_pool: dict[str, int] = field(default_factory=dict)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Record the activity. Return the event unchanged."""
    try:
        log = observability.begin(context)
        try:
            activity = activity_of(event, time.time())
            if activity and not record(activity, settings.load(Settings), client):
                log.warning(QUEUED)
                observability.count(METRIC_QUEUED, 1)
        except Exception as error:  # noqa: BLE001 - no error here is a reason to refuse a sign-in
            # Log only the error's class: its text may quote the request, and with it the user.
            log.error(NOT_RECORDED, extra={"cause": type(error).__name__})  # noqa: TRY400
            observability.count(METRIC_LOST, 1)
    except Exception as error:  # noqa: BLE001 - a failing logger is no reason either
        print(NOT_RECORDED, type(error).__name__)
    return event


def activity_of(event: Mapping[str, Any], now: float) -> Activity | None:
    """Return the user's activity, or None for other triggers. Raise KeyError or ValueError for malformed events."""
    trigger = str(event["triggerSource"]).partition("_")[0]
    if trigger not in (SIGN_IN, CONFIRMATION):
        return None
    return Activity(event["request"]["userAttributes"]["sub"], event["userPoolId"], event["userName"], now, trigger)


def record(
    activity: Activity,
    config: Settings,
    client_of: Callable[[str], Any],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Return true if the table accepted the record, false if the queue did. Raise the last error if neither did."""

    def to_table() -> None:
        days = days_of(activity.userpool_id, config.inactive_days, config.days_by_pool)
        item = tracked(activity, days, config.warning_days)
        client_of("dynamodb").put_item(TableName=config.table, Item=item)

    def to_queue() -> None:
        client_of("sqs").send_message(QueueUrl=config.queue_url, MessageBody=message(activity))

    until = clock() + BUDGET_SECONDS
    tries = 0
    while True:
        tries += 1
        in_table = tries % 2 == 1
        try:
            (to_table if in_table else to_queue)()
        except Exception:
            if clock() >= until:
                raise
            sleep(PAUSE_SECONDS)
        else:
            return in_table


def message(activity: Activity) -> str:
    """Return the queue's message, which `replay` reads. Other triggers may send it too."""
    return json.dumps(
        {
            "sub": activity.sub,
            "userpool_id": activity.userpool_id,
            "username": activity.username,
            "timestamp": rfc3339(activity.at),
            "source": activity.source,
        }
    )


@functools.cache
def client(service: str) -> Any:
    """Return a client whose calls end within 1.3 seconds. It does not retry: `record` does."""
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=0.5,
        read_timeout=0.8,
        user_agent_extra="switchyard",
    )
    return boto3.client(service, config=config)  # type: ignore[call-overload]
