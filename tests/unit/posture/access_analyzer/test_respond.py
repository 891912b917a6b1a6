"""The function from the queue to the notice: once, in order or not, repeated or interrupted."""

from __future__ import annotations

import json

import pytest

from common.settings import SettingsError
from tests.unit.posture.access_analyzer.world import (
    OFF,
    ON,
    POLICY,
    Crash,
    World,
    event,
    found,
    nothing,
    refusal,
)

TELL = ["accessanalyzer.get_finding", "dynamodb.update_item", "sns.publish", "dynamodb.update_item"]


def test_reported_once_with_four_calls(world: World) -> None:
    world.analyzer.put(found())
    assert world.send(event()) == []
    assert world.told() == ["Public: data"]
    assert world.calls == TELL
    assert world.block() == OFF


def test_a_repeat_costs_two_calls_and_says_nothing(world: World) -> None:
    world.analyzer.put(found())
    world.send(event())
    world.calls.clear()
    assert world.send(event(), event(), event()) == []
    assert world.calls == ["accessanalyzer.get_finding", "dynamodb.update_item"]
    assert world.told() == ["Public: data"]


def test_a_late_event_is_about_what_is(world: World) -> None:
    world.shut_off()
    world.analyzer.put(found())
    world.analyzer.change(status="RESOLVED")
    assert world.send(event(status="ACTIVE")) == []
    assert (world.told(), world.block()) == ([], OFF)  # No notice was sent of it, and nothing is done.


def test_the_end_is_reported_of_reported_access(world: World) -> None:
    world.analyzer.put(found())
    world.send(event())
    world.analyzer.change(status="RESOLVED")
    world.send(event(status="RESOLVED"))
    world.analyzer.change(status="ACTIVE")
    world.send(event())
    assert world.told() == ["Public: data", "Resolved: Public: data", "Public: data"]


def test_archived_access_is_silent_from_beginning_to_end(world: World) -> None:
    world.shut_off()
    world.analyzer.put(found(status="ARCHIVED"))
    world.send(event(status="ARCHIVED"))
    world.analyzer.change(status="RESOLVED")
    world.send(event(status="RESOLVED"))
    assert (world.told(), world.block()) == ([], OFF)


def test_only_wanted_statuses(world: World) -> None:
    world.environment["STATUSES"] = '["RESOLVED"]'
    world.analyzer.put(found())
    assert world.send(event()) == []
    assert world.told() == []


def test_shut_off_is_reported_with_what_was_done(world: World) -> None:
    world.shut_off()
    world.analyzer.put(found())
    assert world.send(event()) == []
    assert world.block() == ON
    assert "Done:           Block Public Access of the bucket is on (before: " in world.notices()[0]["Message"]
    assert world.analyzer.scans == ["arn:aws:s3:::data"]
    assert world.calls == [
        "accessanalyzer.get_finding",
        "dynamodb.update_item",
        "s3.get_public_access_block",
        "dynamodb.update_item",
        "s3.put_public_access_block",
        "s3.get_public_access_block",
        "accessanalyzer.start_resource_scan",
        "sns.publish",
        "dynamodb.update_item",
    ]
    world.send(event(status="RESOLVED"))
    assert world.told() == ["Public: data", "Resolved: Public: data"]


def test_shut_off_is_reported_whatever_statuses_are_wanted(world: World) -> None:
    world.environment["STATUSES"] = '["RESOLVED"]'
    world.shut_off()
    world.analyzer.put(found())
    world.send(event())
    assert world.told() == ["Public: data"]


def test_an_access_points_policy_is_removed(world: World) -> None:
    world.shut_off(cross_account_access_points=True)
    world.analyzer.put(found(source="point", public=False))
    assert world.send(event()) == []
    assert (world.policy(), world.block()) == (None, OFF)
    assert "is removed; it is kept in s3://evidence/" in world.notices()[0]["Message"]


def test_a_dry_run_only_says_so(world: World) -> None:
    world.shut_off(dry_run=True, cross_account_access_points=True)
    world.analyzer.put(found())
    world.analyzer.put(found("f2", source="point", public=False))
    assert world.send(event(), event("f2")) == []
    assert (world.block(), world.policy(), world.analyzer.scans) == (OFF, POLICY, [])
    texts = [notice["Message"] for notice in world.notices()]
    assert "Not done:       Dry run: Block Public Access of data would be turned on." in texts[0]
    assert "Dry run: The policy of arn:aws:s3:eu-west-1:123456789012:accesspoint/app would be removed." in texts[1]
    assert not [call for call in world.calls if call.startswith(("s3.", "s3control."))]


def test_exempt_access_is_reported_and_unchanged(world: World) -> None:
    world.shut_off()
    world.environment["EXEMPT"] = json.dumps({"bucket_names": ["data"]})
    world.analyzer.put(found())
    world.send(event())
    assert world.block() == OFF
    assert "Not done:       The bucket is exempt." in world.notices()[0]["Message"]


