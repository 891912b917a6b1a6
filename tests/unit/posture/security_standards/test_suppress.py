"""Findings agree with the suppressions, whatever existed before, and other suppressions stay unchanged."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common import propagation
from posture import security_hub
from posture.security_standards import suppress, suppression
from posture.security_standards.errors import InvalidRequest, NotRead, NotUpdated
from tests.unit.local.services.hub_case import asff, load

from .conftest import CONTEXT, OWNER, World, equals

PUBLIC_READ = {"ComplianceSecurityControlId": equals("S3.2")}


def call(**event: Any) -> dict[str, Any]:
    return suppress.handler(event, CONTEXT)


def test_findings_that_were_there_before_are_suppressed_with_the_reason(world: World) -> None:
    for number in range(230):
        world.check(f"b-{number}", "FAILED")
    world.check("fine", "PASSED")
    world.check("tls", "FAILED", "S3.5")
    world.by_hand("b-1", "NOTIFIED")
    world.by_hand("b-2", "RESOLVED")
    world.rule("all", PUBLIC_READ)
    world.calls.clear()
    assert call() == {"suppressed": 229, "released": 0, "expired": []}
    assert dict(world.calls) == {
        "ListAutomationRules": 1,
        "BatchGetAutomationRules": 1,
        "GetFindings": 3 + 1,  # A hundred per page, and those already suppressed.
        "BatchUpdateFindings": 3,
    }
    states = world.states()
    assert [name for name, state in states.items() if state != "SUPPRESSED"] == ["b-2", "fine"]
    assert world.states("S3.5") == {"tls": "NEW"}
    assert world.findings()["b-0"]["Note"]["Text"] == "because of all"
    world.calls.clear()
    assert call() == {"suppressed": 0, "released": 0, "expired": []}
    assert "BatchUpdateFindings" not in world.calls


def test_no_suppressions_cost_two_calls(world: World) -> None:
    world.check("a", "FAILED")
    world.calls.clear()
    assert call() == {"suppressed": 0, "released": 0, "expired": []}
    assert dict(world.calls) == {"ListAutomationRules": 1, "GetFindings": 1}


def test_removing_a_suppression_sets_its_findings_new(world: World) -> None:
    rule = world.rule("all", PUBLIC_READ)
    world.check("a", "FAILED")
    assert world.states() == {"a": "SUPPRESSED"}
    world.delete(rule)
    assert call()["released"] == 1
    found = world.findings()["a"]
    assert (found["Workflow"]["Status"], found["UserDefinedFields"]) == ("NEW", {suppression.BY: "nobody"})
    assert "suppression all ended" in found["Note"]["Text"]


def test_names_decide_while_terraform_has_the_rule_still(world: World) -> None:
    world.rule("gone", PUBLIC_READ)
    world.rule("stays", {"ComplianceSecurityControlId": equals("S3.5")})
    world.check("a", "FAILED")
    world.check("a", "FAILED", "S3.5")
    assert call(suppressions=["stays"]) == {"suppressed": 0, "released": 1, "expired": []}
    assert (world.states(), world.states("S3.5")) == ({"a": "NEW"}, {"a": "SUPPRESSED"})


def test_destroy_sets_everything_new(world: World) -> None:
    world.rule("all", PUBLIC_READ)
    world.check("a", "FAILED")
    assert call(suppressions=["all"], tf={"action": "delete"})["released"] == 1
    assert world.states() == {"a": "NEW"}
    world.hub.disable_security_hub()
    assert call(tf={"action": "delete"}) == {"suppressed": 0, "released": 0, "expired": []}
    with pytest.raises(world.hub.exceptions.InvalidAccessException):
        call()


def test_an_expired_suppression_releases_its_findings_and_covers_no_new_ones(world: World) -> None:
    world.rule("old", PUBLIC_READ, until="2026-01-31")
    world.check("a", "FAILED")  # Today.
    assert world.states() == {"a": "NEW"}
    marks = {suppression.BY: OWNER, suppression.NAME: "old", "Ticket": "1"}
    world.by_hand("a", "SUPPRESSED", UserDefinedFields=marks)  # As the rule did in January.
    assert call() == {"suppressed": 0, "released": 1, "expired": ["old"]}
    found = world.findings()["a"]
    assert (found["Workflow"]["Status"], found["UserDefinedFields"]) == (
        "NEW",
        {"Ticket": "1", suppression.BY: "nobody"},
    )
    assert call() == {"suppressed": 0, "released": 0, "expired": ["old"]}


def test_one_that_ends_later_holds(world: World) -> None:
    world.check("a", "FAILED")
    world.rule("later", PUBLIC_READ, until="2999-12-31")
    assert call() == {"suppressed": 1, "released": 0, "expired": []}


def test_narrower_criteria_release_the_other_findings(world: World) -> None:
    rule = world.rule("some", PUBLIC_READ)
    for name in ("a", "b"):
        world.check(name, "FAILED")
    world.delete(rule)
    world.rule("some", {**PUBLIC_READ, "ResourceId": equals("arn:aws:s3:::a")})
    assert call() == {"suppressed": 0, "released": 1, "expired": []}
    assert world.states() == {"a": "SUPPRESSED", "b": "NEW"}


def test_another_suppression_takes_over(world: World) -> None:
    first = world.rule("first", PUBLIC_READ)
    world.check("a", "FAILED")
    world.rule("second", {"ResourceId": equals("arn:aws:s3:::a")})
    assert call() == {"suppressed": 0, "released": 0, "expired": []}
    world.delete(first)
    assert call() == {"suppressed": 1, "released": 0, "expired": []}
    found = world.findings()["a"]
    assert (found["Workflow"]["Status"], found["Note"]["Text"]) == ("SUPPRESSED", "because of second")


def test_an_analysts_suppression_stays_unchanged(world: World) -> None:
    world.check("a", "FAILED")
    world.by_hand("a", "SUPPRESSED", Note={"Text": "mine", "UpdatedBy": "analyst"})
    rule = world.rule("all", PUBLIC_READ)
    assert call() == {"suppressed": 0, "released": 0, "expired": []}
    world.delete(rule)
    assert call() == {"suppressed": 0, "released": 0, "expired": []}
    found = world.findings()["a"]
    assert (found["Workflow"]["Status"], found["Note"]["Text"]) == ("SUPPRESSED", "mine")


def test_another_stacks_suppressions_are_its_own(world: World) -> None:
    rule = world.rule("all", PUBLIC_READ, owner="other")
    world.check("a", "FAILED")
    world.delete(rule)
    assert call() == {"suppressed": 0, "released": 0, "expired": []}
    assert world.states() == {"a": "SUPPRESSED"}


def test_rules_of_other_kinds_are_not_suppressions(world: World) -> None:
    world.passed_rule()
    assert suppress.suppressions(world.hub, OWNER) == []


def test_fields_of_others_stay(world: World) -> None:
    world.check("a", "FAILED")
    world.by_hand("a", "NEW", UserDefinedFields={"Ticket": "1"})
    world.rule("all", PUBLIC_READ)
    call()
    assert world.findings()["a"]["UserDefinedFields"]["Ticket"] == "1"


@pytest.mark.parametrize(
    "event",
    [{"suppressions": "all"}, {"suppressions": [1]}, {"suppressions": {"all": {}}}, {"tf": "x"}, {"tf": [1]}, [], "x"],
)
def test_a_malformed_event_changes_nothing(world: World, event: Any) -> None:
    world.rule("all", PUBLIC_READ)
    world.check("a", "FAILED")
    world.calls.clear()
    with pytest.raises(InvalidRequest):
        suppress.handler(event, CONTEXT)
    assert not world.calls


def test_what_is_not_updated_fails_the_call_and_is_done_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        world.check(name, "FAILED")
    world.rule("all", PUBLIC_READ)
    update, lost = world.hub.batch_update_findings, world.findings()["b"]["Id"]

    def some(**request: Any) -> Any:
        kept = [i for i in request["FindingIdentifiers"] if i["Id"] != lost]
        refused = [i for i in request["FindingIdentifiers"] if i["Id"] == lost]
        answer = update(**{**request, "FindingIdentifiers": kept})
        reasons = {"ErrorCode": "ConcurrentUpdateError", "ErrorMessage": "again"}
        return {**answer, "UnprocessedFindings": [{"FindingIdentifier": i, **reasons} for i in refused]}

    monkeypatch.setattr(world.hub, "batch_update_findings", some)
    with pytest.raises(NotUpdated, match=r"1 of 3 findings.*ConcurrentUpdateError"):
        call()
    assert world.states() == {"a": "SUPPRESSED", "b": "NEW", "c": "SUPPRESSED"}
    monkeypatch.setattr(world.hub, "batch_update_findings", update)
    assert call()["suppressed"] == 1


def test_findings_without_compliance_are_not_suppressed(world: World) -> None:
    bucket = [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::a"}]
    load(world.hub, asff(1, Resources=bucket))
    world.rule("bucket", {"ResourceId": equals("arn:aws:s3:::a")})
    assert call()["suppressed"] == 0


@pytest.mark.parametrize(("code", "released"), [(500, None), ("404", 1), (404, 1)])
def test_a_rule_that_is_not_returned_does_not_count_as_removed(
    world: World, monkeypatch: pytest.MonkeyPatch, code: Any, released: int | None
) -> None:
    """Its findings would become NEW, and cause alerts. A rule that is gone (404) has been removed."""
    world.rule("all", PUBLIC_READ)
    world.check("a", "FAILED")
    failed = [{"RuleArn": "arn", "ErrorCode": code, "ErrorMessage": "Internal error"}]
    answer = {"Rules": [], "UnprocessedAutomationRules": failed}
    monkeypatch.setattr(world.hub, "batch_get_automation_rules", lambda **_: answer)
    if released is None:
        with pytest.raises(NotRead, match=r"1 of 1 automation rules \(Internal error\)"):
            call()
        assert world.states() == {"a": "SUPPRESSED"}
    else:
        assert call()["released"] == released


@pytest.mark.parametrize(
    ("now", "holds"),
    [("2026-01-31T23:59:59.999+00:00", True), ("2026-01-31T23:59:59.500+00:00", True), ("2026-02-01T00:00:00Z", False)],
)
def test_a_suppression_holds_to_the_end_of_its_last_day(world: World, now: str, holds: bool) -> None:
    world.rule("old", PUBLIC_READ, until="2026-01-31")
    (found,) = suppress.suppressions(world.hub, OWNER)
    assert found.holds(datetime.fromisoformat(now)) is holds


def test_findings_are_not_kept_while_they_are_read(world: World) -> None:
    """With 3 KB and more for a finding, 28,000 of them filled the function's memory, and an apply failed."""
    alive: list[weakref.ref[Any]] = []
    most = 0

    def findings(first: int, count: int) -> Iterator[security_hub.Finding]:
        nonlocal most
        for number in range(first, first + count):
            made = security_hub.Finding.of(asff(number, Workflow={"Status": "NEW"}))
            alive.append(weakref.ref(made))
            most = max(most, sum(ref() is not None for ref in alive))
            yield made

    one = suppression.Suppression("all", "because", {})
    updates = suppression.plan(((one, found) for found in findings(0, 200)), findings(200, 200), OWNER)
    assert len(updates) == 400
    assert most <= 3


