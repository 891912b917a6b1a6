"""The two tables: what each operation requires (settings), and what each token has shown (sessions)."""

import contextlib
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
    """What an operation requires, and the group of operations one step-up unlocks with it."""

    state: str
    group: str = DEFAULT_GROUP


@dataclass(frozen=True)
class Tables:
    """Both tables through a DynamoDB client. Every read is consistent: a change holds for the next request."""

    client: Any
    setting_table: str
    session_table: str
    clock: Callable[[], float] = time.time

    def setting(self, path: str) -> Setting | None:
        """The setting of a resource path; None when it is not listed."""
        item = self.client.get_item(TableName=self.setting_table, Key={"id": {"S": path}}, ConsistentRead=True).get(
            "Item"
        )
        if item is None:
            return None
        return Setting(item.get("stepUpState", {}).get("S", ""), item.get("group", {}).get("S") or DEFAULT_GROUP)

    def completed(self, jti: str, group: str) -> tuple[bool, bool]:
        """Whether the token has a live session for the group at all, and whether that is completed."""
        item = self.client.get_item(
            TableName=self.session_table, Key={"jti": {"S": jti}, "group": {"S": group}}, ConsistentRead=True
        ).get("Item")
        # DynamoDB deletes expired items up to days late: the attribute decides, not the item's being there.
        if item is None or int(item["expiresAt"]["N"]) <= self.clock():
            return False, False
        return True, item["state"]["S"] == COMPLETED

    def require(self, token: Token, group: str) -> None:
        """Notes that the token must step up; leaves a live session as it is."""
        now = int(self.clock())
        # Somebody may have been faster, perhaps with a completed one.
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.put_item(
                TableName=self.session_table,
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
        """The token's sessions that have not expired, as items."""
        items: list[dict[str, Any]] = self.client.query(
            TableName=self.session_table,
            KeyConditionExpression="jti = :jti",
            ExpressionAttributeValues={":jti": {"S": jti}},
            ConsistentRead=True,
        )["Items"]
        return [item for item in items if int(item["expiresAt"]["N"]) > self.clock()]

    def challenge(self, token: Token, group: str, method: str, seconds: int) -> None:
        """Notes which second factor the token's holder was asked for; the latest challenge is the one that counts."""
        now = self.clock()
        self.client.update_item(
            TableName=self.session_table,
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
        """Completes the session that holds `challenge`; when it ends, or None if another challenge came between.

        It ends with the token, or after `seconds` if that is sooner.
        """
        now = int(self.clock())
        ends = min(token.expires_at, now + seconds)
        try:
            self.client.update_item(
                TableName=self.session_table,
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
        """Takes back what tokens of sign-ins up to `changed_at` have shown; how many sessions that were."""
        revoked = 0
        pages = self.client.get_paginator("query").paginate(
            TableName=self.session_table,
            IndexName="sub",
            KeyConditionExpression="#sub = :sub",
            ExpressionAttributeNames={"#sub": "sub"},
            ExpressionAttributeValues={":sub": {"S": sub}},
        )
        for item in (item for page in pages for item in page["Items"]):
            try:
                self.client.update_item(
                    TableName=self.session_table,
                    Key={"jti": item["jti"], "group": item["group"]},
                    UpdateExpression="SET #state = :required REMOVE challenge, challengedAt, challengeEnds",
                    ConditionExpression="attribute_exists(jti) AND authTime <= :changed",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues={":required": {"S": REQUIRED}, ":changed": {"N": str(changed_at)}},
                )
                revoked += 1
            except self.client.exceptions.ConditionalCheckFailedException:
                pass  # of a sign-in with the new factor, or gone
        return revoked
