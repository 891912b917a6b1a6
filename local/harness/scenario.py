"""The parts of a capability's scenario. There is one module per capability in `scenarios/<domain>/`.

A scenario module has `variables` (the root variables that switch its capability on), optional
`prepare(stack)` (before `terraform apply`: it makes what an account has before this stack, and may return root
variables that name it) and `run(stack, report)`: send the capability its real events and read the effects back from
the services. `seconds` is about how long that takes, if not 20; `test_seconds` how long its tests in tests/e2e take.
A file `<capability>.tf` next to the module becomes part of the stack's root (modules for other accounts, with providers
of their own), and `<capability>_override.tf` gives the capability what comes from them.
`tour = True` makes it the one of its domain that `make demo` shows when no capability is named.

The scenarios of one stack run side by side, in one account: each counts and changes only its own resources, by
principal, name and time, and injects its faults with `stack.faults`. What would disturb the others, such as a change to
the key or the recorder that they share, goes into `alone(stack, report)`, which runs when no other scenario does. Each
can run again on the same stack: names contain `stack.token`, or what was made is removed at the end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from local.harness.cloud import Cloud, LocalCloudError
from local.harness.principals import SCENARIO_AGENT, facts
from local.settings import REGION, ROOT, patience

T = TypeVar("T")
SCENARIOS = ROOT / "scenarios"
WORKERS = 4
"""Number of scenarios at once: mostly they wait, but two cores share what they compute."""


@dataclasses.dataclass
class Check:
    """One effect that was read back. It passed if actual equals expected."""

    name: str
    expected: Any
    actual: Any
    at: float = dataclasses.field(default_factory=time.time)

    @property
    def passed(self) -> bool:
        """Return true if the effect is the expected one."""
        return bool(self.expected == self.actual)


@dataclasses.dataclass
class Report:
    """What one scenario sent and saw. `started` and `ended` are Unix seconds; it may have waited in between.

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
        """Note an effect. A scenario continues after a failed check, so that the table shows all checks."""
        self.checks.append(Check(name, expected, actual))

    @property
    def passed(self) -> bool:
        """Return true if it ran to its end with at least one check and no failed one."""
        return not self.error and bool(self.checks) and all(c.passed for c in self.checks)


@dataclasses.dataclass
class Stack:
    """A deployed stack: the cloud it runs in, the capability's Terraform outputs, its principals and functions.

    `principals` gives the capability of each role in the stack. `token` is different in each run.
    """

    cloud: Cloud
    outputs: dict[str, Any]
    capability: str = ""
    principals: Mapping[str, str] = dataclasses.field(default_factory=dict)
    functions: Sequence[str] = ()
    token: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex[:6])

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client as the account's root."""
        return self.cloud.client(service, **options)

    @contextlib.contextmanager
    def faults(self, *rules: dict[str, Any], seed: int = 0) -> Iterator[None]:
        """Inject faults into calls of this capability's principals alone (`Cloud.faults`). Refuse other principals."""
        for rule in rules:
            self._check_principal(str(rule.get("principal", "")))
        with self.cloud.faults(*rules, seed=seed):
            yield

    def _check_principal(self, named: str) -> None:
        if not self.principals or named.startswith("anonymous/"):  # `anonymous/` is followed by the user pool's name
            return
        hit = {owner: role for role, owner in self.principals.items() if named in role}
        if set(hit) != {self.capability}:
            others = ", ".join(f"{role} of {owner or 'the whole stack'}" for owner, role in hit.items()) or "nothing"
            raise LocalCloudError(f"A fault of {self.capability} for the principal {named!r} would hit {others}.")

    def logged(self, function_name: str, since: float = 0.0) -> list[str]:
        """Return what a function has logged since a Unix time, oldest first."""
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=f"/aws/lambda/{function_name}", startTime=int(since * 1000))
        )
        return [event["message"] for page in pages for event in page["events"]]

    def messages(self, queue_url: str) -> int:
        """Return the number of messages in a queue, also of those that are delayed or being handled."""
        names = [f"ApproximateNumberOfMessages{suffix}" for suffix in ("", "Delayed", "NotVisible")]
        found = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))

    def invocations(self, since: float) -> int:
        """Return how often the capability's functions have run since a Unix time, by their logs."""
        return sum(self._starts(name, since) for name in self.functions)

    def _starts(self, function_name: str, since: float) -> int:
        try:
            return sum(line.startswith("START RequestId") for line in self.logged(function_name, since))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return 0  # nothing has been logged


