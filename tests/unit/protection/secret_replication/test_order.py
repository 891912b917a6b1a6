"""If events arrive in any order, twice or never, every replica is equal to its source in the end."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protection.secret_replication.reconcile import compare, listed
from protection.secret_replication.sync import sync
from protection.secret_replication.targets import Target

from .fakes import CURRENT, PENDING, PREVIOUS, FakeSecrets

TARGET = Target("dr", "eu-central-1", ("prod/",), rename_from="prod/", rename_to="dr/")
NAMES = ("prod/a", "prod/b")
LATER = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)

names = st.sampled_from(NAMES)
changes = st.one_of(
    st.tuples(st.just("put"), names, st.sampled_from([CURRENT, CURRENT, PENDING, "BLUE", "GREEN"])),
    st.tuples(st.just("move"), names, st.sampled_from([CURRENT, PREVIOUS, "BLUE"])),
    st.tuples(st.just("unlabel"), names, st.sampled_from(["BLUE", "GREEN"])),
    st.tuples(st.just("describe"), names, st.sampled_from(["", "one", "two"])),
    st.tuples(st.just("tag"), names, st.sampled_from(["x", "y"])),
    st.tuples(st.just("untag"), names, st.just("Team")),
    st.tuples(st.just("edit the replica"), names, st.just("")),
    st.tuples(st.just("delete the replica"), names, st.just("")),
)
at_the_source = changes.filter(lambda step: step[1] == NAMES[0] and "replica" not in step[0])
deliveries = st.tuples(st.just("event"), st.integers(0, 50), st.just(""))
steps = st.lists(st.one_of(changes, deliveries), max_size=25)
# Actions that happen between the calls of a copy, by the number of calls before them.
meanwhile = st.lists(st.tuples(st.integers(0, 6), st.one_of(changes, deliveries)), max_size=4)


class World:
    def __init__(self) -> None:
        self.source, self.replica = FakeSecrets(), FakeSecrets("eu-central-1")
        self.sent: list[str] = [self.source.add(name, f"{name}/0") for name in NAMES]
        self.count = 0

    def do(self, step: Any) -> None:
        kind, what, how = step
        if kind == "event":  # any earlier event: late, again, or out of order; most are never delivered
            self.copy(self.sent[what % len(self.sent)])
            return
        self.change(kind, what, how)
        self.sent.append(self.source.secrets[what]["arn"])

    def change(self, kind: str, name: str, how: str) -> None:
        secret, there = self.source.secrets[name], name.replace("prod/", "dr/")
        self.count += 1
        match kind:
            case "put":
                self.source.put(name, f"{name}/{self.count}", how)
            case "move":
                version = sorted(secret["values"])[self.count % len(secret["values"])]
                self.source.put(name, version, how)
            case "unlabel":
                secret["labels"].pop(how, None)
            case "describe":
                secret["Description"] = how
            case "tag":
                secret["tags"]["Team"] = how
            case "untag":
                secret["tags"].pop(how, None)
            case "edit the replica" if there in self.replica.secrets:
                self.replica.put(there, f"foreign/{self.count}")
            case "delete the replica":
                self.replica.secrets.pop(there, None)

    def copy(self, secret_id: str) -> None:
        sync(secret_id, [TARGET], self.source, lambda target: self.replica)

    def during(self, planned: list[Any]) -> None:
        """Run the `planned` actions between the calls that follow, on either side."""
        left = sorted(planned, key=lambda item: item[0])
        seen = 0

        def before(operation: str) -> None:
            nonlocal seen
            seen += 1
            while left and left[0][0] < seen:
                self.do(left.pop(0)[1])  # an event here is a complete copy while the first one waits

        self.source.before = self.replica.before = before

    def calm(self) -> None:
        self.source.before = self.replica.before = lambda operation: None

    def reconcile(self) -> dict[str, Any]:
        """Reconcile as the schedule does, and return the result of another comparison."""
        for _ in range(2):
            replicas = {"dr": listed(self.replica, "dr", TARGET.written())}
            report, repairs = compare([TARGET], listed(self.source, "here", TARGET.selected()), replicas, LATER)
            for secret_id in repairs:
                self.copy(secret_id)
        return report

    def equal(self) -> bool:
        return all(self.replica.state(n.replace("prod/", "dr/")) == self.source.state(n) for n in NAMES)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_any_order_of_changes_and_events_ends_equal_after_a_reconcile(taken: list[Any]) -> None:
    world = World()
    for step in taken:
        world.do(step)
    report = world.reconcile()
    assert world.equal()
    assert (report["in_sync"], report["drifted"], report["refused"]) == (2, [], [])


@settings(max_examples=150, deadline=None)
@given(steps, meanwhile)
def test_also_when_things_change_between_the_calls_of_a_copy(taken: list[Any], planned: list[Any]) -> None:
    world = World()
    for step in taken:
        world.do(step)
    world.during(planned)
    for name in NAMES:
        world.copy(name)
    world.calm()
    world.reconcile()
    assert world.equal()


@settings(max_examples=100, deadline=None)
@given(steps)
def test_without_loss_no_reconcile_is_needed(taken: list[Any]) -> None:
    """Each source change is followed by an event at some time; earlier events do no harm."""
    world = World()
    for step in taken:
        if "replica" not in step[0]:
            world.do(step)
    for secret_id in dict.fromkeys(reversed(world.sent)):
        world.copy(secret_id)
    assert world.equal()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(at_the_source, max_size=4),
    at_the_source,
    st.integers(1, 6),
    st.lists(at_the_source, min_size=1, max_size=2),
)
def test_a_delayed_copy_reverts_nothing(before: list[Any], own: Any, at: int, meanwhile: list[Any]) -> None:
    """Another call copies a change while this call waits, and no event is left to correct a late write of this call."""
    world = World()
    for name in NAMES:
        world.copy(name)
    for step in before:
        world.do(step)
    world.copy(NAMES[0])
    world.do(own)
    seen = 0

    def held_up(operation: str) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            for step in meanwhile:
                world.do(step)
            world.copy(NAMES[0])

    world.source.before = world.replica.before = held_up
    world.copy(NAMES[0])
    world.calm()
    assert world.replica.state("dr/a") == world.source.state(NAMES[0])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.just("new"), st.integers(0, 50)), max_size=20), meanwhile)
def test_a_replica_never_reverts(taken: list[Any], planned: list[Any]) -> None:
    """While the source's current version only advances, so does the replica's, in any order of calls."""
    world = World()
    forward: Callable[[], None] = lambda: world.do(("put", "prod/a", CURRENT))  # noqa: E731
    forward()
    only_forward = [(at, ("put", "prod/a", CURRENT) if step[0] != "event" else step) for at, step in planned]
    for position, step in enumerate(taken):
        if position == len(taken) // 2:
            world.during(only_forward)
        if step == "new":
            forward()
        else:
            world.do(("event", step, ""))
    world.calm()
    world.copy("prod/a")
    order = world.source.history["prod/a"]
    seen = [order.index(version) for version in world.replica.history["dr/a"]]
    assert seen == sorted(set(seen))
    assert world.equal() or "dr/b" not in world.replica.secrets
