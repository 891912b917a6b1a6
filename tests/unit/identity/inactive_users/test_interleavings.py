"""Sign-ins, expiries, late records, duplicates, preloads and failures in any order, also between any two API calls.

Scenario
    Given   a user, and events that may happen to one, in an order that Hypothesis generates
    And     such events between any two API calls of the function that disables
    When    no record, message or retry is left
    Then    the user is disabled if the period ended after the last sign-in, and enabled if not
    And     the table says the same
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator
from typing import Any, Self
from unittest import mock

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from common.pacing import Pacer
from identity.inactive_users import items, preload, stream
from identity.inactive_users.errors import Transient, transient
from identity.inactive_users.expiry import Desk, Rules

from .world import TABLE, World, new_world

HAPPENINGS = st.sampled_from(
    ["sign_in", "record", "record_later", "expire", "expire", "work", "work", "work", "again", "preload"]
)
INTERRUPTIONS = st.lists(
    st.sampled_from([None, None, None, "sign_in", "record", "record_later", "preload", "fail", "lose_answer"]),
    max_size=30,
)


class Story:
    """The events that happen to one user."""

    number = 0

    def __init__(self, world: World, desk: Desk, interruptions: list[str | None]) -> None:
        Story.number += 1
        self.world, self.desk, self.name = world, desk, f"ann-{Story.number}"
        self.sub = world.user(self.name)
        self.waiting: list[items.Activity] = []  # signed in, not yet recorded
        self.seen: list[dict[str, Any]] = []  # stream records that were handled
        self.interruptions = interruptions
        self.inside = self.losing = False
        self.ended_last = False  # whether the end of the period came after the last recorded sign-in
        self.at = time.time() - 1000
        world.records.clear()
        self.sign_in()
        self.record()
        world.before, world.after = self.interrupt, self.lose

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.world.before = self.world.after = lambda name: None
        self.world.cognito.admin_delete_user(UserPoolId=self.world.pools[0], Username=self.name)
        key = {"sub": {"S": self.sub}, "userpool_id": {"S": self.world.pools[0]}}
        self.world.dynamodb.delete_item(TableName=TABLE, Key=key)

    def tell(self, happenings: list[str]) -> None:
        for what in happenings:
            with contextlib.suppress(Transient):
                getattr(self, what)()
        self.interruptions.clear()
        self.losing = False
        while self.waiting:
            self.record_later()
        while self.world.records:
            self.work()

    def interrupt(self, name: str) -> None:
        if self.inside or not self.interruptions:
            return
        what = self.interruptions.pop(0)
        if what == "lose_answer":
            self.losing = True
        elif what == "fail":
            raise EndpointConnectionError(endpoint_url="https://example.org")
        self.inside = True
        try:
            if what and what != "lose_answer":
                getattr(self, what)()
        finally:
            self.inside = False

    def lose(self, name: str) -> None:
        """Make the call, but lose its answer."""
        if self.losing and not self.inside:
            self.losing = False
            raise EndpointConnectionError(endpoint_url="https://example.org")

    def sign_in(self) -> None:
        """Sign in if the user is enabled. The record is written later."""
        if self.world.enabled(self.name):
            self.at += 1
            self.waiting.append(self.world.activity(self.sub, self.name, at=self.at))

    def record(self) -> None:
        """Write the record as the trigger does."""
        if self.waiting:
            self.world.track(self.waiting.pop(0))
            self.ended_last = False

    def record_later(self) -> None:
        """Write the record as the queue's consumer does after the trigger failed, in any order."""
        if self.waiting:
            activity, old = self.waiting.pop(), self.world.item(self.sub)
            if items.put_if_newer(self.world.dynamodb, TABLE, activity, 30, 0):
                self.world.report("MODIFY" if old else "INSERT", old, items.tracked(activity, 30, 0))
                self.ended_last = False

    def expire(self) -> None:
        old = self.world.item(self.sub)
        if self.world.expire(self.sub) and old.get("source", {}).get("S") != items.PRELOAD:
            self.ended_last = True

    def preload(self) -> None:
        old = self.world.item(self.sub)
        config = preload.Settings(TABLE, self.world.pools, 30)
        preload.run(None, config, self.world.cognito, self.world.dynamodb, lambda: 900, Pacer(1e6))
        new = self.world.item(self.sub)
        if new != old:
            self.world.report("MODIFY" if old else "INSERT", old, new)

    def work(self) -> None:
        """Deliver the next record to the function, and again after a failure."""
        if self.world.records:
            record = self.world.records[0]
            try:
                with transient():
                    stream.handle(record, self.desk, self.world.pools)
            except Transient:
                return
            self.seen.append(self.world.records.pop(0))

    def again(self) -> None:
        """Deliver a record once more."""
        if self.seen:
            with transient():
                stream.handle(self.seen[-1], self.desk, self.world.pools)


SETTINGS = settings(
    max_examples=int(os.environ.get("EXAMPLES", "100")), deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1"}
    with mock.patch.dict(os.environ, keys), new_world() as made:
        yield made


@pytest.fixture(scope="module")
def desk(world: World) -> Desk:
    return world.desk()


@SETTINGS
@given(st.lists(HAPPENINGS, max_size=14), INTERRUPTIONS)
@example(["expire", "work"], [])
@example(["expire", "work"], [None, "sign_in", "record"])  # between claim and AdminDisableUser
@example(["expire", "sign_in", "work", "record_later"], [])  # recorded after all was done
@example(["expire", "work", "work"], ["preload", "fail"])
@example(["expire", "work", "expire", "again", "work"], [None, "fail"])
@example(["sign_in", "expire", "work", "work", "record", "expire"], [None, "fail"])  # tried again after the next expiry
@example(["sign_in", "expire", "work", "work", "expire"], [None, "lose_answer"])  # recorded after the claim's expiry
def test_disabled_if_and_only_if_the_period_ended(
    world: World, desk: Desk, happenings: list[str], interruptions: list[str | None]
) -> None:
    with Story(world, desk, list(interruptions)) as story:
        story.tell(happenings)
        assert world.enabled(story.name) is not story.ended_last
        assert (world.state(story.sub) == items.DISABLED) is story.ended_last
        assert "review" not in world.trail(story.sub)


@settings(SETTINGS, max_examples=50)
@given(st.lists(HAPPENINGS, max_size=14), INTERRUPTIONS)
def test_a_dry_run_disables_nobody(
    world: World, desk: Desk, happenings: list[str], interruptions: list[str | None]
) -> None:
    world.calls.clear()
    with Story(world, dataclasses.replace(desk, rules=Rules(30, dry_run=True)), list(interruptions)) as story:
        story.tell(happenings)
        assert world.enabled(story.name)
        assert not {"AdminDisableUser", "AdminEnableUser", "AdminUserGlobalSignOut"} & set(world.calls)
        assert set(world.trail(story.sub)) <= {"would_disable", "kept"}
