"""The trail: one item for each thing that was done, or not done, about a user."""

from dataclasses import dataclass
from typing import Any

from .items import DAY, Item

DISABLED = "disabled"
RESTORED = "restored"  # disabled while signing in, and enabled again
REVIEW = "review"  # disabled while signing in, but somebody has changed the user since
KEPT = "kept"  # signed in between expiry and disabling
EXEMPT = "exempt"
WARNED = "warned"
UNREACHABLE = "unreachable"  # a warning is due, but there is no verified address
GONE = "gone"  # the user does not exist any more
WOULD_WARN = "would_warn"
WOULD_DISABLE = "would_disable"


@dataclass(frozen=True)
class Trail:
    """The table: key (sub, event); `event` is "<RFC 3339>#<stream record>" and sorts by time."""

    dynamodb: Any
    table: str
    retention_days: int = 0

    def note(self, item: Item, action: str, event: str, at: float) -> bool:
        """Adds one entry; False when this event has one already, which stays as it was."""
        entry: Item = {
            "sub": item["sub"],
            "event": {"S": event},
            "userpool_id": item["userpool_id"],
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
