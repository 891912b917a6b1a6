"""Handle one user whose item DynamoDB has deleted, or who signed in while being disabled.

An expiry is claimed first: the function puts the item back, on condition that the table has none for the user. The
claim is a second look at the table and a lock in one: a sign-in since the expiry has created an item, so the claim
fails. The claim names the stream record. A record that is delivered again resumes its work, or finds it done. A claim
expires too (after an hour), so work that was abandoned starts again.

A sign-in that began before the user was disabled may be recorded afterwards. It then replaces the claim. The stream
reports this change, in order, and `give_back` enables the user again.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.pacing import Pacer

from . import audit, items
from .audit import Trail
from .items import DAY, Item
from .notices import Notice

CLAIM_SECONDS = 3600
DRY_RUN_SECONDS = DAY
CLOCKS_SECONDS = 5  # by which two clocks may differ

DUPLICATE = "duplicate"
RESCHEDULED = "rescheduled"  # the period is longer now than when the item was written
RETURNED = "returned"  # the user was not disabled, or another principal has enabled the user since


@dataclass(frozen=True)
class Rules:
    """Which users are handled, and how. `work_seconds`: for how long after its claim a user can be disabled."""

    inactive_days: int
    warning_days: int = 0
    exempt_users: frozenset[str] = frozenset()
    exempt_groups: frozenset[str] = frozenset()
    dry_run: bool = False
    work_seconds: int = 300
    days_by_pool: Mapping[str, int] = field(default_factory=dict)

    def days(self, item: Item) -> int:
        """Return the days after which the user of `item` counts as inactive."""
        return items.days_of(item["userpool_id"]["S"], self.inactive_days, self.days_by_pool)


@dataclass(frozen=True)
class Event:
    """A stream record: its id (sequence number), its time (epoch seconds), and the old image of its item."""

    id: str
    at: float
    item: Item

    @property
    def name(self) -> str:
        """Return the event's name in the audit trail."""
        return f"{items.rfc3339(self.at)}#{self.id}"


