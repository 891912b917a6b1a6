"""What a capability's scenario is made of. One module per capability in `scenarios/<domain>/`.

A scenario module has `variables` (the root variables that switch its capability on), optional
`prepare(stack)` (before `terraform apply`: what exists in an account before this stack does; it may return root
variables that name it) and `run(stack, report)`: send the capability its real events and read the effects back from
the services. `seconds` is about how long that and its other tests in tests/e2e take, when more than 20.
`tour = True` makes it the one of its domain that `make demo` shows when no capability is named.
"""

from __future__ import annotations

import dataclasses
import importlib
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeVar

from local.harness.cloud import Cloud, LocalCloudError
from local.settings import ROOT

T = TypeVar("T")
SCENARIOS = ROOT / "scenarios"


@dataclasses.dataclass
class Check:
    """One effect that was read back; passed when actual equals expected."""

    name: str
    expected: Any
    actual: Any
    at: float = dataclasses.field(default_factory=time.time)

    @property
    def passed(self) -> bool:
        """Whether the effect is the expected one."""
        return bool(self.expected == self.actual)


@dataclasses.dataclass
class Report:
    """What one scenario sent and saw; `started` and `ended` are Unix seconds, and it may have waited in between.

    `events` is what it sent other than by calls of AWS's APIs (`Cloud.sent`).
    """

    capability: str
    sent: str = ""
    checks: list[Check] = dataclasses.field(default_factory=list)
    functions: int = 0
    seconds: float = 0.0
    started: float = dataclasses.field(default_factory=time.time)
    ended: float = 0.0
    events: list[tuple[float, str, str]] = dataclasses.field(default_factory=list)
    error: str = ""

    def check(self, name: str, actual: Any, expected: Any = True) -> None:
        """Note an effect; a scenario goes on after a failed one, so that the table shows them all."""
        self.checks.append(Check(name, expected, actual))

    @property
    def passed(self) -> bool:
        """Whether it ran to its end with at least one check and none failed."""
        return not self.error and bool(self.checks) and all(c.passed for c in self.checks)


@dataclasses.dataclass
class Stack:
    """A deployed stack: the cloud it runs in and the capability's Terraform outputs."""

    cloud: Cloud
    outputs: dict[str, Any]

    def client(self, service: str, **options: Any) -> Any:
        """boto3 client as the account's root."""
        return self.cloud.client(service, **options)

    def logged(self, function_name: str) -> list[str]:
        """What a function has logged, oldest first."""
        pages = (
            self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function_name}")
        )
        return [event["message"] for page in pages for event in page["events"]]


def wait_until(what: str, probe: Callable[[], T], seconds: float = 60.0, every: float = 0.2) -> T:
    """The first truthy answer of *probe*; LocalCloudError naming *what* when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > deadline:
            raise LocalCloudError(f"Waited {seconds:g} s in vain for {what}.")
        time.sleep(every)
    return answer


def prepare(modules: dict[str, ModuleType], cloud: Cloud) -> dict[str, Any]:
    """Run every `prepare`; the root variables that they return, which depend on what they made."""
    variables: dict[str, Any] = {}
    for module in modules.values():
        if make := getattr(module, "prepare", None):
            variables |= make(Stack(cloud, {})) or {}
    return variables


def names() -> list[str]:
    """Return `<domain>/<capability>` of every scenario, in the order of names."""
    return sorted(f"{p.parent.name}/{p.stem}" for p in SCENARIOS.glob("*/*.py") if p.stem != "__init__")


def find(wanted: Sequence[str] = ()) -> dict[str, ModuleType]:
    """Return scenario modules by `<domain>/<capability>`: those named, with or without their domain.

    No name or `all` stands for all. LocalCloudError lists the right names when one is wrong.
    """
    known, asked = names(), set(wanted) - {"all"}
    unknown = asked - {form for name in known for form in (name, name.split("/")[1])}
    if unknown:
        raise LocalCloudError(f"No scenario for {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")
    chosen = known if "all" in wanted or not asked else [n for n in known if asked & {n, n.split("/")[1]}]
    return {name: importlib.import_module(f"scenarios.{name.replace('/', '.')}") for name in chosen}


def tour() -> dict[str, ModuleType]:
    """Return the scenario modules that stand for their domains."""
    return {name: module for name, module in find().items() if getattr(module, "tour", False)}


def run(name: str, module: ModuleType, stack: Stack) -> Report:
    """Run one scenario; an exception becomes the report's error."""
    report = Report(name)
    try:
        module.run(stack, report)
    except Exception as error:  # the table shows it beside the other capabilities' results
        report.error = f"{type(error).__name__}: {error}"
    report.ended, report.events = time.time(), stack.cloud.sent
    report.seconds = report.ended - report.started
    report.functions = sum(c["operation"] == "InvokeFunction" for c in stack.cloud.calls(report.started))
    return report
