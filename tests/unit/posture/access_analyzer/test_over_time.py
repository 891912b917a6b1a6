"""Findings over time: settings that change, policies that the owner fixes, calls that fail after a change, sweeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from posture.access_analyzer.errors import NotSent
from tests.unit.posture.access_analyzer.world import (
    ACCOUNT,
    OFF,
    ON,
    OUTSIDER,
    POINT,
    POINT_ARN,
    SOURCES,
    World,
    event,
    found,
    nothing,
    refusal,
)

DONE = "Done:           Block Public Access of the bucket is on"


def refuse(world: World, operation: str, code: str = "AccessDenied", status: int = 400) -> None:
    """Refuse one operation from now on."""

    def before(name: str) -> None:
        if name == operation:
            raise refusal(code, status=status)

    world.before = before


def put_policy(world: World, *statements: dict[str, Any]) -> str:
    """Replace the access point's policy."""
    granted = {"Effect": "Allow", "Action": "s3:*", "Resource": f"{POINT_ARN}/object/*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [{**granted, **one} for one in statements]})
    world.control.put_access_point_policy(AccountId=ACCOUNT, Name=POINT, Policy=text)
    return text


# --- settings that change ---


@pytest.mark.parametrize("first", ["dry run", "notices only", "exempt"])
def test_what_was_seen_before_is_shut_off_once_the_settings_say_so(world: World, first: str) -> None:
    world.analyzer.put(found())
    if first == "dry run":
        world.shut_off(dry_run=True)
    elif first == "exempt":
        world.shut_off()
        world.environment["EXEMPT"] = json.dumps({"bucket_names": ["data"]})
    world.send(event())
    world.environment.pop("EXEMPT", None)
    world.shut_off()
    assert world.send(event()) == []
    assert world.block() == ON
    assert DONE in world.notices()[1]["Message"]
    assert ("AccessShutOff", 1) in world.metrics
    world.send(event())  # The scan has resolved the finding.
    assert world.told() == ["Public: data", "Public: data", "Resolved: Public: data"]


def test_a_sweep_brings_what_no_event_reports(world: World) -> None:
    world.shut_off(dry_run=True)
    world.analyzer.put(found())
    assert world.day() == []
    assert (world.told(), world.block()) == (["Public: data"], OFF)
    assert world.day() == []
    assert world.told() == ["Public: data"]  # The same settings: nothing new.
    world.shut_off()
    assert world.day() == []
    assert world.block() == ON


def test_a_dry_run_that_begins_states_its_steps_for_known_findings(world: World) -> None:
    world.analyzer.put(found())
    world.send(event())
    world.shut_off(dry_run=True)
    world.send(event(), event())
    world.send(event())
    assert len(world.notices()) == 2
    assert "Dry run: Block Public Access of data would be turned on." in world.notices()[1]["Message"]


def test_steps_for_findings_that_are_not_reported_are_taken_and_reported(world: World) -> None:
    world.environment["STATUSES"] = '["RESOLVED"]'
    world.shut_off(dry_run=True)
    world.analyzer.put(found())
    world.send(event())
    assert world.told() == []
    world.shut_off()
    world.send(event())
    assert (world.told(), world.block()) == (["Public: data"], ON)


def test_settings_that_intend_less_cause_no_notice(world: World) -> None:
    world.shut_off(dry_run=True)
    world.analyzer.put(found())
    world.send(event())
    del world.environment["SHUT_OFF"]
    world.send(event())
    assert world.told() == ["Public: data"]


def test_access_that_is_opened_again_before_the_next_analysis_is_shut_off_on_the_next_day(world: World) -> None:
    world.shut_off()
    world.analyzer.resolve = False
    world.analyzer.put(found())
    world.send(event())
    world.s3.put_public_access_block(Bucket="data", PublicAccessBlockConfiguration=OFF)
    assert world.send(event()) == []
    assert world.block() == OFF  # The same version on the same day.
    assert world.day() == []
    assert world.block() == ON
    assert world.told() == ["Public: data", "Public: data"]
    assert world.day() == []
    assert len(world.notices()) == 2  # It is shut off: nothing new.


def test_the_same_instant_with_other_access_is_news(world: World) -> None:
    world.analyzer.put(found(public=False))
    world.send(event())
    world.analyzer.put(found())
    world.send(event())
    assert world.told() == [f"Shared outside: data with {OUTSIDER}", "Public: data"]


# --- policies that the owner has changed ---

PUBLIC = {"Principal": "*"}
APP = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"}}


@pytest.mark.parametrize(
    "statement",
    [
        APP,
        {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Principal": {"AWS": "*"}, "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}}},
        {"Principal": "*", "Condition": {"StringEquals": {"AWS:SourceVpc": "vpc-1"}}},
        {"Principal": "*", "Effect": "Deny"},
    ],
    ids=["own role", "organization", "own roles by condition", "network", "denial"],
)
def test_a_policy_that_is_no_longer_public_stays(world: World, statement: dict[str, Any]) -> None:
    world.shut_off(public_access_points="access_point")
    world.analyzer.resolve = False
    world.analyzer.put(found(source="point"))
    fixed = put_policy(world, statement)
    assert world.send(event()) == []
    assert world.policy() == fixed
    text = world.notices()[0]["Message"]
    assert (
        "Not done:       The policy of the access point app no longer grants this access: it was not removed." in text
    )
    assert "\nDone:" not in text
    assert "AccessShutOff" not in dict(world.metrics)
    assert world.analyzer.scans == ["arn:aws:s3:::data"]  # A new analysis resolves the finding, if it is fixed.