@dataclass
class Desk:
    """Handles one event at a time. Its public methods return the outcome: a constant of `audit` or of this module."""

    cognito: Any
    dynamodb: Any
    table: str
    trail: Trail
    rules: Rules
    pacer: Pacer
    notice: Notice | None = None
    clock: Callable[[], float] = field(default=time.time)

    def expired(self, event: Event) -> str:
        """Handle an event in which DynamoDB has deleted the user's item."""
        rules, item = self.rules, event.item
        try:
            exempt = self._exempt(item)
        except self._gone:
            self.trail.note(item, audit.GONE, event.name, self.clock())
            return audit.GONE
        if exempt:
            return self._renew(event, items.EXEMPT, rules.days(item) * DAY, audit.EXEMPT)
        state = item["state"]["S"]
        due = self._due(item) - rules.warning_days * DAY
        was_due = item.get("ttl", item["expires_at"]) if state == items.ACTIVE else item["expires_at"]
        if due > max(int(was_due["N"]), self.clock()) and state != items.DISABLING:
            return self._renew(event, items.ACTIVE, due - int(self.clock()), RESCHEDULED)
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
        """Enable the user again: a sign-in overwrote the claim `event.item`. Skip users whom others changed since."""
        user = self._user(event.item)
        if user is None:
            return audit.GONE
        if user["Enabled"]:
            return RETURNED  # not disabled after all, or enabled by another principal since
        began, ended = (float(event.item[name]["N"]) for name in ("claimed_at", "work_until"))
        if not began - CLOCKS_SECONDS <= user["UserLastModifiedDate"].timestamp() <= ended + CLOCKS_SECONDS:
            # This function did not make the last change: an administrator may have disabled the user on purpose.
            self.trail.note(event.item, audit.REVIEW, event.name, self.clock())
            return audit.REVIEW
        self.pacer.wait()
        self.pacer.report(self.cognito.admin_enable_user(**_who(event.item)))
        self.trail.note(event.item, audit.RESTORED, event.name, self.clock())
        return audit.RESTORED

    @property
    def _gone(self) -> tuple[type[Exception], ...]:
        """Return the errors by which Cognito says that a user, or the whole pool, no longer exists."""
        errors = self.cognito.exceptions
        return (errors.UserNotFoundException, errors.ResourceNotFoundException)

    def _due(self, item: Item) -> int:
        """Return the epoch second at which the user's period ends by the rules of today.

        An item has the end by the rules of its time. A longer period, or a warning that was switched off, moves it.
        """
        return int(items.epoch(item["timestamp"]["S"])) + self.rules.days(item) * DAY

    def _renew(self, event: Event, state: str, seconds: int, action: str) -> str:
        """Put the item back for `seconds`. Add an audit entry the first time only."""
        held = self._claim(event, state, seconds)
        if held:
            return held
        if event.item["state"]["S"] != state:
            self.trail.note(event.item, action, event.name, self.clock())
        return action

    def _warn(self, event: Event) -> str:
        """Send the warning. The user gets the full notice period, however late DynamoDB deleted the item."""
        days = self.rules.warning_days
        seconds = max(int(event.item["expires_at"]["N"]) - int(self.clock()), days * DAY)
        held = self._claim(event, items.WARNED, seconds)
        if held:
            return held
        user = self._user(event.item)
        told = bool(user and self.notice and self.notice.send(user, self.clock() + seconds))
        return self._finish(event, audit.GONE if user is None else audit.WARNED if told else audit.UNREACHABLE)

    def _disable(self, event: Event) -> str:
        self.pacer.wait()  # before the claim, to keep the time between the claim and the call short
        held = self._claim(event, items.DISABLING, CLAIM_SECONDS)
        if held:
            return held
        action = audit.DISABLED
        try:
            self.pacer.report(self.cognito.admin_disable_user(**_who(event.item)))
            self.cognito.admin_user_global_sign_out(**_who(event.item))
        except self._gone:
            action = audit.GONE
        return self._finish(event, action)

    def _claim(self, event: Event, state: str, seconds: int) -> str | None:
        """Put the item back in the name of `event`. Return None if the claim succeeds, otherwise the outcome.

        The claim never replaces the record of a sign-in. It replaces an item that the preload wrote after the expiry:
        such an item shows only that the user exists.
        """
        now = self.clock()
        until = {"N": f"{now + self.rules.work_seconds:.3f}"}
        ttl = {"N": str(int(now) + seconds)}
        item = {name: event.item[name] for name in ("sub", "userpool_id", "username", "timestamp", "source")} | {
            "state": {"S": state},
            "ttl": ttl,
            "expires_at": {items.WARNED: ttl, items.ACTIVE: {"N": str(self._due(event.item))}}.get(
                state, event.item["expires_at"]
            ),
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
            # An older record was retried so late that it found the item of this one deleted, and put its claim there.
            there = self._put_claim(item, "event_id = :theirs", {":theirs": there["event_id"]})
        if there is None:
            return None
        if "event_id" not in there:
            if event.item["state"]["S"] == items.DISABLING:
                # The expired item was an unfinished claim: its user may have been disabled, and has signed in since.
                outcome = self.give_back(event)
                if outcome != RETURNED:
                    return outcome
            self.trail.note(event.item, audit.KEPT, event.name, now)
            return audit.KEPT
        if there["event_id"]["S"] != event.id or "done_at" in there:
            return DUPLICATE
        # An earlier attempt at this record was interrupted: continue if nothing has changed since.
        return None if self._update(event, "SET work_until = :until", {":until": until}) else DUPLICATE

    def _put_claim(self, claim: Item, condition: str, values: Item, names: dict[str, str] | None = None) -> Item | None:
        """Write the claim if the condition holds. Return None, or else the item that is in the table ({} for none)."""
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
        """Add the outcome to the audit trail and mark the claim as done.

        The item of a disabled user no longer expires; the item of a deleted user is deleted. A sign-in may have
        replaced the claim: the stream then reports it, and `give_back` handles it.
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
        """Change the claim. Return false if it is not the claim of this event, or is marked as done."""
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
        """Return true if the user is exempt by name, sub or group. Raise UserNotFoundException if the user is gone."""
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
        except self._gone:
            return None
        return user


def _who(item: Item) -> dict[str, str]:
    return {"UserPoolId": item["userpool_id"]["S"], "Username": item["username"]["S"]}


def _claimed_by(event: Event) -> dict[str, Any]:
    return {
        "ConditionExpression": "event_id = :event AND attribute_not_exists(done_at)",
        "ExpressionAttributeValues": {":event": {"S": event.id}},
    }
