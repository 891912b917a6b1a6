"""How one user is handled: each outcome, its audit entry, and its number of calls."""

from __future__ import annotations

import dataclasses
import datetime
import time
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from common.pacing import Pacer
from identity.inactive_users import items
from identity.inactive_users.audit import Trail
from identity.inactive_users.expiry import Rules
from identity.inactive_users.notices import Notice

from .world import AUDIT, TABLE, World, fail


class Mailbox:
    """SES: keeps what was sent, and raises the given errors first."""

    def __init__(self, *errors: Exception) -> None:
        self.sent: list[dict[str, Any]] = []
        self.errors = list(errors)

    def send_email(self, **arguments: Any) -> dict[str, Any]:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(arguments)
        return {}


def notice(mailbox: Mailbox) -> Notice:
    return Notice(mailbox, "accounts@example.com", "Until {date}", "Sign in by {date}.", Pacer(1e6))


def expired(world: World, name: str = "ann", **options: Any) -> str:
    """Create a user whose item has expired. Return the sub."""
    sub = world.user(name, **options)
    world.track(world.activity(sub, name))
    assert world.expire(sub)
    return sub


def test_disables_and_notes_it_with_four_writes(world: World) -> None:
    sub, other = expired(world), world.user("bob")
    assert world.work(world.desk()) == {"disabled": 1, "ignored": 1}  # the sign-in's own record
    assert not world.enabled("ann")
    assert world.enabled("bob")
    assert (world.state(sub), world.trail(sub)) == (items.DISABLED, ["disabled"])
    assert "ttl" not in world.item(sub)
    assert not world.item(other)
    # The claim and the audit entry; done; and the calls to Cognito.
    assert world.calls == {"PutItem": 2, "UpdateItem": 1, "AdminDisableUser": 1, "AdminUserGlobalSignOut": 1}


def test_signed_in_since_is_kept_with_one_write_and_no_call_to_cognito(world: World) -> None:
    sub = expired(world)
    world.track(world.activity(sub, "ann"))
    assert world.work(world.desk())["kept"] == 1
    assert world.enabled("ann")
    assert (world.state(sub), world.trail(sub)) == (items.ACTIVE, ["kept"])
    assert world.calls == {"PutItem": 2}


def test_signed_in_while_being_disabled_is_given_back(world: World) -> None:
    sub = expired(world)
    desk = world.desk()
    world.before = lambda name: world.track(world.activity(sub, "ann")) if name == "AdminDisableUser" else None
    assert world.work(desk)["restored"] == 1
    assert world.enabled("ann")
    assert (world.state(sub), world.trail(sub)) == (items.ACTIVE, ["disabled", "restored"])
    assert world.calls["AdminEnableUser"] == 1


def test_an_administrators_decision_stands(world: World) -> None:
    """The function disables the user, an administrator changes the user, a sign-in is recorded late: no enabling."""
    sub = expired(world)
    desk = world.desk()
    world.work(desk)
    item = {
        **world.item(sub),
        "claimed_at": {"N": str(time.time() - 9000)},
        "work_until": {"N": str(time.time() - 8700)},
    }
    world.dynamodb.put_item(TableName=TABLE, Item=item)
    world.track(world.activity(sub, "ann"))
    assert world.work(desk) == {"review": 1}
    assert not world.enabled("ann")
    assert world.trail(sub) == ["disabled", "review"]


def test_enabled_by_hand_and_signed_in_needs_nothing(world: World) -> None:
    sub = expired(world)
    desk = world.desk()
    world.work(desk)
    world.cognito.admin_enable_user(UserPoolId=world.pools[0], Username="ann")
    world.track(world.activity(sub, "ann"))
    assert world.work(desk) == {"returned": 1}
    assert world.trail(sub) == ["disabled"]


def test_a_deleted_user_is_done(world: World) -> None:
    sub = expired(world)
    world.cognito.admin_delete_user(UserPoolId=world.pools[0], Username="ann")
    assert world.work(world.desk())["gone"] == 1
    assert world.trail(sub) == ["gone"]
    assert not world.item(sub)  # no record is left


