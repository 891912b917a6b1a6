"""One item for each mail that went out, or may have: so that it goes out once.

SES has no key for idempotent sends. An item is written before the send (`sending`), and only what SES reports of the
mail afterwards changes it (`sent`, `bounced`). A function that ends in between, or loses SES's answer, leaves
`sending`; the next attempt waits for SES's report, and sends again if none came in time.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import headers
from .errors import Uncertain
from .headers import Field

SENDING, SENT, BOUNCED = "sending", "sent", "bounced"
DAY = 86_400
_IDENTITY = ("message-id", "date", "from", "subject")


def identity(key: str, fields: Sequence[Field], body: bytes | None) -> str:
    """Return the ID of a mail: the same for a mail that arrives twice, because its sender or SES repeated it.

    The object's key stands for a mail without a Message-ID, and for one whose body was not read.
    """
    if body is None or not headers.first(fields, "message-id"):
        return hashlib.sha256(key.encode()).hexdigest()[:40]
    named = "\n".join(headers.first(fields, name) for name in _IDENTITY)
    digest = hashlib.sha256(f"{named}\n{len(body)}\n".encode())
    digest.update(body)
    return digest.hexdigest()[:40]


@dataclass(frozen=True)
class Records:
    """The table of mails."""

    dynamodb: Any
    table: str
    confirmation_seconds: int
    retention_days: int
    clock: Callable[[], float] = time.time

    def claim(self, mail_id: str, key: str, to: Sequence[str]) -> bool:
        """Note that a mail is going to be sent. Return False if it was. Raise Uncertain if that is not known yet."""
        now = int(self.clock())
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item={
                    "mailId": {"S": mail_id},
                    "objectKey": {"S": key},
                    "destination": {"SS": sorted(set(to))},
                    "state": {"S": SENDING},
                    "claimedAt": {"N": str(now)},
                    "expiresAt": {"N": str(now + self.retention_days * DAY)},
                },
                ConditionExpression="attribute_not_exists(mailId) OR (#state = :sending AND claimedAt < :before)",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={
                    ":sending": {"S": SENDING},
                    ":before": {"N": str(now - self.confirmation_seconds)},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException as error:
            known = error.response.get("Item") or {}
            if known.get("state", {}).get("S") == SENDING:
                raise Uncertain(mail_id) from error
            return False
        return True

    def release(self, mail_id: str) -> None:
        """Forget a mail that SES did not accept, so that the next attempt need not wait."""
        self.dynamodb.delete_item(TableName=self.table, Key={"mailId": {"S": mail_id}})

    def report(self, mail_id: str, state: str) -> dict[str, Any]:
        """Note what SES reported. Return the mail's item, or {} if it is not known or this is no news."""
        earlier = "" if state == BOUNCED else " AND #state = :sending"  # a report of SES may be late
        values = {":state": {"S": state}} | ({":sending": {"S": SENDING}} if earlier else {})
        try:
            answer = self.dynamodb.update_item(
                TableName=self.table,
                Key={"mailId": {"S": mail_id}},
                UpdateExpression="SET #state = :state",
                ConditionExpression=f"attribute_exists(mailId){earlier}",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return {}
        item: dict[str, Any] = answer["Attributes"]
        return item