@pytest.mark.parametrize(
    "statement",
    [
        PUBLIC,
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["*"]}},
        {"NotPrincipal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}},
        {"Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
    ids=["everyone", "all of AWS", "a list", "all but one", "over TLS"],
)
def test_a_policy_that_is_public_is_removed(world: World, statement: dict[str, Any]) -> None:
    world.shut_off(public_access_points="access_point")
    world.analyzer.put(found(source="point"))
    put_policy(world, APP, statement)
    assert world.send(event()) == []
    assert (world.policy(), world.block()) == (None, OFF)
    assert ("AccessShutOff", 1) in world.metrics


ROLE, ROOT = f"arn:aws:iam::{OUTSIDER}:role/x", f"arn:aws:iam::{OUTSIDER}:root"


@pytest.mark.parametrize(
    ("principal", "granted", "removed"),
    [
        (ROLE, ROOT, True),  # The account's policy includes the role.
        (ROLE, OUTSIDER, True),
        (ROLE, ROLE, True),
        (OUTSIDER, ROOT, True),
        (ROOT, OUTSIDER, True),
        (OUTSIDER, "*", True),
        (OUTSIDER, ROLE, False),
        (ROLE, ROLE + "y", False),
        (ROLE, f"arn:aws:iam::{ACCOUNT}:root", False),
    ],
)
def test_the_principal_is_compared_not_searched(world: World, principal: str, granted: str, removed: bool) -> None:
    world.shut_off(cross_account_access_points=True)
    world.analyzer.put(found(source="point", public=False, principal={"AWS": principal}))
    put_policy(world, {"Principal": {"AWS": granted}})
    assert world.send(event()) == []
    assert (world.policy() is None) is removed
    assert ("\nDone:" in world.notices()[0]["Message"]) is removed
    assert (("AccessShutOff", 1) in world.metrics) is removed


@pytest.mark.parametrize(("now", "removed"), [("vpc-1", True), ("vpc-2", False)])
def test_the_findings_condition_is_compared(world: World, now: str, removed: bool) -> None:
    world.shut_off(cross_account_access_points=True)
    world.analyzer.put(found(source="point", public=False, condition={"aws:SourceVpc": "vpc-1"}))
    put_policy(world, {"Principal": {"AWS": ROOT}, "Condition": {"StringEquals": {"aws:SourceVpc": now}}})
    world.send(event())
    assert (world.policy() is None) is removed


def test_access_that_is_still_found_a_day_later_raises_the_alarm(world: World) -> None:
    world.shut_off(cross_account_access_points=True)
    world.analyzer.resolve = False
    world.analyzer.put(found(source="point", public=False, principal={"AWS": ROLE}))
    put_policy(world, APP)
    world.send(event())
    assert "ShutOffsFailed" not in dict(world.metrics)
    world.day()
    assert ("ShutOffsFailed", 1) in world.metrics
    assert len(world.notices()) == 1


def test_a_policy_that_cannot_be_read_is_reported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.control, "get_access_point_policy", lambda **_: {"Policy": "[]"})
    world.shut_off(cross_account_access_points=True)
    world.analyzer.put(found(source="point", public=False))
    assert world.send(event()) == ["0"]
    assert "cannot be read: remove the grant by hand. The function retries." in world.notices()[0]["Message"]