@pytest.mark.parametrize("rules", [Rules(30, exempt_groups=frozenset({"g"})), Rules(30, 7)])
def test_a_deleted_user_is_done_where_it_is_asked_for_first(world: World, rules: Rules) -> None:
    sub = expired(world)
    world.cognito.admin_delete_user(UserPoolId=world.pools[0], Username="ann")
    assert world.work(world.desk(rules))["gone"] == 1
    assert not world.item(sub)


@pytest.mark.parametrize("by", ["name", "sub", "group"])
def test_the_exempt_are_looked_at_again_after_another_period(world: World, by: str) -> None:
    sub = expired(world)
    world.cognito.create_group(UserPoolId=world.pools[0], GroupName="break-glass")
    world.cognito.admin_add_user_to_group(UserPoolId=world.pools[0], Username="ann", GroupName="break-glass")
    rules = {
        "name": Rules(30, exempt_users=frozenset({"ann"})),
        "sub": Rules(30, exempt_users=frozenset({sub})),
        "group": Rules(30, exempt_groups=frozenset({"break-glass"})),
    }[by]
    assert world.work(world.desk(rules))["exempt"] == 1
    assert world.calls["AdminListGroupsForUser"] == (by == "group")
    assert int(world.item(sub)["ttl"]["N"]) >= time.time() + 30 * items.DAY - 5
    world.expire(sub)
    world.work(world.desk(rules))
    assert (world.enabled("ann"), world.trail(sub)) == (True, ["exempt"])  # noted once
    world.expire(sub)
    assert world.work(world.desk())["disabled"] == 1  # the exemption was lifted


def test_other_groups_do_not_exempt(world: World) -> None:
    expired(world)
    assert world.work(world.desk(Rules(30, exempt_groups=frozenset({"break-glass"}))))["disabled"] == 1


def test_warns_first_with_the_full_notice_and_then_disables(world: World) -> None:
    sub, mailbox = expired(world), Mailbox()
    desk = world.desk(Rules(30, 7), notice=notice(mailbox))
    assert world.work(desk)["warned"] == 1
    assert world.enabled("ann")
    left = int(world.item(sub)["ttl"]["N"]) - time.time()
    assert left >= 7 * items.DAY - 5
    date = datetime.datetime.fromtimestamp(int(world.item(sub)["ttl"]["N"]), datetime.UTC).date().isoformat()
    assert mailbox.sent == [
        {
            "FromEmailAddress": "accounts@example.com",
            "Destination": {"ToAddresses": ["ann@example.org"]},
            "Content": {
                "Simple": {
                    "Subject": {"Data": f"Until {date}", "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": f"Sign in by {date}.", "Charset": "UTF-8"}},
                }
            },
        }
    ]
    world.expire(sub)
    assert world.work(desk)["disabled"] == 1
    assert (len(mailbox.sent), world.trail(sub)) == (1, ["warned", "disabled"])


def test_a_warning_goes_with_the_configuration_set_that_is_named(world: World) -> None:
    expired(world)
    mailbox = Mailbox()
    named = dataclasses.replace(notice(mailbox), configuration_set="notices")
    assert world.work(world.desk(Rules(30, 7), notice=named))["warned"] == 1
    assert [mail["ConfigurationSetName"] for mail in mailbox.sent] == ["notices"]


def test_a_warning_that_comes_late_moves_the_end(world: World) -> None:
    """Time to live may take days: the notice period is still as long as promised."""
    sub = world.user("ann")
    world.track(world.activity(sub, "ann", at=time.time() - 40 * items.DAY), 30, 7)
    world.expire(sub)
    world.work(world.desk(Rules(30, 7), notice=notice(Mailbox())))
    assert int(world.item(sub)["ttl"]["N"]) >= time.time() + 7 * items.DAY - 5


def test_who_signs_in_after_the_warning_begins_anew(world: World) -> None:
    sub = expired(world)
    desk = world.desk(Rules(30, 7), notice=notice(Mailbox()))
    world.work(desk)
    world.track(world.activity(sub, "ann"), 30, 7)
    world.expire(sub)
    assert world.work(desk)["warned"] == 1


