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
READ_ATTEMPTS = 5


class SettingsUnread(Exception):
    """DynamoDB left some of an operation's settings unread, so nothing is allowed."""


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

    def get(self, operation: str) -> Setting | None:
        """Return the setting of an operation ("POST /transfer", or "/transfer" for all methods), or None.

        A denial in any of the operation's items wins, and an unknown state is a denial. Otherwise an operator's item
        ("* /transfer", which Terraform never writes) precedes that of the method, and this that of the path.
        """
        method, _, path = operation.rpartition(" ")
        ids = [f"* {path}", *([operation] if method else []), path]
        items = self._items(ids)
        found = [
            Setting(item.get("stepUpState", {}).get("S", ""), item.get("group", {}).get("S") or DEFAULT_GROUP)
            for item in (items[name] for name in ids if name in items)
        ]
        if denied := next((setting for setting in found if setting.state not in (REQUIRED, NOT_REQUIRED)), None):
            return Setting(DENY, denied.group)
        return found[0] if found else None

    def _items(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        keys = {self.table: {"Keys": [{"id": {"S": name}} for name in ids], "ConsistentRead": True}}
        found: list[dict[str, Any]] = []
        for attempt in range(READ_ATTEMPTS):
            answer = self.client.batch_get_item(RequestItems=keys)
            found += answer["Responses"].get(self.table, [])
            keys = answer.get("UnprocessedKeys") or {}
            if not keys:
                return {item["id"]["S"]: item for item in found}
            time.sleep(0.05 * 2**attempt)
        raise SettingsUnread(f"{self.table}: throttled")  # an item that was not read could be a denial


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
        """Record that a call of the token was refused now. Leave a completed session, and a challenge, unchanged."""
        now = self.clock()
        # Another request may have been faster, and completed the session.
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.update_item(
                TableName=self.table,
                Key={"jti": {"S": token.jti}, "group": {"S": group}},
                UpdateExpression="SET #state = :required, #sub = :sub, authTime = :auth, requestedAt = :at, "
                "expiresAt = :exp",
                ConditionExpression="attribute_not_exists(jti) OR expiresAt <= :now OR #state = :required",
                ExpressionAttributeNames={"#state": "state", "#sub": "sub"},
                ExpressionAttributeValues={
                    ":required": {"S": REQUIRED},
                    ":sub": {"S": token.sub},
                    ":auth": {"N": str(token.auth_time)},
                    ":at": {"N": f"{now:.3f}"},
                    ":exp": {"N": str(token.expires_at)},
                    ":now": {"N": f"{now:.3f}"},
                },
            )

    def challenges(self, jti: str) -> list[dict[str, Any]]:
        """Return the token's sessions with a challenge that has not ended, as items.

        The session that a challenge renews may end before the challenge does.
        """
        return [
            item for item in self._items(jti) if "challenge" in item and int(item["challengeEnds"]["N"]) > self.clock()
        ]

    def live(self, jti: str) -> list[dict[str, Any]]:
        """Return the token's sessions that have not expired, as items."""
        return [item for item in self._items(jti) if int(item["expiresAt"]["N"]) > self.clock()]

    def _items(self, jti: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.client.query(
            TableName=self.table,
            KeyConditionExpression="jti = :jti",
            ExpressionAttributeValues={":jti": {"S": jti}},
            ConsistentRead=True,
        )["Items"]
        return items

    def challenge(self, token: Token, group: str, method: str, seconds: int) -> None:
        """Record which second factor was requested from the token's holder. Only the latest challenge counts.

        A live session keeps its state and its end. A session that has ended, though not deleted yet, begins again.
        """
        for _ in range(3):  # between two attempts, another request can end or begin the session
            if self._challenge(token, group, method, seconds, live=True):
                return
            if self._challenge(token, group, method, seconds, live=False):
                return
        raise RuntimeError("The session changed during each attempt to record the challenge")

    def _challenge(self, token: Token, group: str, method: str, seconds: int, *, live: bool) -> bool:
        now = self.clock()
        again = "" if live else ", #state = :required, expiresAt = :exp"
        names = {"#sub": "sub"} if live else {"#sub": "sub", "#state": "state"}
        values = {
            ":method": {"S": method},
            ":at": {"N": f"{now:.3f}"},
            ":ends": {"N": str(int(now) + seconds)},
            ":sub": {"S": token.sub},
            ":auth": {"N": str(token.auth_time)},
        }
        if not live:
            values |= {":required": {"S": REQUIRED}, ":exp": {"N": str(token.expires_at)}}
        try:
            self.client.update_item(
                TableName=self.table,
                Key={"jti": {"S": token.jti}, "group": {"S": group}},
                UpdateExpression="SET challenge = :method, challengedAt = :at, challengeEnds = :ends, #sub = :sub, "
                f"authTime = :auth{again}",
                ConditionExpression="expiresAt > :at" if live else "attribute_not_exists(jti) OR expiresAt <= :at",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

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
