"""Tables and user pools on moto, with DynamoDB's time to live and stream."""

from __future__ import annotations

import contextlib
import datetime
import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws
from moto.cognitoidp import models as cognito_models

from common.pacing import Pacer
from identity.inactive_users import items, stream
from identity.inactive_users.audit import Trail
from identity.inactive_users.expiry import Desk, Rules
from identity.inactive_users.items import Activity, Item

TABLE, AUDIT = "users", "audit"
TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
PASSWORD = "Correct-horse-7"


class World:
    """One account. `before` and `after` run around each API call of a desk or function, with its name."""

    def __init__(self) -> None:
        self.dynamodb, self.cognito = (
            boto3.client(name, region_name="eu-west-1") for name in ("dynamodb", "cognito-idp")
        )
        for name, sort in ((TABLE, "userpool_id"), (AUDIT, "event")):
            self.dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("sub", sort)],
                KeySchema=[
                    {"AttributeName": "sub", "KeyType": "HASH"},
                    {"AttributeName": sort, "KeyType": "RANGE"},
                ],
            )
        self.pools = [
            self.cognito.create_user_pool(PoolName=name, AutoVerifiedAttributes=["email"])["UserPool"]["Id"]
            for name in ("staff", "partners")
        ]
        self.records: list[dict[str, Any]] = []
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda name: None
        self.after: Callable[[str], None] = lambda name: None
        self._number = 0

    def user(self, name: str, pool: int = 0, verified: bool = True) -> str:
        """Create a user. Return the sub."""
        attributes = [{"Name": "email", "Value": f"{name}@example.org"}]
        attributes += [{"Name": "email_verified", "Value": "true"}] if verified else []
        made = self.cognito.admin_create_user(
            UserPoolId=self.pools[pool], Username=name, UserAttributes=attributes, MessageAction="SUPPRESS"
        )
        return str(next(a["Value"] for a in made["User"]["Attributes"] if a["Name"] == "sub"))

    def enabled(self, name: str, pool: int = 0) -> bool:
        return bool(self.cognito.admin_get_user(UserPoolId=self.pools[pool], Username=name)["Enabled"])

    def item(self, sub: str, pool: int = 0) -> Item:
        key = {"sub": {"S": sub}, "userpool_id": {"S": self.pools[pool]}}
        found: Item = self.dynamodb.get_item(TableName=TABLE, Key=key).get("Item", {})
        return found

    def state(self, sub: str) -> str:
        return str(self.item(sub).get("state", {}).get("S", ""))

    def trail(self, sub: str) -> list[str]:
        found = self.dynamodb.query(
            TableName=AUDIT, KeyConditionExpression="#s = :s", ExpressionAttributeNames={"#s": "sub"},
            ExpressionAttributeValues={":s": {"S": sub}},
        )  # fmt: skip
        return [str(entry["action"]["S"]) for entry in found["Items"]]

    def activity(
        self, sub: str, name: str, source: str = items.SIGN_IN, at: float | None = None, pool: int = 0
    ) -> Activity:
        return Activity(sub, self.pools[pool], name, time.time() if at is None else at, source)

    def track(self, activity: Activity, inactive_days: int = 30, warning_days: int = 0) -> None:
        """Write the item as the trigger does, and add its stream record."""
        old = self.item(activity.sub)
        new = items.tracked(activity, inactive_days, warning_days)
        self.dynamodb.put_item(TableName=TABLE, Item=new)
        self.report("MODIFY" if old else "INSERT", old, new)

    def report(self, name: str, old: Item, new: Item | None = None, **more: Any) -> dict[str, Any]:
        """Add a stream record."""
        self._number += 1
        images = {"OldImage": old} if old else {}
        images |= {"NewImage": new} if new else {}
        record = {
            "eventName": name,
            "dynamodb": {
                "Keys": items.key(old or new or {}),
                "SequenceNumber": f"{self._number:021d}",
                "ApproximateCreationDateTime": int(time.time()),
                **images,
            },
            **more,
        }
        self.records.append(record)
        return record

    def expire(self, sub: str, pool: int = 0) -> bool:
        """Delete the item of a user as time to live does. Return false if it has no `ttl`."""
        old = self.item(sub, pool)
        if "ttl" not in old:
            return False
        self.dynamodb.delete_item(TableName=TABLE, Key=items.key(old))
        self.report("REMOVE", old, userIdentity=TTL)
        return True

    def client(self, service: str) -> Any:
        """Return a client whose calls are counted and run `before` and `after`."""
        made: Any = boto3.client(service, region_name="eu-west-1")  # type: ignore[call-overload]

        def before(model: Any, **_: Any) -> None:
            self.calls[model.name] += 1
            self.before(model.name)

        made.meta.events.register("before-call", before)
        made.meta.events.register("after-call", lambda model, **_: self.after(model.name))
        return made

    def desk(self, rules: Rules | None = None, **more: Any) -> Desk:
        dynamodb = self.client("dynamodb")
        return Desk(
            self.client("cognito-idp"),
            dynamodb,
            TABLE,
            Trail(dynamodb, AUDIT),
            rules or Rules(30),
            Pacer(1e6, sleep=lambda _: None),
            **more,
        )

    def work(self, desk: Desk) -> Counter[str]:
        """Handle all records of the stream. Return the count of each outcome."""
        outcomes: Counter[str] = Counter()
        while self.records:
            batch, self.records = self.records, []
            failed, found = stream.run(batch, desk, self.pools, lambda: 900)
            assert failed is None
            outcomes += found
        return outcomes


@contextlib.contextmanager
def new_world() -> Iterator[World]:
    """Make a world in which disabling a user updates the modification date, as in Cognito; moto leaves it unchanged."""
    backend: Any = cognito_models.CognitoIdpBackend
    disable = backend.admin_disable_user

    @functools.wraps(disable)
    def dated(self: Any, user_pool_id: str, username: str) -> None:
        disable(self, user_pool_id, username)
        self.admin_get_user(user_pool_id, username).last_update_date = datetime.datetime.now(datetime.UTC)

    with mock_aws():
        backend.admin_disable_user = dated
        try:
            yield World()
        finally:
            backend.admin_disable_user = disable


def fail(*names: str, error: Exception | None = None, times: int = 1) -> Callable[[str], None]:
    """Return a `before` that makes the next calls of these names fail."""
    left = [times]

    def before(name: str) -> None:
        if name in names and left[0]:
            left[0] -= 1
            raise error or EndpointConnectionError(endpoint_url="https://example.org")

    return before
