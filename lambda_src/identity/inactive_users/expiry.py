"""What is done about one user whose item DynamoDB has deleted, or who signed in while being disabled.

An expiry is claimed first: the item is put back, on condition that there is none. That is the second look at the
table and the lock in one: a sign-in since then has made an item, and the claim fails. It names the stream record, so a
record that comes again goes on where it was, or finds its work done. A claim expires too (after an hour), so work that
was lost for good starts again.

A sign-in that began before the user was disabled may be recorded after. It then replaces the claim, which the stream
reports, in order: `give_back` enables the user again.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common.pacing import Pacer

from . import audit, items
from .audit import Trail
from .items import DAY, Item
from .notices import Notice

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
        told = state == items.DISABLING or (state == items.WARNED and "done_at" in item)
        if rules.dry_run:
            told = told or state in (items.WOULD_WARN, items.WOULD_DISABLE)
        warn = bool(rules.warning_days) and not told
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
        began, ended = (float(event.item[name]["N"]) for name in ("claimed_at", "work_until"))
        if not began - CLOCKS_SECONDS <= user["UserLastModifiedDate"].timestamp() <= ended + CLOCKS_SECONDS:
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
        return self._finish(event, audit.GONE if user is None else audit.WARNED if told else audit.UNREACHABLE)

    def _disable(self, event: Event) -> str:
        self.pacer.wait()  # before the claim, so that as little time as can be lies between that and the act
        held = self._claim(event, items.DISABLING, CLAIM_SECONDS)
        if held:
            return held
        action = audit.DISABLED
        try:
            self.pacer.report(self.cognito.admin_disable_user(**_who(event.item)))
            self.cognito.admin_user_global_sign_out(**_who(event.item))
        except self.cognito.exceptions.UserNotFoundException:
            action = audit.GONE
        return self._finish(event, action)

    def _claim(self, event: Event, state: str, seconds: int) -> str | None:
        """Puts the item back in the name of `event`; None when that held, else the outcome.

        It gives way to nothing that speaks for the user. A preloaded item does not: it says only that the user exists.
        """
        now = self.clock()
        until = {"N": f"{now + self.rules.work_seconds:.3f}"}
        ttl = {"N": str(int(now) + seconds)}
        item = {name: event.item[name] for name in ("sub", "userpool_id", "username", "timestamp", "source")} | {
            "state": {"S": state},
            "ttl": ttl,
            "expires_at": ttl if state == items.WARNED else event.item["expires_at"],
            "event_id": {"S": event.id},
            "claimed_at": {"N": f"{now:.3f}"},
            "work_until": until,
        }
        there = self._put_claim(
            item,
            "attribute_not_exists(#sub)"
            " OR (#source = :preload AND #timestamp >= :expired AND attribute_not_exists(event_id))",
            {":preload": {"S": items.PRELOAD}, ":expired": {"S": items.rfc3339(event.at)}},
            {"#sub": "sub", "#source": "source", "#timestamp": "timestamp"},
        )
        if there and "event_id" in there and int(there["event_id"]["S"]) < int(event.id):
            # A record from before this one, tried again so late that this one had made room for its claim.
            there = self._put_claim(item, "event_id = :theirs", {":theirs": there["event_id"]})
        if there is None:
            return None
        if "event_id" not in there:
            if event.item["state"]["S"] == items.DISABLING:
                # A claim that expired unfinished: its user may have been disabled, and has signed in.
                outcome = self.give_back(event)
                if outcome != RETURNED:
                    return outcome
            self.trail.note(event.item, audit.KEPT, event.name, now)
            return audit.KEPT
        if there["event_id"]["S"] != event.id or "done_at" in there:
            return DUPLICATE
        # An earlier try of this record was cut off: go on, if nothing has changed since.
        return None if self._update(event, "SET work_until = :until", {":until": until}) else DUPLICATE

    def _put_claim(self, claim: Item, condition: str, values: Item, names: dict[str, str] | None = None) -> Item | None:
        """None when the condition held and the claim is in the table, else the item that is there ({} for none)."""
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item=claim,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **({"ExpressionAttributeNames": names} if names else {}),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException as refused:
            there: Item = refused.response.get("Item", {})
            return there
        return None

    def _finish(self, event: Event, action: str) -> str:
        """Notes the outcome and marks the claim as worked off. A disabled user's item has no end, a deleted one's goes.

        A sign-in may have replaced the claim; the stream reports it, and `give_back` does what that takes.
        """
        self.trail.note(event.item, action, event.name, self.clock())
        done = {":now": {"N": f"{self.clock():.3f}"}}
        if action == audit.DISABLED:
            done[":state"] = {"S": items.DISABLED}
            self._update(event, "SET done_at = :now, #state = :state REMOVE #ttl", done, state="state", ttl="ttl")
        elif action != audit.GONE:
            self._update(event, "SET done_at = :now", done)
        else:
            with contextlib.suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):
                self.dynamodb.delete_item(TableName=self.table, Key=items.key(event.item), **_claimed_by(event))
        return action

    def _update(self, event: Event, expression: str, values: Item, **names: str) -> bool:
        """Changes the claim; False when it is not this event's, or worked off."""
        condition = _claimed_by(event)
        condition["ExpressionAttributeValues"] |= values
        if names:
            condition["ExpressionAttributeNames"] = {f"#{name}": value for name, value in names.items()}
        try:
            self.dynamodb.update_item(
                TableName=self.table, Key=items.key(event.item), UpdateExpression=expression, **condition
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

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


def _claimed_by(event: Event) -> dict[str, Any]:
    return {
        "ConditionExpression": "event_id = :event AND attribute_not_exists(done_at)",
        "ExpressionAttributeValues": {":event": {"S": event.id}},
    }