def test_without_a_verified_address_it_is_counted_and_goes_on(world: World) -> None:
    sub, mailbox = expired(world, verified=False), Mailbox()
    assert world.work(world.desk(Rules(30, 7), notice=notice(mailbox)))["unreachable"] == 1
    assert (mailbox.sent, world.trail(sub)) == ([], ["unreachable"])


def test_a_warning_that_was_not_sent_is_not_taken_for_one(world: World) -> None:
    """The email fails after all retries and the claim expires: the user is warned, not disabled."""
    sub, mailbox = expired(world), Mailbox(RuntimeError("suspended"))
    desk = world.desk(Rules(30, 7), notice=notice(mailbox))
    with pytest.raises(AssertionError):
        world.work(desk)
    world.records.clear()  # given up
    world.expire(sub)
    assert world.work(desk)["warned"] == 1
    assert len(mailbox.sent) == 1


def test_a_dry_run_says_what_it_would_do_and_does_it_when_it_ends(world: World) -> None:
    sub, mailbox = expired(world), Mailbox()
    dry = world.desk(Rules(30, 7, dry_run=True), notice=notice(mailbox))
    for _ in range(3):
        world.work(dry)
        world.expire(sub)
    assert (world.enabled("ann"), mailbox.sent, world.trail(sub)) == (True, [], ["would_warn", "would_disable"])
    desk = world.desk(Rules(30, 7), notice=notice(mailbox))
    world.work(desk)
    assert len(mailbox.sent) == 1  # the dry run's warning does not count as one
    world.expire(sub)
    world.work(desk)
    assert (world.enabled("ann"), world.trail(sub)[2:]) == (False, ["warned", "disabled"])


@pytest.mark.parametrize("cut", ["PutItem", "AdminDisableUser", "AdminUserGlobalSignOut", "UpdateItem"])
def test_cut_off_anywhere_it_is_done_once_when_it_comes_again(world: World, cut: str) -> None:
    sub = expired(world)
    desk = world.desk()
    world.before = fail(cut)
    record = world.records[-1]
    from identity.inactive_users import stream
    from identity.inactive_users.errors import Transient, transient

    with pytest.raises(Transient), transient():
        stream.handle(record, desk, world.pools)
    assert world.work(desk)["disabled"] == 1
    assert (world.enabled("ann"), world.trail(sub), world.state(sub)) == (False, ["disabled"], items.DISABLED)


def test_a_record_that_comes_twice_costs_one_write(world: World) -> None:
    expired(world)
    desk = world.desk()
    record = world.records[-1]
    world.work(desk)
    world.calls.clear()
    world.records.append(record)
    assert world.work(desk) == {"duplicate": 1}
    assert world.calls == {"PutItem": 1}


def test_work_that_was_lost_for_good_starts_again_when_its_claim_expires(world: World) -> None:
    sub = expired(world)
    world.before = fail("AdminDisableUser", times=1)
    desk = world.desk()
    from identity.inactive_users import stream

    with pytest.raises(EndpointConnectionError):
        stream.handle(world.records[-1], desk, world.pools)
    world.records.clear()  # given up
    assert world.state(sub) == items.DISABLING
    assert int(world.item(sub)["ttl"]["N"]) <= time.time() + 3600
    world.expire(sub)
    assert world.work(desk)["disabled"] == 1


def test_a_preload_does_not_save_an_expired_user(world: World) -> None:
    sub = expired(world)
    world.track(world.activity(sub, "ann", items.PRELOAD, time.time() + 1))
    assert world.work(world.desk())["disabled"] == 1


def test_audit_entries_name_no_person_and_may_expire(world: World) -> None:
    sub = expired(world)
    desk = world.desk()
    desk.trail = Trail(desk.dynamodb, AUDIT, retention_days=10)
    world.work(desk)
    [entry] = world.dynamodb.scan(TableName=AUDIT)["Items"]
    assert set(entry) == {"sub", "event", "day", "userpool_id", "action", "last_seen", "last_seen_source", "ttl"}
    assert "ann" not in str(entry)
    assert entry["sub"]["S"] == sub
    assert 9.9 * items.DAY < int(entry["ttl"]["N"]) - time.time() <= 10 * items.DAY


