"""The table's items: one per user, key (sub, userpool_id).

sub, userpool_id, username    whose; `username` is what Cognito's API takes
timestamp                     RFC 3339, UTC: the last sign-in, or since when the user is known
source                        what is known at that time: one of SIGN_INS, or PRELOAD
state                         ACTIVE ...; what the last expiry made of the item
ttl                           epoch second at which DynamoDB deletes the item, and the user is dealt with
expires_at                    epoch second at which the period ends; `ttl` comes before it when a warning is due
event_id                      stream record that the item's state comes from, when an expiry wrote it
claimed_at, work_until        epoch seconds between which that record is worked on
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
    """A user was seen at `at` (epoch seconds)."""

    sub: str
    userpool_id: str
    username: str
    at: float
    source: str

    def __post_init__(self) -> None:
        if not (self.sub and self.userpool_id and self.username):
            raise ValueError("sub, userpool_id and username must not be empty")


def rfc3339(at: float) -> str:
    """UTC to the millisecond, in one fixed-width form: the strings sort as moments do."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(text: str) -> float:
    """Epoch seconds of what `rfc3339` made. ValueError for other text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a timestamp must have an offset")
    return moment.timestamp()


def key(item: Mapping[str, Any]) -> Item:
    """The key of an item."""
    return {name: item[name] for name in ("sub", "userpool_id")}


def tracked(activity: Activity, inactive_days: int, warning_days: int) -> Item:
    """The item of a user who was active: it expires when the warning is due, or else when the period ends."""
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
    """Writes the item unless a newer one is there; whether it did.

    A period that is over already does not bring back a user who is disabled: that was right.
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
