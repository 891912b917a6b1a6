"""The audit trail: one item for each action that was taken, or deliberately not taken, for a user."""

from dataclasses import dataclass
from typing import Any

from .items import DAY, Item, rfc3339

DISABLED = "disabled"
RESTORED = "restored"  # disabled while signing in, and enabled again
REVIEW = "review"  # disabled while signing in, but another principal has changed the user since
KEPT = "kept"  # signed in between expiry and disabling
EXEMPT = "exempt"
WARNED = "warned"
UNREACHABLE = "unreachable"  # a warning is due, but there is no verified address
GONE = "gone"  # the user no longer exists
WOULD_WARN = "would_warn"
WOULD_DISABLE = "would_disable"


@dataclass(frozen=True)
class Trail:
    """The audit table. Its key is (sub, event); `event` is "<RFC 3339>#<stream record>", so entries sort by time.

    `day` is the day (UTC) on which the entry was added, which can be later than the event's; the report reads by it.
    """

    dynamodb: Any
    table: str
    retention_days: int = 0

    def note(self, item: Item, action: str, event: str, at: float) -> bool:
        """Add one entry. Return false if this event already has one, which stays unchanged."""
        entry: Item = {
            "sub": item["sub"],
            "event": {"S": event},
            "userpool_id": item["userpool_id"],
            "day": {"S": rfc3339(at)[:10]},
            "action": {"S": action},
            "last_seen": item["timestamp"],
            "last_seen_source": item["source"],
        }
        if self.retention_days:
            entry["ttl"] = {"N": str(int(at) + self.retention_days * DAY)}
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item=entry,
                ConditionExpression="attribute_not_exists(#sub)",
                ExpressionAttributeNames={"#sub": "sub"},
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True