@pytest.mark.parametrize(("event", "times"), [({"suppressions": ["all"], "tf": {"action": "create"}}, 2), ({}, 1)])
def test_terraform_waits_until_iam_knows_the_policy(
    world: World, monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], times: int
) -> None:
    """A first apply calls the function a second after it has written the role's policy."""
    world.rule("all", PUBLIC_READ)
    world.check("a", "FAILED")
    world.by_hand("a", "NEW")
    refusals = [0]

    def denied(**_: Any) -> Any:
        refusals[0] += 1
        answer: Any = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
        raise ClientError(answer, "ListAutomationRules")

    clock = iter([0.0, 0.0, propagation.SECONDS])
    waiting = functools.partial(propagation.permitted, clock=lambda: next(clock), sleep=lambda _: None)
    monkeypatch.setattr(propagation, "permitted", waiting)
    monkeypatch.setattr(world.hub, "list_automation_rules", denied)
    with pytest.raises(ClientError, match="not authorized"):
        call(**event)
    assert refusals == [times]


def test_a_finding_that_cannot_be_read_does_not_stop_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        world.check(name, "FAILED")
    world.rule("all", PUBLIC_READ)
    real = security_hub.Finding.of

    def of(asff: dict[str, Any]) -> security_hub.Finding:
        if asff["Resources"][0]["Id"].endswith(":a"):
            raise security_hub.NotFindings("odd")
        return real(asff)

    monkeypatch.setattr(security_hub.Finding, "of", staticmethod(of))
    assert call()["suppressed"] == 1
    assert world.states() == {"a": "NEW", "b": "SUPPRESSED"}


def test_a_finding_that_is_gone_does_not_count(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.check("a", "FAILED")
    world.rule("all", PUBLIC_READ)
    gone = {"ErrorCode": "FindingNotFound", "ErrorMessage": "gone"}
    monkeypatch.setattr(
        world.hub,
        "batch_update_findings",
        lambda **r: {"UnprocessedFindings": [{"FindingIdentifier": each, **gone} for each in r["FindingIdentifiers"]]},
    )
    assert call() == {"suppressed": 0, "released": 0, "expired": []}