def test_other_resources_are_reported_and_unchanged(world: World) -> None:
    world.shut_off()
    world.analyzer.put(found(resourceType="AWS::IAM::Role", resource="arn:aws:iam::123456789012:role/r", sources=[]))
    assert world.send(event()) == []
    assert world.block() == OFF
    assert "Resources of type AWS::IAM::Role cannot be shut off." in world.notices()[0]["Message"]


def test_deleted_findings_are_ignored(world: World) -> None:
    assert world.send(event("gone"), event("f1", isDeleted=True)) == []
    assert world.told() == []


def test_what_is_no_finding_fails_and_changes_nothing(world: World) -> None:
    world.shut_off()
    world.analyzer.put(found())
    others = [event(analyzer="arn:aws:access-analyzer:eu-west-1:1:analyzer/x"), "{}", "nonsense"]
    assert world.send(*others) == ["0", "1", "2"]
    assert (world.calls, world.block()) == ([], OFF)


def test_one_that_fails_does_not_hold_up_the_others(world: World) -> None:
    def refuse(name: str) -> None:
        if name == "sns.publish" and world.calls.count(name) == 1:
            raise refusal("InternalError", status=500)

    world.before = refuse
    world.analyzer.put(found("f1"))
    world.analyzer.put(found("f2"))
    assert world.send(event("f1"), "{}", event("f2")) == ["1", "0"]
    world.before = nothing
    assert world.send(event("f1")) == []
    assert world.told() == ["Public: data", "Public: data"]


def test_a_refused_shut_off_is_reported_once_and_retried_until_it_is_done(world: World) -> None:
    def refuse(name: str) -> None:
        if name == "s3.put_public_access_block":
            raise refusal("AccessDenied")

    world.shut_off()
    world.analyzer.put(found())
    world.before = refuse
    assert world.send(event()) == ["0"]
    assert world.send(event()) == ["0"]
    assert len(world.notices()) == 1
    refused = world.notices()[0]["Message"]
    assert "Not done:       Denied while turning on Block Public Access of data: No. The function retries." in refused
    assert world.block() == OFF
    world.before = nothing
    assert world.send(event()) == []
    assert world.block() == ON
    assert "Done:           Block Public Access of the bucket is on" in world.notices()[1]["Message"]


def calls_of(world: World) -> list[str]:
    world.shut_off(cross_account_access_points=True)
    world.analyzer.put(found(source="point", public=False))
    assert world.send(event()) == []
    return list(world.calls)


def test_how_many_calls_a_removal_takes(world: World) -> None:
    assert len(calls_of(world)) == 10


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 11))
def test_cut_short_at_any_call(world: World, number: int, done: bool) -> None:
    """However a call ends, retries remove the policy, keep it, and report it once, or twice if the notice was sent."""

    def crash(name: str) -> None:
        if len(world.calls) == number:
            raise Crash(name)

    world.shut_off(cross_account_access_points=True)
    world.analyzer.put(found(source="point", public=False))
    setattr(world, "after" if done else "before", crash)
    assert world.send(event()) == ["0"]
    world.before = world.after = nothing
    world.wait(720)  # The queue's visibility timeout, longer than any lease.
    assert world.send(event()) == []
    world.send(event(status="RESOLVED"))
    assert world.send(event()) == []  # Late.
    assert world.policy() is None
    assert len(world.s3.list_objects_v2(Bucket="evidence")["Contents"]) == 1
    told = world.told()
    twice = (number, done) in ((9, True), (10, False))
    assert told == ["Shared outside: data with 222222222222"] * (1 + twice) + [
        "Resolved: Shared outside: data with 222222222222"
    ]
    first = world.notices()[0]["Message"]
    assert "Done:           The " in first or "An attempt was interrupted" in first


def test_a_process_that_dies_holds_its_lease_for_a_while(world: World) -> None:
    def die(name: str) -> None:
        if name == "dynamodb.update_item":
            raise Crash(name)

    world.analyzer.put(found())
    world.after = die
    assert world.send(event()) == ["0"]
    world.after = nothing
    assert world.send(event()) == ["0"]  # Another call may be working on it: SQS delivers it again.
    assert world.told() == []
    world.wait(60)
    assert world.send(event()) == []
    assert world.told() == ["Public: data"]


def test_a_call_waits_for_another_that_is_at_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(name: str) -> None:
        if name == "dynamodb.update_item":
            raise Crash(name)

    wait = world.wait

    def other_finishes(seconds: float) -> None:
        wait(seconds)
        world.dynamodb.update_item(
            TableName="findings",
            Key={"Id": {"S": "f1"}},
            UpdateExpression="SET #state = :reported",
            ExpressionAttributeNames={"#state": "State"},
            ExpressionAttributeValues={":reported": {"S": "told"}},
        )

    world.analyzer.put(found())
    world.after = die
    world.send(event())
    world.after = nothing
    monkeypatch.setattr(world, "wait", other_finishes)
    assert world.send(event()) == []
    assert world.told() == []


def test_the_environment_is_checked(world: World) -> None:
    world.environment["SHUT_OFF"] = '{"everything": true}'
    with pytest.raises(SettingsError):
        world.send(event())
    del world.environment["TOPIC_ARN"]
    with pytest.raises(SettingsError, match="TOPIC_ARN"):
        world.send(event())