# --- calls that fail after a change ---


@pytest.mark.parametrize(("code", "status"), [("AccessDeniedException", 403), ("ThrottlingException", 429), ("X", 500)])
def test_a_scan_that_is_refused_does_not_hide_what_was_done(world: World, code: str, status: int) -> None:
    world.shut_off()
    world.analyzer.put(found())
    refuse(world, "accessanalyzer.start_resource_scan", code, status)
    assert world.send(event()) == []
    text = world.notices()[0]["Message"]
    assert DONE in text
    assert f"Not done:       A new scan could not be started ({code})" in text


def test_a_failed_step_is_reported_with_what_another_step_did(world: World) -> None:
    world.shut_off(public_access_points="access_point")
    world.analyzer.put(found(sources=[SOURCES["policy"], SOURCES["point"]]))
    put_policy(world, PUBLIC)
    refuse(world, "s3control.delete_access_point_policy")
    assert world.send(event()) == ["0"]
    text = world.notices()[0]["Message"]
    assert DONE in text
    assert "Not done:       Denied while removing the policy of the access point app: No. The function retries." in text
    assert ("ShutOffsFailed", 1) in world.metrics
    world.before = nothing
    assert world.send(event()) == []
    text = world.notices()[1]["Message"]
    assert "(before: BlockPublicPolicy)" in text  # Of the first attempt.
    assert "is removed; it is kept" in text


def test_a_failed_step_does_not_keep_the_next_from_being_taken(world: World) -> None:
    world.shut_off(public_access_points="access_point")
    world.analyzer.put(found(sources=[SOURCES["policy"], SOURCES["point"]]))
    put_policy(world, PUBLIC)
    refuse(world, "s3.put_public_access_block")
    assert world.send(event()) == ["0"]
    assert world.policy() is None
    text = world.notices()[0]["Message"]
    assert "Done:           The policy of the access point app is removed" in text
    assert DONE not in text  # It was begun, and refused.


def test_a_change_is_reported_though_reading_back_was_throttled(world: World) -> None:
    """The settings from before the change are those of the first attempt."""

    def throttle(name: str) -> None:
        if name == "s3.get_public_access_block" and "s3.put_public_access_block" in world.calls:
            raise refusal("SlowDown", status=503)

    world.shut_off()
    world.analyzer.put(found())
    world.before = throttle
    assert world.send(event()) == ["0"]
    assert world.told() == []
    world.before = nothing
    assert world.send(event()) == []
    assert f"{DONE} (before: BlockPublicPolicy)." in world.notices()[0]["Message"]
    assert ("AccessShutOff", 1) in world.metrics


@pytest.mark.parametrize("undone", [False, True])
@pytest.mark.parametrize("source", ["policy", "point"])
def test_what_was_done_is_reported_though_the_finding_is_resolved_by_then(
    world: World, source: str, undone: bool
) -> None:
    world.shut_off(public_access_points="access_point")
    world.analyzer.put(found(source=source))
    before = put_policy(world, PUBLIC)
    refuse(world, "sns.publish", "AuthorizationError", 403)
    assert world.send(event()) == ["0"]
    world.before = nothing
    if undone:
        world.s3.put_public_access_block(Bucket="data", PublicAccessBlockConfiguration=OFF)
        world.control.put_access_point_policy(AccountId=ACCOUNT, Name=POINT, Policy=before)
    assert world.send(event()) == []
    text = world.notices()[0]["Message"]
    assert ("\nDone: " in text, "\nBegun: " in text) == (not undone, undone)
    assert ("An attempt was interrupted" in text) is undone
    assert (world.block() == OFF) is (undone or source == "point")  # Looking back changes nothing.


def test_what_can_no_longer_be_read_is_reported_as_begun(world: World) -> None:
    world.shut_off()
    world.analyzer.put(found())
    refuse(world, "sns.publish", "AuthorizationError", 403)
    world.send(event())
    del world.environment["SHUT_OFF"]
    refuse(world, "s3.get_public_access_block", "AccessDenied", 403)
    assert world.send(event()) == []
    assert "Begun:          Block Public Access of the bucket is on" in world.notices()[0]["Message"]