def stacks(cloud: Cloud, outputs: dict[str, Any], state: Mapping[str, Any]) -> Callable[[str], Stack]:
    """Return a function that gives the stack as a capability's scenario sees it; `state` is Terraform's."""
    known = facts(state, names())
    principals = {role.partition(":")[2]: actor.capability.rpartition("/")[2] for role, actor in known.actors.items()}
    functions: dict[str, list[str]] = {}
    for function in known.functions:
        if function.region == REGION:
            functions.setdefault(function.capability.rpartition("/")[2], []).append(function.name)

    def stack_of(name: str) -> Stack:
        driver = Cloud(cloud.port, agent=SCENARIO_AGENT + name)
        return Stack(driver, outputs.get(name) or {}, name, principals, functions.get(name, ()))

    return stack_of


def wait_until(what: str, probe: Callable[[], T], seconds: float = 60.0, every: float = 0.2) -> T:
    """Return the first truthy answer of `probe`. Raise LocalCloudError with `what` if there is none in time.

    `seconds` applies to an idle machine; a busy one gets more time. The longer it takes, the more seldom it asks, at
    last every two seconds: each question costs the time of what it waits for.
    """
    began = time.monotonic()
    while not (answer := probe()):
        waited = time.monotonic() - began
        if waited > seconds * patience():
            raise LocalCloudError(f"Waited {seconds:g} s in vain for {what}.")
        time.sleep(max(every, min(waited / 4, 2)))
    return answer


def prepare(modules: dict[str, ModuleType], cloud: Cloud) -> dict[str, Any]:
    """Run every `prepare`, side by side. Return the root variables that depend on what they created."""
    makes = [module.prepare for module in modules.values() if hasattr(module, "prepare")]
    variables: dict[str, Any] = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        for made in pool.map(lambda make: make(Stack(cloud, {})), makes):
            variables |= made or {}
    return variables


def names() -> list[str]:
    """Return `<domain>/<capability>` of every scenario, in the order of names."""
    return sorted(f"{p.parent.name}/{p.stem}" for p in SCENARIOS.glob("*/*.py") if p.stem != "__init__")


def find(wanted: Sequence[str] = ()) -> dict[str, ModuleType]:
    """Return scenario modules by `<domain>/<capability>`: those named, with or without their domain.

    No name or `all` stands for all. Raise LocalCloudError with the valid names if one is unknown.
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
    """Run one scenario. An exception becomes the report's error."""
    report = Report(name)
    for part in ("run", "alone"):
        _part(part, module, stack, report)
    return report


def _part(name: str, module: ModuleType, stack: Stack, report: Report) -> None:
    """Run a part of a scenario if the scenario has it and no earlier part failed."""
    act = getattr(module, name, None)
    if not act or report.error:
        return
    started = time.time()
    if not report.ended:
        report.started = started
    try:
        act(stack, report)
    except Exception as error:  # the table shows it with the other capabilities' results
        report.error = f"{type(error).__name__}: {error}"
    report.ended, report.events = time.time(), stack.cloud.sent
    report.seconds += report.ended - started
    report.functions += stack.invocations(started)


def run_all(
    modules: Mapping[str, ModuleType],
    stack_of: Callable[[str], Stack],
    workers: int = WORKERS,
    done: Callable[[Report], None] = lambda report: None,
) -> list[Report]:
    """Run scenarios side by side, the longest first, then one by one those that must be alone. Return reports in order.

    `done` is given each report when its scenario has ended.
    """
    reports = {name: Report(name) for name in modules}
    stacks = {name: stack_of(name.split("/")[1]) for name in modules}

    def begin(name: str) -> None:
        _part("run", modules[name], stacks[name], reports[name])
        if not hasattr(modules[name], "alone"):
            done(reports[name])

    longest_first = sorted(modules, key=lambda name: -float(getattr(modules[name], "seconds", 20)))
    pool = ThreadPoolExecutor(workers)
    try:
        list(pool.map(begin, longest_first))
    finally:  # after Ctrl-C, too, which must not wait for a scenario
        pool.shutdown(wait=False, cancel_futures=True)
    for name, module in modules.items():
        if hasattr(module, "alone"):
            _part("alone", module, stacks[name], reports[name])
            done(reports[name])
    return list(reports.values())
