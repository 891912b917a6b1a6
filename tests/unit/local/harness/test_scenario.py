"""Scenarios: names and the tour, parallel runs, principals that a fault may name, and each capability's own calls."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud, LocalCloudError
from local.harness.scenario import Report, Stack
from local.settings import ACCOUNT_ID, REGION


def resource(kind: str, name: str, module: str = "", mode: str = "managed", region: str = REGION) -> dict[str, Any]:
    """Return a resource in Terraform's state."""
    arn = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{name}"
    if kind == "aws_iam_role":
        arn = f"arn:aws:iam::{ACCOUNT_ID}:role/{name}"
    attributes = {"name": name, "function_name": name, "arn": arn}
    return {"mode": mode, "module": module, "type": kind, "instances": [{"attributes": attributes}]}


EXPORT, CHAT = "module.finding_export[0].module.functions", "module.finding_chat"
STATE: dict[str, Any] = {
    "resources": [
        resource("aws_iam_role", "our-export-function", EXPORT),
        resource("aws_iam_role", "our-export-states", EXPORT),
        resource("aws_lambda_function", "our-export", EXPORT),
        resource("aws_lambda_function", "our-export-elsewhere", EXPORT, region="us-east-1"),
        resource("aws_iam_role", "our-chat-function", CHAT),
        resource("aws_lambda_function", "our-chat", CHAT),
        resource("aws_iam_role", "somebody-elses", CHAT, mode="data"),
        resource("aws_iam_role", "shared"),
    ]
}
OUTPUTS = {"finding_export": {"bucket": "b"}, "finding_chat": None}


class FakeCloud:
    """Keeps the faults that were set. Its functions have logged nothing."""

    port = 4566

    def __init__(self, port: int = 4566, agent: str = "") -> None:
        self.rules: list[Any] = []
        self.sent: list[Any] = []
        self.agent = agent

    @contextmanager
    def faults(self, *rules: Any, seed: int = 0) -> Iterator[None]:
        self.rules += [(seed, *rules)]
        yield

    def client(self, service: str) -> Any:
        return self

    def get_paginator(self, operation: str) -> Any:
        return self

    def paginate(self, logGroupName: str, startTime: int) -> Any:
        lines = ["START RequestId: 1", "START, as the function says", "END RequestId: 1", "START RequestId: 2"]
        return (
            [{"events": [{"message": f"{line}"} for line in lines]}] if logGroupName == "/aws/lambda/our-export" else []
        )


@pytest.fixture
def stack_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Stack]:
    monkeypatch.setattr(scenario, "Cloud", FakeCloud)
    return scenario.stacks(cast("Cloud", FakeCloud()), OUTPUTS, STATE)


def test_a_stack_knows_its_outputs_principals_and_functions(stack_of: Callable[[str], Stack]) -> None:
    export, chat, other = stack_of("finding_export"), stack_of("finding_chat"), stack_of("kms_rotation")
    assert (export.outputs, chat.outputs, other.outputs) == ({"bucket": "b"}, {}, {})
    assert (export.functions, chat.functions, other.functions) == (["our-export"], ["our-chat"], ())
    owners = {"our-export-function": "finding_export", "our-export-states": "finding_export"}
    assert export.principals == {**owners, "our-chat-function": "finding_chat", "shared": ""}
    assert export.cloud.agent == "scenario.finding_export"
    assert export.token != stack_of("finding_export").token
    assert (export.invocations(0), chat.invocations(0)) == (2, 0)


@pytest.mark.parametrize("principal", ["export", "our-export-function", "anonymous/customers"])
def test_a_fault_names_principals_of_its_own_capability(stack_of: Callable[[str], Stack], principal: str) -> None:
    stack = stack_of("finding_export")
    rule = {"principal": principal, "kind": "throttle"}
    with stack.faults(rule, seed=3):
        pass
    assert cast("FakeCloud", stack.cloud).rules == [(3, rule)]


@pytest.mark.parametrize(
    ("principal", "said"),
    [
        ("", "our-chat-function of finding_chat"),
        ("our-", "our-chat-function of finding_chat"),
        ("our-chat", "would hit our-chat-function of finding_chat"),
        ("misspelt", "would hit nothing"),
        ("shared", "would hit shared of the whole stack"),
    ],
)
def test_a_fault_that_would_hit_others_or_nothing_is_refused(
    stack_of: Callable[[str], Stack], principal: str, said: str
) -> None:
    stack = stack_of("finding_export")
    with pytest.raises(LocalCloudError, match=said), stack.faults({"principal": "export"}, {"principal": principal}):
        pass
    assert cast("FakeCloud", stack.cloud).rules == []


