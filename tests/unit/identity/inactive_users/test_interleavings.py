"""Sign-ins, expiries, late records, duplicates, preloads and failures in any order, also between any two API calls.

Scenario
    Given   a user, and what may happen to one, in an order that Hypothesis makes up
    And     the same between any two API calls of the function that disables
    When    everything has come to rest: no record, message or retry is left
    Then    the user is disabled if the period ended after the last sign-in, and enabled if not
    And     the table says the same
"""

from __future__ import annotations

import os
import time
from typing import Any
from unittest import mock

from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from identity.inactive_users import items, preload, stream
from identity.inactive_users.errors import Transient, transient
from identity.inactive_users.expiry import Rules
from identity.inactive_users.pacing import Pacer

from .world import TABLE, World, new_world

HAPPENINGS = st.sampled_from(
    ["sign_in", "record", "record_later", "expire", "expire", "work", "work", "work", "again", "preload"]
)
INTERRUPTIONS = st.lists(
    st.sampled_from([None, None, None, "sign_in", "record", "record_later", "preload", "fail", "lose_answer"]),
    max_size=30,
)


class Story:
    """What happens to one user."""

    def __init__(self, world: World, interruptions: list[str | None], rules: Rules) -> None:
        self.world, self.rules = world, rules
        self.sub = world.user("ann")
        self.waiting: list[items.Activity] = []  # signed in, not yet recorded
        self.seen: list[dict[str, Any]] = []  # stream records that were worked on
        self.interruptions = interruptions
        self.inside = False
        self.ended_last = False  # of the end of the period and recorded sign-ins, what came last
        self.desk = world.desk(rules)
        self.at = time.time() - 1000
        world.before = self.interrupt
        self.sign_in()
        self.record()

    def interrupt(self, name: str) -> None:
        if self.inside or not self.interruptions:
            return
        what = self.interruptions.pop(0)
        if what == "fail":
            raise EndpointConnectionError(endpoint_url="https://example.org")
        self.inside = True
        try:
            if what and what != "lose_answer":
                getattr(self, what)()
        finally:
            self.inside = False

    def sign_in(self) -> None:
        """Cognito lets in who is enabled; the record is made afterwards."""
        if self.world.enabled("ann"):
            self.at += 1
            self.waiting.append(self.world.activity(self.sub, "ann", at=self.at))

    def record(self) -> None:
        """The trigger writes it."""
        if self.waiting:
            self.world.track(self.waiting.pop(0))
            self.ended_last = False

    def record_later(self) -> None:
        """The trigger could not; the queue's consumer writes it, in whatever order."""
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
        """The function gets the next record; after a failure, it gets it again."""
        if self.world.records:
            record = self.world.records[0]
            try:
                with transient():
                    stream.handle(record, self.desk, self.world.pools)
            except Transient:
                return
            self.seen.append(self.world.records.pop(0))

    def again(self) -> None:
        """A record is delivered once more."""
        if self.seen:
            with transient():
                stream.handle(self.seen[-1], self.desk, self.world.pools)

    def rest(self) -> None:
        self.interruptions.clear()
        while self.waiting:
            self.record_later()
        while self.world.records:
            self.work()


def tell(story: Story, happenings: list[str]) -> None:
    for what in happenings:
        try:
            getattr(story, what)()
        except Transient:
            continue
    story.rest()


SETTINGS = settings(
    max_examples=int(os.environ.get("EXAMPLES", "150")), deadline=None, suppress_health_check=list(HealthCheck)
)


@SETTINGS
@given(st.lists(HAPPENINGS, max_size=14), INTERRUPTIONS)
@example(["expire", "work"], [])
@example(["expire", "work"], [None, "sign_in", "record"])  # between claim and AdminDisableUser
@example(["expire", "sign_in", "work", "record_later"], [])  # recorded after all was done
@example(["expire", "work", "work"], ["preload", "fail"])
@example(["expire", "work", "expire", "again", "work"], [None, "fail"])
def test_disabled_if_and_only_if_the_period_ended(happenings: list[str], interruptions: list[str | None]) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1"}
    with mock.patch.dict(os.environ, keys), new_world() as world:
        story = Story(world, list(interruptions), Rules(30))
        tell(story, happenings)
        assert world.enabled("ann") is not story.ended_last
        assert (world.state(story.sub) == items.DISABLED) is story.ended_last
        assert "review" not in world.trail(story.sub)


@settings(SETTINGS, max_examples=50)
@given(st.lists(HAPPENINGS, max_size=14), INTERRUPTIONS)
def test_a_dry_run_disables_nobody(happenings: list[str], interruptions: list[str | None]) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1"}
    with mock.patch.dict(os.environ, keys), new_world() as world:
        story = Story(world, list(interruptions), Rules(30, dry_run=True))
        tell(story, happenings)
        assert world.enabled("ann")
        assert not {"AdminDisableUser", "AdminEnableUser", "AdminUserGlobalSignOut"} & set(world.calls)
        assert set(world.trail(story.sub)) <= {"would_disable", "kept"}