def test_shut_off_already_is_not_counted_as_done(world: World) -> None:
    world.shut_off()
    world.analyzer.put(found())
    world.s3.put_public_access_block(Bucket="data", PublicAccessBlockConfiguration=ON)
    assert world.send(event()) == []
    text = world.notices()[0]["Message"]
    assert "Not needed:     Block Public Access of the bucket was already on." in text
    assert "\nDone:" not in text
    assert world.metrics == [("FindingsTold", 1)]


def test_a_refusal_raises_the_alarms_metric(world: World) -> None:
    world.shut_off()
    world.analyzer.put(found())
    refuse(world, "s3.put_public_access_block")
    world.send(event())
    assert world.metrics == [("FindingsTold", 1), ("ShutOffsFailed", 1)]


def test_after_an_interrupted_version_the_next_one_is_handled_too(world: World) -> None:
    world.analyzer.put(found())
    refuse(world, "sns.publish", "InternalError", 500)
    assert world.send(event()) == ["0"]
    world.before = nothing
    world.analyzer.change(status="RESOLVED")
    assert world.send(event()) == []
    assert world.told() == ["Public: data", "Resolved: Public: data"]


# --- which statuses are reported ---


def test_only_the_end_is_reported_if_only_that_is_wanted(world: World) -> None:
    world.environment["STATUSES"] = '["RESOLVED"]'
    world.analyzer.put(found())
    world.send(event())
    assert world.told() == []
    world.analyzer.change(status="RESOLVED")
    world.send(event(status="RESOLVED"))
    assert world.told() == ["Resolved: Public: data"]


def test_active_findings_are_reported_once_they_are_wanted(world: World) -> None:
    world.environment["STATUSES"] = '["RESOLVED"]'
    world.analyzer.put(found())
    world.send(event())
    world.environment["STATUSES"] = '["ACTIVE", "RESOLVED"]'
    assert world.day() == []
    assert world.told() == ["Public: data"]
    world.day()
    world.environment["STATUSES"] = '["RESOLVED"]'
    world.day()
    assert world.told() == ["Public: data"]


def test_the_end_is_reported_of_access_whose_beginning_no_event_reported(world: World) -> None:
    world.environment["STATUSES"] = '["RESOLVED"]'
    world.analyzer.put(found(status="RESOLVED"))
    world.send(event(status="RESOLVED"))
    assert world.told() == ["Resolved: Public: data"]


def test_the_end_of_archived_access_is_not_reported(world: World) -> None:
    world.environment["STATUSES"] = '["RESOLVED"]'
    world.analyzer.put(found(status="ARCHIVED"))
    world.send(event(status="ARCHIVED"))
    world.analyzer.change(status="RESOLVED")
    world.send(event(status="RESOLVED"))
    assert world.told() == []


def test_archived_and_resolved_access_is_reported(world: World) -> None:
    world.environment["STATUSES"] = '["ARCHIVED", "RESOLVED"]'
    world.analyzer.put(found())
    world.send(event())
    world.analyzer.change(status="ARCHIVED")
    world.send(event(status="ARCHIVED"))
    world.analyzer.change(status="RESOLVED")
    world.send(event(status="RESOLVED"))
    assert world.told() == ["Archived: Public: data", "Resolved: Public: data"]


# --- findings that no event reports ---


def test_a_sweep_finds_what_ended_or_was_deleted_without_an_event(world: World) -> None:
    for name in ("f1", "f2", "f3"):
        world.analyzer.put(found(name))
    world.send(event("f1"), event("f2"), event("f3"))
    world.analyzer.change("f1", status="RESOLVED")
    del world.analyzer.findings["f2"]
    assert world.sweep() == {"listed": 1, "recorded": 2, "sent": 3}
    assert world.send(*world.queued()) == []
    assert world.told()[3:] == ["Resolved: Public: data"]
    assert "ExpiresAt" in world.item("f2")
    assert "ExpiresAt" not in world.item("f3")
    assert world.sweep() == {"listed": 1, "recorded": 0, "sent": 1}


