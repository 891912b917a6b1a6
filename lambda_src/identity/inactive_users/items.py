"""The table's items: one per user, key (sub, userpool_id).

sub, userpool_id, username    the user; `username` is the name that Cognito's API takes
timestamp                     RFC 3339, UTC: the last sign-in, or the time since which the user is known
source                        what happened at that time: one of SIGN_INS, or PRELOAD
state                         ACTIVE, or the state that the last expiry set
ttl                           epoch second at which DynamoDB deletes the item; the user is then handled
expires_at                    epoch second at which the period ends; `ttl` is earlier when a warning is due first
event_id                      stream record that set the item's state, if an expiry wrote the item
claimed_at, work_until        epoch seconds between which that record is handled
done_at                       epoch second at which that work was finished
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ACTIVE = "active"
WARNED = "warned"
DISABLING = "disabling"
DISABLED = "disabled"
EXEMPT = "exempt"
WOULD_WARN = "would_warn"
WOULD_DISABLE = "would_disable"

SIGN_IN = "PostAuthentication"
CONFIRMATION = "PostConfirmation"
PRELOAD = "Preload"
SIGN_INS = frozenset({SIGN_IN, CONFIRMATION})

DAY = 86_400

Item = dict[str, dict[str, Any]]
"""An item in DynamoDB's own form: {"sub": {"S": ...}}."""


@dataclass(frozen=True)
class Activity:
    """A user was active at `at` (epoch seconds)."""

    sub: str
    userpool_id: str
    username: str
    at: float
    source: str

    def __post_init__(self) -> None:
        if not (self.sub and self.userpool_id and self.username):
            raise ValueError("sub, userpool_id and username must not be empty")


def rfc3339(at: float) -> str:
    """Return the time in UTC to the millisecond, in one fixed-width form, so that the strings sort by time."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(text: str) -> float:
    """Return the epoch seconds of a text that `rfc3339` wrote. Raise ValueError for other text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a timestamp must have an offset")
    return moment.timestamp()


def days_of(pool: str, inactive_days: int, days_by_pool: Mapping[str, int]) -> int:
    """Return the days after which a user of `pool` counts as inactive."""
    return int(days_by_pool.get(pool, inactive_days))


def key(item: Mapping[str, Any]) -> Item:
    """Return the key of an item."""
    return {name: item[name] for name in ("sub", "userpool_id")}


def tracked(activity: Activity, inactive_days: int, warning_days: int) -> Item:
    """Return the item of a user who was active. It expires when the warning is due, or else when the period ends."""
    expires_at = int(activity.at) + inactive_days * DAY
    return {
        "sub": {"S": activity.sub},
        "userpool_id": {"S": activity.userpool_id},
        "username": {"S": activity.username},
        "timestamp": {"S": rfc3339(activity.at)},
        "source": {"S": activity.source},
        "state": {"S": ACTIVE},
        "ttl": {"N": str(expires_at - warning_days * DAY)},
        "expires_at": {"N": str(expires_at)},
    }


def put_if_newer(dynamodb: Any, table: str, activity: Activity, inactive_days: int, warning_days: int) -> bool:
    """Write the item unless the table has a newer one. Return true if it was written.

    A record whose period is already over does not bring back a disabled user: disabling the user was right.
    """
    over = activity.at + inactive_days * DAY <= time.time()
    condition = "attribute_not_exists(#sub) OR #timestamp < :timestamp"
    names = {"#sub": "sub", "#timestamp": "timestamp"}
    values = {":timestamp": {"S": rfc3339(activity.at)}}
    if over:
        condition = "attribute_not_exists(#sub) OR (#timestamp < :timestamp AND NOT #state IN (:disabling, :disabled))"
        names["#state"] = "state"
        values |= {":disabling": {"S": DISABLING}, ":disabled": {"S": DISABLED}}
    try:
        dynamodb.put_item(
            TableName=table,
            Item=tracked(activity, inactive_days, warning_days),
            ConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True
