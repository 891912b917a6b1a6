"""The results of the calls of each capability, and their times."""

from __future__ import annotations

from typing import Any

import pytest

from local.harness import report
from local.harness.principals import Actor, facts
from local.harness.report import Fault, Lane
from tests.unit.local.harness import page_sample as sample

EXPORT = Actor("switchyard-finding-export-function", "function", "posture/finding_export")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "call"),
        ({"status": 403}, "refused"),
        ({"status": 400, "error": "AccessDeniedException"}, "refused"),
        ({"status": 403, "error": "AuthorizationError"}, "refused"),
        ({"status": 404, "error": "NoSuchKey"}, "error"),
        ({"status": 400, "error": "AccessDeniedException", "fault": "error"}, "fault"),  # injected, not IAM's
        ({"status": 200, "fault": "reset"}, "fault"),
    ],
)
def test_what_came_of_a_call(fields: dict[str, Any], expected: str) -> None:
    assert report.verdict(sample.call(sample.session("machine"), "s3:GetObject", **fields)) == expected


def test_scenarios_side_by_side_keep_their_calls_apart() -> None:
    export, rotation = sample.demo().capabilities
    seen = [(e.actor.name, f"{e.service}:{e.operation}", e.calls, e.refused, e.faults, e.errors) for e in export.edges]
    assert seen == [
        ("switchyard-finding-export", "lambda:InvokeFunction", 1, 0, 0, 0),
        (EXPORT.name, "dynamodb:DeleteItem", 1, 1, 0, 0),
        (EXPORT.name, "s3:GetObject", 1, 0, 0, 1),
        (EXPORT.name, "s3:PutObject", 2, 0, 1, 0),
        (EXPORT.name, "securityhub:GetFindings", 33, 0, 3, 0),
    ]
    assert [(e.operation, e.calls, e.refused) for e in rotation.edges] == [("DescribeKey", 22, 1)]
    assert (rotation.elsewhen, export.elsewhen) == (1, 0)
    assert [(e.actor.name, e.operation, e.calls) for e in export.scenario] == [
        ("an AWS service", "Security Hub Findings - Imported", 1),
        ("the account's root", "StartExecution", 1),
    ]
    assert [(e.actor.name, e.operation, e.calls) for e in rotation.scenario] == [
        ("a client of the API", "POST", 3),
        ("a user, by token or password", "InitiateAuth", 1),
    ]


def test_every_call_is_somewhere() -> None:
    demo = sample.demo()
    scenario = sum(edge.calls for c in demo.capabilities for edge in c.scenario)
    events = sum(len(r.events) for r in sample.reports())
    assert (
        demo.total("calls") + scenario - events + sum(o.calls for o in demo.others) == demo.calls == len(sample.calls())
    )
    assert {o.who: o.calls for o in demo.others} == {
        "Terraform": 7,
        "the account's root": 1,
        "a user, by token or password": 1,
    }


def test_faults_by_kind_and_operation() -> None:
    export, rotation = sample.demo().capabilities
    assert export.faults == [
        Fault("reset", "s3", "PutObject", EXPORT, 1),
        Fault("throttle", "securityhub", "GetFindings", EXPORT, 3),
    ]
    assert rotation.faults == []


def test_functions_that_never_ran_are_named_too() -> None:
    export = sample.demo().capabilities[0]
    assert [(f.name, f.runs, f.failed, round(f.seconds, 1)) for f in export.functions] == [
        (EXPORT.name, 2, 1, 3.3),
        ("switchyard-finding-export-idle", 0, 0, 0.0),
    ]
    assert export.runs == 2


def test_the_timeline_begins_with_what_was_sent() -> None:
    export, rotation = sample.demo().capabilities
    assert [(lane.name, lane.kind, len(lane.bars), len(lane.moments)) for lane in export.lanes] == [
        ("scenario", "scenario", 0, 2),
        ("switchyard-finding-export", "state machine", 0, 1),
        (EXPORT.name, "function", 2, 37),
    ]
    run, failed = export.lanes[2].bars
    assert (round(run[0], 1), round(run[1], 1), run[2], failed[2]) == (0.6, 3.0, False, True)
    assert len(rotation.lanes[1].moments) == 21  # the one 90 s later is not drawn


def test_the_timeline_ends_with_the_last_part_of_a_scenario_that_waited() -> None:
    reports = sample.reports()
    reports[1].ended = sample.START + 95
    rotation = report.build(
        sample.calls(), reports, facts(sample.state(), sample.CAPABILITIES), sample.runs()
    ).capabilities[1]
    assert (rotation.seconds, rotation.span, rotation.elsewhen) == (5.0, 95.0, 0)


def test_runs_are_cut_at_the_ends_of_the_timeline() -> None:
    runs = [report.Run("f", 90, 20_000), report.Run("f", 100, 1_000), report.Run("f", 50, 1_000)]
    (lane,) = report.lanes([], runs, started=95, seconds=10)
    assert lane == Lane("f", "function", [(0.0, 10.0, False), (5.0, 6.0, False)])


def test_failed_checks_say_what_was_expected() -> None:
    export = sample.demo().capabilities[0]
    assert [(c.name, c.passed, c.expected, c.actual, c.at) for c in export.checks] == [
        ("exported", True, "4166", "4166", 4.0),
        ("notices", False, "['RUNNING', 'SUCCEEDED']", "['RUNNING']", 4.5),
    ]
    assert not export.passed
    assert not sample.demo().passed


def test_a_long_value_is_cut() -> None:
    reports = sample.reports()
    reports[0].check("long", "x" * 5000, "")
    known = facts(sample.state(), sample.CAPABILITIES)
    shown = report.build([], reports, known, []).capabilities[0].checks[-1]
    assert shown.actual.endswith("… (5,002 characters)")
    assert len(shown.actual) < 2100


def test_nothing_ran() -> None:
    demo = report.build([], [], facts({"resources": []}, []), [])
    assert (demo.capabilities, demo.others, demo.calls, demo.passed) == ([], [], 0, False)
