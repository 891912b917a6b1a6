"""Counts in DynamoDB that Cognito's sessions cannot keep: answers to a code, codes for a user.

A session ends after its third answer, but anybody can begin another, or answer the same one twice at once. Items
hold no personal data and expire: `code#<challenge>` {Wrong, Used}, `user#<hash>#<hour>` {Sent}.
"""

import hashlib
from typing import Any

HOUR = 3600


class Ledger:
    """The table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def may_send(self, user_pool_id: str, user_name: str, limit: int, now: float) -> bool:
        """Counts one more code for the user; False, and nothing counted, beyond `limit` in this hour (UTC)."""
        user = hashlib.sha256(f"{user_pool_id}\n{user_name.casefold()}".encode()).hexdigest()
        hour = int(now) // HOUR
        return self._update(
            f"user#{user}#{hour}",
            (hour + 2) * HOUR,
            "SET ExpiresAt = :expires ADD Sent :one",
            "attribute_not_exists(Sent) OR Sent < :limit",
            {":one": {"N": "1"}, ":limit": {"N": str(limit)}},
        )

    def settle(self, challenge: str, correct: bool, limit: int, call: str, expires: int) -> bool:
        """Whether a challenge is passed by an answer: correct, not after `limit` wrong ones, and not a second time.

        `call` tells a call that is tried again from a second one.
        """
        if correct:
            return self._update(
                f"code#{challenge}",
                expires + HOUR,
                "SET ExpiresAt = :expires, Used = :call",
                "(attribute_not_exists(Used) OR Used = :call) AND (attribute_not_exists(Wrong) OR Wrong < :limit)",
                {":call": {"S": call}, ":limit": {"N": str(limit)}},
            )
        self._update(
            f"code#{challenge}", expires + HOUR, "SET ExpiresAt = :expires ADD Wrong :one", "", {":one": {"N": "1"}}
        )
        return False

    def _update(self, key: str, expires: int, update: str, condition: str, values: dict[str, Any]) -> bool:
        """False when the condition does not hold."""
        options = {"ConditionExpression": condition} if condition else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"Id": {"S": key}},
                UpdateExpression=update,
                ExpressionAttributeValues={":expires": {"N": str(expires)}, **values},
                **options,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True
