"""Standards that are not READY are reported with the reason, and controls with their numbers of findings."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import observability
from posture.security_standards import check, controls
from posture.security_standards.errors import InvalidRequest
from tests.unit.local.services.test_securityhub import FSBP_ARN

from .conftest import CONTEXT, World, equals


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    made: list[tuple[str, int]] = []
    monkeypatch.setattr(observability, "count", lambda name, value: made.append((name, value)))
    return made


def call(**event: Any) -> dict[str, Any]:
    return check.handler(event, CONTEXT)


def test_ready(world: World, counted: list[tuple[str, int]]) -> None:
    assert call() == {"ready": ["fsbp"], "not_ready": []}
    assert counted == [("StandardsNotReady", 0)]
    assert dict(world.calls) == {"GetEnabledStandards": 1}


def test_without_a_recorder(world: World, counted: list[tuple[str, int]]) -> None:
    world.recorder.recorders["default"].status.recording = False
    answer = call()
    assert answer["ready"] == []
    (entry,) = answer["not_ready"]
    assert (entry["standard"], entry["status"]) == ("fsbp", "INCOMPLETE")
    assert "turn its recorder on" in entry["reason"]
    assert counted == [("StandardsNotReady", 1)]


def test_not_enabled(world: World, counted: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    cis = FSBP_ARN.replace("aws-foundational-security-best-practices/v/1.0.0", "cis-aws-foundations-benchmark/v/3.0.0")
    monkeypatch.setenv("STANDARDS", f'{{"fsbp": "{FSBP_ARN}", "cis-3.0.0": "{cis}"}}')
    answer = call()
    assert answer["ready"] == ["fsbp"]
    assert [(e["standard"], e["status"]) for e in answer["not_ready"]] == [("cis-3.0.0", "NOT_ENABLED")]


def test_hub_off(world: World, counted: list[tuple[str, int]]) -> None:
    world.hub.disable_security_hub()
    assert call()["not_ready"] == [{"standard": "fsbp", "status": "NOT_ENABLED", "reason": check.HUB_OFF}]
    assert counted == [("StandardsNotReady", 1)]


@pytest.mark.parametrize("status", ["PENDING", "DELETING", "FAILED", "INCOMPLETE"])
def test_every_status_but_ready_is_reported(status: str) -> None:
    (entry,) = check.judge({"fsbp": "arn"}, {"arn": {"StandardsStatus": status}})
    assert entry == {"standard": "fsbp", "status": status, "reason": check.STATUSES[status]}


@pytest.mark.parametrize("code", [*check.REASONS, "SOMETHING_NEW"])
def test_every_reason_is_reported(code: str) -> None:
    subscription = {"StandardsStatus": "INCOMPLETE", "StandardsStatusReason": {"StatusReasonCode": code}}
    (entry,) = check.judge({"fsbp": "arn"}, {"arn": subscription})
    assert entry["reason"] == check.REASONS.get(code, check.STATUSES["INCOMPLETE"])


def test_malformed_event(world: World) -> None:
    with pytest.raises(InvalidRequest):
        call(controls="yes")
    assert not world.calls


def test_controls(world: World, counted: list[tuple[str, int]]) -> None:
    off = {
        "StandardsArn": FSBP_ARN,
        "SecurityControlId": "ACM.1",
        "AssociationStatus": "DISABLED",
        "UpdatedReason": "no",
    }
    world.hub.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[off])
    for name, verdict in (("a", "FAILED"), ("b", "FAILED"), ("c", "PASSED"), ("d", "NOT_AVAILABLE")):
        world.check(name, verdict)
    world.by_hand("a", "SUPPRESSED")
    world.check("a", "PASSED", "S3.5")
    world.check("a", "FAILED", "S3.8")
    world.rule("all", {"ComplianceSecurityControlId": equals("S3.8")})
    world.check("a", "FAILED", "S3.8")
    world.calls.clear()
    found = {control["control"]: control for control in call(controls=True)["controls"]}
    assert dict(world.calls) == {
        "GetEnabledStandards": 1,
        "ListSecurityControlDefinitions": 1,
        "BatchGetStandardsControlAssociations": 1,
        "GetFindings": 1,
    }
    assert found["S3.2"]["findings"] == {"FAILED": 1, "NOT_AVAILABLE": 1, "PASSED": 1, "SUPPRESSED": 1}
    states = {name: found[name]["status"] for name in ("S3.2", "S3.5", "S3.8", "S3.3", "ACM.1")}
    assert states == {
        "S3.2": "FAILED",
        "S3.5": "PASSED",
        "S3.8": "UNKNOWN",  # All of its findings are suppressed.
        "S3.3": "NO_DATA",
        "ACM.1": "DISABLED",
    }
    assert found["ACM.1"]["disabled_reasons"] == {"fsbp": "no"}
    assert found["S3.2"]["standards"] == {"fsbp": "ENABLED"}
    assert "S3.14" not in found  # It is not in a requested standard.


def test_a_control_that_is_not_returned_is_listed_with_the_reason(
    world: World, counted: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that is silently short would pass for complete in an audit."""
    complete = [control["control"] for control in call(controls=True)["controls"]]
    read = world.hub.batch_get_standards_control_associations

    def some(**request: Any) -> Any:
        answer = read(**request)
        details = [each for each in answer["StandardsControlAssociationDetails"] if each["SecurityControlId"] != "S3.2"]
        unprocessed = {
            "StandardsControlAssociationId": {"SecurityControlId": "S3.2", "StandardsArn": FSBP_ARN},
            "ErrorCode": "INTERNAL_ERROR",
            "ErrorReason": "again",
        }
        return {**answer, "StandardsControlAssociationDetails": details, "UnprocessedAssociations": [unprocessed]}

    monkeypatch.setattr(world.hub, "batch_get_standards_control_associations", some)
    listed = {control["control"]: control for control in call(controls=True)["controls"]}
    assert list(listed) == complete
    assert listed["S3.2"]["standards"] == {"fsbp": "NOT_READ"}
    assert listed["S3.2"]["errors"] == {"fsbp": "INTERNAL_ERROR: again"}
    assert listed["S3.2"]["status"] == "NOT_READ"
    assert "errors" not in listed["S3.5"]
    world.check("a", "FAILED")
    assert {c["control"]: c["status"] for c in call(controls=True)["controls"]}["S3.2"] == "FAILED"


def test_an_event_that_is_no_object(world: World) -> None:
    with pytest.raises(InvalidRequest):
        check.handler([], CONTEXT)  # type: ignore[arg-type]


KINDS = ("PASSED", "FAILED", "WARNING", "NOT_AVAILABLE", "SUPPRESSED")


@given(st.dictionaries(st.sampled_from(KINDS), st.integers(0, 3)))
def test_status_by_its_definition(findings: dict[str, int]) -> None:
    status = controls.status(["ENABLED", "DISABLED"], findings)
    some = +Counter(findings)
    left = set(some) - {"SUPPRESSED"}
    assert (status == "NO_DATA") == (not some)
    assert (status == "FAILED") == ("FAILED" in some)
    assert (status == "PASSED") == (left == {"PASSED"})
    if some and not left:
        assert status == "UNKNOWN"
    assert controls.status(["DISABLED"], findings) == "DISABLED"
