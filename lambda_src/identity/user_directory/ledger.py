"""Keep counts in DynamoDB that Cognito's sessions cannot keep: answers to a code, and codes for a user.

A session ends after its third answer, but a caller can begin another, or answer the same session several times in
parallel. Items contain no personal data and expire: `code#<challenge>` {Wrong, Used}, `user#<hash>#<hour>` {Sent}.
"""

import hashlib
from typing import Any

HOUR = 3600


class Ledger:
    """The table of counts."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def may_send(self, user_pool_id: str, user_name: str, limit: int, now: float) -> bool:
        """Count one more code for the user. Beyond `limit` in this hour (UTC), count nothing and return false."""
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
        """Count an answer. Return true if it is correct, not after `limit` wrong ones, and the first correct one.

        `call` distinguishes a retried call from a second one.
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
        """Update an item. Return false if the condition does not hold."""
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