def test_two_pools_are_two_users(world: World) -> None:
    """The same sub in two pools, as after an import, has two records."""
    one = world.activity("same", "ann")
    world.track(one)
    world.dynamodb.put_item(TableName=TABLE, Item={**items.tracked(one, 30, 0), "userpool_id": {"S": world.pools[1]}})
    assert world.item("same")
    assert world.item("same", 1)


def seen(world: World, days_ago: float, inactive_days: int, warning_days: int = 0, pool: int = 0) -> str:
    """Create a user who signed in some days ago and whose item, by the rules of that day, has expired."""
    sub = world.user("old", pool=pool)
    at = time.time() - days_ago * items.DAY
    world.track(world.activity(sub, "old", at=at, pool=pool), inactive_days, warning_days)
    assert world.expire(sub, pool)
    return sub


@pytest.mark.parametrize(
    ("rules", "days_ago", "then"),
    [
        pytest.param(Rules(90), 30, (30, 0), id="a longer period"),
        pytest.param(Rules(30), 23, (30, 7), id="the warning was switched off"),
        pytest.param(Rules(90, warning_days=7), 30, (30, 0), id="a longer period with a warning"),
    ],
)
def test_a_longer_period_counts_for_items_of_before(
    world: World, rules: Rules, days_ago: int, then: tuple[int, int]
) -> None:
    sub = seen(world, days_ago, *then)
    assert world.work(world.desk(rules)) == {"rescheduled": 1, "ignored": 1}
    assert world.enabled("old")
    item = world.item(sub)
    due = int(items.epoch(item["timestamp"]["S"])) + rules.inactive_days * items.DAY
    assert (item["state"]["S"], int(item["expires_at"]["N"])) == (items.ACTIVE, due)
    assert abs(int(item["ttl"]["N"]) - (due - rules.warning_days * items.DAY)) <= 1
    assert world.trail(sub) == []


def test_a_shorter_period_disables_at_the_end_of_the_old_one(world: World) -> None:
    sub = seen(world, 90, 90)
    assert world.work(world.desk(Rules(30)))["disabled"] == 1
    assert world.trail(sub) == ["disabled"]


def test_a_period_that_is_over_by_both_rules_is_over(world: World) -> None:
    seen(world, 100, 30)
    assert world.work(world.desk(Rules(90)))["disabled"] == 1


def test_a_warned_user_gets_the_longer_period_too(world: World) -> None:
    sub, mailbox = seen(world, 23, 30, 7), Mailbox()
    assert world.work(world.desk(Rules(30, warning_days=7), notice=notice(mailbox)))["warned"] == 1
    assert world.expire(sub)
    assert world.work(world.desk(Rules(90, warning_days=7), notice=notice(mailbox)))["rescheduled"] == 1
    assert world.enabled("old")
    assert world.state(sub) == items.ACTIVE


def test_each_pool_has_its_own_period(world: World) -> None:
    rules = Rules(30, days_by_pool={world.pools[1]: 90})
    seen(world, 30, 30, pool=1)
    assert world.work(world.desk(rules))["rescheduled"] == 1
    assert world.enabled("old", 1)
    seen(world, 30, 30)
    assert world.work(world.desk(rules))["disabled"] == 1
    assert not world.enabled("old")


@pytest.mark.parametrize("rules", [Rules(30), Rules(30, exempt_groups=frozenset({"x"})), Rules(30, warning_days=7)])
def test_a_deleted_pool_has_no_users_any_more(world: World, rules: Rules) -> None:
    sub = expired(world)
    world.cognito.delete_user_pool(UserPoolId=world.pools[0])
    assert world.work(world.desk(rules, notice=notice(Mailbox())))["gone"] == 1
    assert world.trail(sub) == ["gone"]
