"""The two tables: what each operation requires (settings), and each token's step-ups (sessions)."""

import contextlib
import enum
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .tokens import Token

REQUIRED = "STEP_UP_REQUIRED"
COMPLETED = "STEP_UP_COMPLETED"
NOT_REQUIRED = "STEP_UP_NOT_REQUIRED"
DENY = "STEP_UP_DENY"
SETTING_STATES = frozenset({REQUIRED, NOT_REQUIRED, DENY})

DEFAULT_GROUP = "default"


@dataclass(frozen=True)
class Setting:
    """What an operation requires, and its group: one step-up unlocks all operations of a group."""

    state: str
    group: str = DEFAULT_GROUP


class StepUp(enum.Enum):
    """The progress of a token's step-up for a group."""

    NONE = "none"
    """No step-up was required of the token, or its session has expired."""
    PENDING = "pending"
    COMPLETED = "completed"


@dataclass(frozen=True)
class Settings:
    """The table of operations' settings. Reads are consistent: a change applies from the next request on."""

    client: Any
    table: str

    def get(self, path: str) -> Setting | None:
        """Return the setting of a resource path, or None if it is not listed."""
        item = self.client.get_item(TableName=self.table, Key={"id": {"S": path}}, ConsistentRead=True).get("Item")
        if item is None:
            return None
        return Setting(item.get("stepUpState", {}).get("S", ""), item.get("group", {}).get("S") or DEFAULT_GROUP)


@dataclass(frozen=True)
class Sessions:
    """The table of step-up sessions, with an item for each token and group. Reads are consistent."""

    client: Any
    table: str
    clock: Callable[[], float] = time.time

    def step_up(self, jti: str, group: str) -> StepUp:
        """Return the progress of the token's step-up for the group."""
        key = {"jti": {"S": jti}, "group": {"S": group}}
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        # DynamoDB deletes expired items up to days late: the attribute decides, not whether the item exists.
        if item is None or int(item["expiresAt"]["N"]) <= self.clock():
            return StepUp.NONE
        return StepUp.COMPLETED if item["state"]["S"] == COMPLETED else StepUp.PENDING

    def require(self, token: Token, group: str) -> None:
        """Record that the token must step up. Leave a live session unchanged."""
        now = int(self.clock())
        # Another request may have been faster, perhaps with a completed session.
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.put_item(
                TableName=self.table,
                Item={
                    "jti": {"S": token.jti},
                    "group": {"S": group},
                    "sub": {"S": token.sub},
                    "state": {"S": REQUIRED},
                    "authTime": {"N": str(token.auth_time)},
                    "requestedAt": {"N": str(now)},
                    "expiresAt": {"N": str(token.expires_at)},
                },
                ConditionExpression="attribute_not_exists(jti) OR expiresAt <= :now",
                ExpressionAttributeValues={":now": {"N": str(now)}},
            )

    def live(self, jti: str) -> list[dict[str, Any]]:
        """Return the token's sessions that have not expired, as items."""
        items: list[dict[str, Any]] = self.client.query(
            TableName=self.table,
            KeyConditionExpression="jti = :jti",
            ExpressionAttributeValues={":jti": {"S": jti}},
            ConsistentRead=True,
        )["Items"]
        return [item for item in items if int(item["expiresAt"]["N"]) > self.clock()]

    def challenge(self, token: Token, group: str, method: str, seconds: int) -> None:
        """Record which second factor was requested from the token's holder. Only the latest challenge counts."""
        now = self.clock()
        self.client.update_item(
            TableName=self.table,
            Key={"jti": {"S": token.jti}, "group": {"S": group}},
            UpdateExpression="SET challenge = :method, challengedAt = :at, challengeEnds = :ends, #sub = :sub, "
            "authTime = :auth, #state = if_not_exists(#state, :required), expiresAt = if_not_exists(expiresAt, :exp)",
            ExpressionAttributeNames={"#state": "state", "#sub": "sub"},
            ExpressionAttributeValues={
                ":method": {"S": method},
                ":at": {"N": f"{now:.3f}"},
                ":ends": {"N": str(int(now) + seconds)},
                ":sub": {"S": token.sub},
                ":auth": {"N": str(token.auth_time)},
                ":required": {"S": REQUIRED},
                ":exp": {"N": str(token.expires_at)},
            },
        )

    def complete(self, token: Token, challenge: dict[str, Any], seconds: int) -> int | None:
        """Complete the session that holds `challenge`. Return when it ends, or None if a newer challenge replaced it.

        It ends with the token, or after `seconds` if that is sooner.
        """
        now = int(self.clock())
        ends = min(token.expires_at, now + seconds)
        try:
            self.client.update_item(
                TableName=self.table,
                Key={"jti": {"S": token.jti}, "group": challenge["group"]},
                UpdateExpression="SET #state = :done, expiresAt = :ends, completedAt = :now, completedBy = :code "
                "REMOVE challenge, challengedAt, challengeEnds",
                ConditionExpression="challengedAt = :at OR (completedBy = :code AND expiresAt = :ends)",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={
                    ":done": {"S": COMPLETED},
                    ":ends": {"N": str(ends)},
                    ":now": {"N": str(now)},
                    ":at": challenge["challengedAt"],
                    ":code": challenge["challengedAt"],
                },
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return None
        return ends

    def revoke(self, sub: str, changed_at: int) -> int:
        """Revoke the sessions of tokens from sign-ins up to `changed_at`. Return how many there were."""
        revoked = 0
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="sub",
            KeyConditionExpression="#sub = :sub",
            ExpressionAttributeNames={"#sub": "sub"},
            ExpressionAttributeValues={":sub": {"S": sub}},
        )
        for item in (item for page in pages for item in page["Items"]):
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key={"jti": item["jti"], "group": item["group"]},
                    UpdateExpression="SET #state = :required REMOVE challenge, challengedAt, challengeEnds",
                    ConditionExpression="attribute_exists(jti) AND authTime <= :changed",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues={":required": {"S": REQUIRED}, ":changed": {"N": str(changed_at)}},
                )
                revoked += 1
            except self.client.exceptions.ConditionalCheckFailedException:
                pass  # the session is of a sign-in after the change, or no longer exists
        return revoked