def test_the_event_of_a_deleted_finding_lets_its_item_expire(world: World) -> None:
    world.analyzer.put(found())
    world.send(event())
    del world.analyzer.findings["f1"]
    assert world.send(event(isDeleted=True)) == []
    assert "ExpiresAt" in world.item()


def test_a_sweep_lists_what_can_cause_a_notice(world: World) -> None:
    world.analyzer.put(found("f1"))
    world.analyzer.put(found("f2", status="ARCHIVED"))
    world.analyzer.put(found("f3", status="RESOLVED"))
    world.analyzer.put(found("f4", resourceType="AWS::IAM::Role"))
    assert world.sweep()["listed"] == 2
    world.environment["STATUSES"] = '["ACTIVE", "ARCHIVED"]'
    world.environment["RESOURCE_TYPES"] = '["AWS::S3::Bucket"]'
    assert world.sweep()["listed"] == 2
    assert [asked["filter"]["status"]["eq"] for asked in world.analyzer.listed] == [["ACTIVE"], ["ACTIVE", "ARCHIVED"]]
    assert world.metrics == [("FindingsSwept", 2), ("FindingsSwept", 2)]


def test_messages_that_the_queue_does_not_accept_fail_the_sweep(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        world.analyzer.put(found(f"f{number}"))
    accept = world.sqs.send_message_batch

    def partly(**given: Any) -> Any:
        answer = accept(**{**given, "Entries": given["Entries"][1:]}) if len(given["Entries"]) > 1 else {}
        return {**answer, "Failed": [{"Id": given["Entries"][0]["Id"], "Code": "InternalError", "SenderFault": False}]}

    monkeypatch.setattr(world.sqs, "send_message_batch", partly)
    with pytest.raises(NotSent, match="2 of 12 findings were not sent to the queue: InternalError"):
        world.sweep()
    assert len(world.queued()) == 10  # All others are.


# --- many at once ---


def test_two_hundred_findings_make_a_few_digests(world: World) -> None:
    for number in range(60):
        world.analyzer.put(found(f"f{number}"))
    bodies = [event(f"f{number}") for number in range(60)]
    assert world.send(*bodies) == []
    assert world.told() == ["40 findings in eu-west-1: 40 public", "20 findings in eu-west-1: 20 public"]
    assert ("FindingsTold", 60) in world.metrics
    assert world.send(*bodies) == []
    assert len(world.notices()) == 2


def test_a_digest_that_is_not_sent_is_sent_again(world: World) -> None:
    for number in range(7):
        world.analyzer.put(found(f"f{number}"))
    bodies = [event(f"f{number}") for number in range(7)]
    refuse(world, "sns.publish", "InternalError", 500)
    assert world.send(*bodies) == [str(number) for number in range(7)]
    world.before = nothing
    assert world.send(*bodies) == []
    (digest,) = world.notices()
    assert digest["Message"].count("=== Public: data") == 7


def test_a_finding_that_cannot_be_marked_does_not_send_the_others_again(world: World) -> None:
    """Another call can claim a finding between a write and its repetition, after the response was lost."""
    for number in range(7):
        world.analyzer.put(found(f"f{number}"))
    published = 0

    def lose(name: str) -> None:
        nonlocal published
        published += name == "sns.publish" or bool(published)
        if published == 2:  # The first write after the digest.
            raise refusal("InternalServerError", status=500)

    world.before = lose
    bodies = [event(f"f{number}") for number in range(7)]
    assert world.send(*bodies) == ["0"]
    world.before = nothing
    assert world.send(*bodies) == []
    assert world.told() == ["7 findings in eu-west-1: 7 public", "Public: data"]


def test_a_digest_says_what_was_done_and_what_was_refused(world: World) -> None:
    world.shut_off()
    world.analyzer.resolve = False
    for number in range(6):
        world.analyzer.put(found(f"f{number}"))
    refuse(world, "s3.put_public_access_block")
    assert len(world.send(*[event(f"f{number}") for number in range(6)])) == 6
    (digest,) = world.notices()
    assert digest["Subject"] == "6 findings in eu-west-1: 6 public"
    assert digest["Message"].count("Denied while turning on Block Public Access") == 6


def test_findings_that_a_call_has_no_time_for_are_left_to_the_next(world: World) -> None:
    world.analyzer.put(found())
    world.remaining = 20_000
    assert world.send(event(), event("f2")) == ["0", "1"]
    assert world.calls == []
