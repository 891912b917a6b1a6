"""What is done about one user whose item DynamoDB has deleted, or who signed in while being disabled.

An expiry is claimed first: the item is put back, on condition that there is none. That is the second look at the
table and the lock in one: a sign-in since then has made an item, and the claim fails. It names the stream record, so a
record that comes again goes on where it was, or finds its work done. A claim expires too (after an hour), so work that
was lost for good starts again.

A sign-in that began before the user was disabled may be recorded after. It then replaces the claim, which the stream
reports, in order: `give_back` enables the user again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import audit, items
from .audit import Trail
from .items import DAY, Item
from .notices import Notice
from .pacing import Pacer

CLAIM_SECONDS = 3600
DRY_RUN_SECONDS = DAY
CLOCKS_SECONDS = 5  # that two clocks may differ by

DUPLICATE = "duplicate"
RETURNED = "returned"  # somebody else enabled the user, who then signed in


@dataclass(frozen=True)
class Rules:
    """Who is dealt with, and how. `work_seconds`: how long after its claim a user can be disabled at the latest."""

    inactive_days: int
    warning_days: int = 0
    exempt_users: frozenset[str] = frozenset()
    exempt_groups: frozenset[str] = frozenset()
    dry_run: bool = False
    work_seconds: int = 300


@dataclass(frozen=True)
class Event:
    """A stream record: its id (sequence number), its time (epoch seconds), and the item it is about."""

    id: str
    at: float
    item: Item

    @property
    def name(self) -> str:
        """Its name in the audit trail."""
        return f"{items.rfc3339(self.at)}#{self.id}"


@dataclass
class Desk:
    """Deals with one event after the other. Every method returns the outcome, one of `audit`'s or of this module's."""

    cognito: Any
    dynamodb: Any
    table: str
    trail: Trail
    rules: Rules
    pacer: Pacer
    notice: Notice | None = None
    clock: Callable[[], float] = field(default=time.time)

    def expired(self, event: Event) -> str:
        """DynamoDB has deleted the item of `event`."""
        rules, item = self.rules, event.item
        try:
            exempt = self._exempt(item)
        except self.cognito.exceptions.UserNotFoundException:
            self.trail.note(item, audit.GONE, event.name, self.clock())
            return audit.GONE
        if exempt:
            return self._renew(event, items.EXEMPT, rules.inactive_days * DAY, audit.EXEMPT)
        state = item["state"]["S"]
        settled = {items.DISABLING, items.WARNED} | (
            {items.WOULD_WARN, items.WOULD_DISABLE} if rules.dry_run else set()
        )
        warn = bool(rules.warning_days) and state not in settled
        if rules.dry_run:
            if warn:
                left = max(int(item["expires_at"]["N"]) - int(self.clock()), rules.warning_days * DAY)
                return self._renew(event, items.WOULD_WARN, left, audit.WOULD_WARN)
            return self._renew(event, items.WOULD_DISABLE, DRY_RUN_SECONDS, audit.WOULD_DISABLE)
        return self._warn(event) if warn else self._disable(event)

    def give_back(self, event: Event) -> str:
        """A sign-in was recorded over the claim `event.item`: the user was disabled, or about to be."""
        user = self._user(event.item)
        if user is None:
            return audit.GONE
        if user["Enabled"]:
            return RETURNED  # not disabled after all, or enabled by somebody else since
        claimed = float(event.item["claimed_at"]["N"])
        changed = user["UserLastModifiedDate"].timestamp()
        if not -CLOCKS_SECONDS <= changed - claimed <= self.rules.work_seconds + CLOCKS_SECONDS:
            # Not by us: an administrator may have had reasons of his own.
            self.trail.note(event.item, audit.REVIEW, event.name, self.clock())
            return audit.REVIEW
        self.pacer.wait()
        self.pacer.report(self.cognito.admin_enable_user(**_who(event.item)))
        self.trail.note(event.item, audit.RESTORED, event.name, self.clock())
        return audit.RESTORED

    def _renew(self, event: Event, state: str, seconds: int, action: str) -> str:
        """Puts the item back for `seconds`; noted the first time only."""
        held = self._claim(event, state, seconds)
        if held:
            return held
        if event.item["state"]["S"] != state:
            self.trail.note(event.item, action, event.name, self.clock())
        self._finish(event, state)
        return action

    def _warn(self, event: Event) -> str:
        """The user gets the full notice, however late DynamoDB deleted the item."""
        days = self.rules.warning_days
        seconds = max(int(event.item["expires_at"]["N"]) - int(self.clock()), days * DAY)
        held = self._claim(event, items.WARNED, seconds)
        if held:
            return held
        user = self._user(event.item)
        told = bool(user and self.notice and self.notice.send(user, self.clock() + seconds))
        action = audit.GONE if user is None else audit.WARNED if told else audit.UNREACHABLE
        self.trail.note(event.item, action, event.name, self.clock())
        self._finish(event, items.WARNED)
        return action

    def _disable(self, event: Event) -> str:
        held = self._claim(event, items.DISABLING, CLAIM_SECONDS)
        if held:
            return held
        action = audit.DISABLED
        try:
            self.pacer.wait()
            self.pacer.report(self.cognito.admin_disable_user(**_who(event.item)))
            self.cognito.admin_user_global_sign_out(**_who(event.item))
        except self.cognito.exceptions.UserNotFoundException:
            action = audit.GONE
        self.trail.note(event.item, action, event.name, self.clock())
        self._finish(event, items.DISABLED)
        return action

    def _claim(self, event: Event, state: str, seconds: int) -> str | None:
        """Puts the item back in the name of `event`; None when that held, else the outcome.

        It gives way to nothing that speaks for the user. A preloaded item does not: it says only that the user exists.
        """
        now = self.clock()
        item = {name: event.item[name] for name in ("sub", "userpool_id", "username", "timestamp", "source")} | {
            "state": {"S": state},
            "ttl": {"N": str(int(now) + seconds)},
            "expires_at": event.item["expires_at"] if state != items.WARNED else {"N": str(int(now) + seconds)},
            "event_id": {"S": event.id},
            "claimed_at": {"N": f"{now:.3f}"},
        }
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression="attribute_not_exists(#sub)"
                " OR (event_id = :event AND attribute_not_exists(done_at))"
                " OR (#source = :preload AND #timestamp >= :expired AND attribute_not_exists(event_id))",
                ExpressionAttributeNames={"#sub": "sub", "#source": "source", "#timestamp": "timestamp"},
                ExpressionAttributeValues={
                    ":event": {"S": event.id},
                    ":preload": {"S": items.PRELOAD},
                    ":expired": {"S": items.rfc3339(event.at)},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException as refused:
            there: Item = refused.response.get("Item", {})
            if "event_id" in there:  # done before, or an earlier expiry of the same user is being dealt with
                return DUPLICATE
            self.trail.note(event.item, audit.KEPT, event.name, now)
            return audit.KEPT
        return None

    def _finish(self, event: Event, state: str) -> None:
        """Marks the claim as worked off; a disabled user's item has no end. Nothing when a sign-in has replaced it."""
        remove = " REMOVE #ttl" if state == items.DISABLED else ""
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=items.key(event.item),
                UpdateExpression=f"SET #state = :state, done_at = :now{remove}",
                ConditionExpression="event_id = :event",
                ExpressionAttributeNames={"#state": "state"} | ({"#ttl": "ttl"} if remove else {}),
                ExpressionAttributeValues={
                    ":state": {"S": state},
                    ":now": {"N": f"{self.clock():.3f}"},
                    ":event": {"S": event.id},
                },
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return  # the stream reports that sign-in: `give_back`

    def _exempt(self, item: Item) -> bool:
        """By name, by sub, or by group. Raises UserNotFoundException."""
        rules = self.rules
        if rules.exempt_users & {item["username"]["S"], item["sub"]["S"]}:
            return True
        if not rules.exempt_groups:
            return False
        pages = self.cognito.get_paginator("admin_list_groups_for_user").paginate(**_who(item))
        return any(group["GroupName"] in rules.exempt_groups for page in pages for group in page["Groups"])

    def _user(self, item: Item) -> dict[str, Any] | None:
        try:
            user: dict[str, Any] = self.cognito.admin_get_user(**_who(item))
        except self.cognito.exceptions.UserNotFoundException:
            return None
        return user


def _who(item: Item) -> dict[str, str]:
    return {"UserPoolId": item["userpool_id"]["S"], "Username": item["username"]["S"]}
