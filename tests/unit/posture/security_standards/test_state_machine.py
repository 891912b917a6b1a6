"""The source's state machine, on Security Hub's rules and this capability's function together, in any order.

SUPPRESSED stays while the resource stays FAILED. FAILED -> PASSED gives a passed finding that is NEW. A control whose
findings are all suppressed is UNKNOWN. In addition: when a suppression is removed or ends, its findings become NEW, and
an analyst's suppressions stay unchanged.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from local.services.securityhub.models import securityhub_backends
from posture.security_standards import controls, suppress
from tests.unit.local.services.hub_case import ACCOUNT, REGION

from .conftest import CONTEXT, World, equals

BUCKETS = ("web-a", "web-b", "data")
NAMES = ("web", "data", "everything")
CRITERIA = {
    "web": {"ResourceId": [{"Value": "arn:aws:s3:::web-", "Comparison": "PREFIX"}]},
    "data": {"ResourceId": equals("arn:aws:s3:::data")},
    "everything": {"ComplianceSecurityControlId": equals("S3.2")},
}


def covers(name: str, bucket: str) -> bool:
    return {"web": bucket.startswith("web-"), "data": bucket == "data", "everything": True}[name]


class Findings(RuleBasedStateMachine):
    world: World  # set by the test

    @initialize()
    def begin(self) -> None:
        backend = securityhub_backends[ACCOUNT][REGION]
        backend.asff.clear()
        backend.customer_set.clear()
        backend.rules.clear()
        self.world.passed_rule()
        self.there: dict[str, str] = {}
        self.verdict: dict[str, str] = {}
        self.expected: dict[str, str] = {}
        """NEW, SUPPRESSED (by code), MINE (by an analyst), NOTIFIED or RESOLVED"""

    @rule(bucket=st.sampled_from(BUCKETS), verdict=st.sampled_from(["FAILED", "PASSED", "WARNING"]))
    def evaluate(self, bucket: str, verdict: str) -> None:
        self.world.check(bucket, verdict)
        before, was = self.expected.get(bucket, "NEW"), self.verdict.get(bucket)
        after = before
        if was == "PASSED" and verdict != "PASSED" and before in ("NOTIFIED", "RESOLVED"):
            after = "NEW"  # Security Hub resets it.
        if verdict == "PASSED":
            after = "NEW" if after == "SUPPRESSED" else after
        elif after in ("NEW", "NOTIFIED") and any(covers(name, bucket) for name in self.there):
            after = "SUPPRESSED"
        self.verdict[bucket], self.expected[bucket] = verdict, after

    @rule(name=st.sampled_from(NAMES))
    def add(self, name: str) -> None:
        if name not in self.there:
            self.there[name] = self.world.rule(name, CRITERIA[name])

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        if name in self.there:
            self.world.delete(self.there.pop(name))

    @rule(name=st.sampled_from(NAMES))
    def expire(self, name: str) -> None:
        """Let its end pass: the rule exists, and matches no finding that is updated from now on."""
        if name in self.there:
            self.world.delete(self.there.pop(name))
            self.world.rule(name, CRITERIA[name], until="2026-01-31")

    @precondition(lambda self: bool(self.expected))
    @rule(data=st.data(), status=st.sampled_from(["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"]))
    def analyst(self, data: st.DataObject, status: str) -> None:
        bucket = data.draw(st.sampled_from(sorted(self.expected)))
        if self.expected[bucket] == "SUPPRESSED":
            return  # Suppressed by code: an analyst's own mark looks the same.
        self.world.by_hand(bucket, status)
        self.expected[bucket] = "MINE" if status == "SUPPRESSED" else status

    @rule()
    def reconcile(self) -> None:
        suppress.handler({}, CONTEXT)
        for bucket, state in self.expected.items():
            wanted = self.verdict[bucket] != "PASSED" and any(covers(name, bucket) for name in self.there)
            if state == "SUPPRESSED" and not wanted:
                self.expected[bucket] = "NEW"
            if state in ("NEW", "NOTIFIED") and wanted:
                self.expected[bucket] = "SUPPRESSED"
        again = suppress.handler({}, CONTEXT)
        assert (again["suppressed"], again["released"]) == (0, 0)

    @invariant()
    def findings_are_as_expected(self) -> None:
        if not hasattr(self, "expected"):
            return
        found = self.world.findings()
        told = {"MINE": "SUPPRESSED"}
        assert {b: f["Workflow"]["Status"] for b, f in found.items()} == {
            bucket: told.get(state, state) for bucket, state in self.expected.items()
        }
        states = {f["Workflow"]["Status"] for f in found.values()}
        counts = dict(controls.counted(found.values()).get("S3.2", {}))
        if states == {"SUPPRESSED"}:
            assert controls.status(["ENABLED"], counts) == "UNKNOWN"


def test_any_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Findings, "world", world, raising=False)
    run_state_machine_as_test(
        Findings,
        settings=settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=[*HealthCheck]),
    )