def module(**parts: Any) -> ModuleType:
    made = ModuleType("scenario")
    vars(made).update(parts)
    return made


def passing(stack: Stack, report: Report) -> None:
    report.check("it works", actual=True)


def test_scenarios_run_side_by_side_and_what_is_alone_afterwards(stack_of: Callable[[str], Stack]) -> None:
    both = threading.Barrier(2, timeout=30)
    running: list[str] = []
    ended: list[str] = []

    def meets(stack: Stack, report: Report) -> None:
        running.append(report.capability)
        both.wait()
        running.remove(report.capability)
        passing(stack, report)

    def alone(stack: Stack, report: Report) -> None:
        assert not running
        assert sorted(ended) == ["posture/a", "posture/slow"]
        assert stack.token in report.sent
        passing(stack, report)

    def first(stack: Stack, report: Report) -> None:
        report.sent = stack.token
        meets(stack, report)

    modules = {
        "posture/a": module(run=passing),
        "posture/b": module(run=first, alone=alone, seconds=90),
        "posture/slow": module(run=meets, seconds=100),
    }
    reports = scenario.run_all(modules, stack_of, workers=2, done=lambda report: ended.append(report.capability))
    assert [report.capability for report in reports] == list(modules)
    assert [len(report.checks) for report in reports] == [1, 2, 1]
    assert all(report.passed for report in reports), reports
    assert ended[-1] == "posture/b"


def test_a_scenario_that_fails_is_reported_and_the_others_go_on(stack_of: Callable[[str], Stack]) -> None:
    def fails(stack: Stack, report: Report) -> None:
        raise ValueError("no such thing")

    def never(stack: Stack, report: Report) -> None:
        raise AssertionError("the scenario had failed already")

    modules = {
        "posture/bad": module(run=fails, alone=never),
        "posture/worse": module(run=passing, alone=fails),
        "posture/finding_export": module(run=passing),
        "posture/empty": module(run=lambda stack, report: None),
    }
    bad, worse, good, empty = scenario.run_all(modules, stack_of)
    assert (bad.error, worse.error) == ("ValueError: no such thing",) * 2
    assert (bad.passed, worse.passed, good.passed, empty.passed) == (False, False, True, False)
    assert good.functions == 2


def test_one_scenario_runs_both_its_parts(stack_of: Callable[[str], Stack]) -> None:
    report = scenario.run("posture/a", module(run=passing, alone=passing), stack_of("a"))
    assert len(report.checks) == 2


def test_a_busy_machine_is_waited_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("local.harness.scenario.time.monotonic", lambda: now[0])
    monkeypatch.setattr("local.harness.scenario.time.sleep", lambda seconds: now.append(now.pop() + seconds))
    for load, expected in ((0.1, 10), (6, 30), (1000, 100)):
        now[0] = 0.0
        monkeypatch.setattr("os.getloadavg", lambda load=load: (load, 0, 0))
        monkeypatch.setattr("os.cpu_count", lambda: 2)
        with pytest.raises(LocalCloudError, match="Waited 10 s in vain for it"):
            scenario.wait_until("it", lambda: False, 10, every=1)
        assert expected < now[0] <= expected + 2


def test_the_tour_shows_one_capability_of_each_domain() -> None:
    shown = collections.Counter(name.split("/")[0] for name in scenario.tour())
    assert shown == {name.split("/")[0]: 1 for name in scenario.names()}


def test_a_scenario_of_the_tour_is_quick() -> None:
    """`seconds` is set for those that take more than 20, and the tour has three minutes for all."""
    assert [name for name, module in scenario.tour().items() if hasattr(module, "seconds")] == []


def test_capabilities_are_named_with_or_without_their_domain() -> None:
    assert list(scenario.find(["kms_rotation", "posture/finding_chat"])) == [
        "posture/finding_chat",
        "protection/kms_rotation",
    ]


@pytest.mark.parametrize("wanted", [[], ["all"], ["all", "kms_rotation"]])
def test_all_of_them(wanted: list[str]) -> None:
    assert list(scenario.find(wanted)) == scenario.names()


def test_unknown_names_are_refused_with_the_right_ones() -> None:
    with pytest.raises(LocalCloudError, match=r"No scenario for finding_chart, tour\. There are: apps/.*finding_chat"):
        scenario.find(["kms_rotation", "finding_chart", "tour"])
