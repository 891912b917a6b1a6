"""The demo as data: what each capability's functions and roles called, when, and with what result.

Pure: calls, runs and reports in, dataclasses out; `local.harness.page` reads them and renders the page.

A call belongs to a capability by its principal, whose role Terraform's state places in the capability's module, and
never by its time: scenarios run side by side. A scenario's own calls are made as the account's root; their
User-Agent names the scenario.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from local.harness.principals import Actor, Facts, Sorter
from local.harness.scenario import Report

REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
"""Error codes of calls that IAM refused. Some services return them with status 400."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a function; `at` is its start in Unix seconds."""

    function: str
    at: float
    ms: float
    failed: bool = False


@dataclasses.dataclass
class Edge:
    """The calls of one actor to one operation: all of them, those that IAM refused, that a fault hit, that failed."""

    actor: Actor
    service: str
    operation: str
    calls: int = 0
    refused: int = 0
    faults: int = 0
    errors: int = 0


@dataclasses.dataclass(frozen=True)
class Fault:
    """Calls that an injected fault of one kind hit."""

    kind: str
    service: str
    operation: str
    actor: Actor
    calls: int


@dataclasses.dataclass(frozen=True)
class FunctionRuns:
    """The runs of one function."""

    name: str
    runs: int
    failed: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Moment:
    """A call on the timeline, seconds after the start; `kind` is call, fault or refused."""

    at: float
    kind: str


@dataclasses.dataclass
class Lane:
    """One line of the timeline: `bars` are (start, end, failed) of runs, `moments` are calls."""

    name: str
    kind: str
    bars: list[tuple[float, float, bool]] = dataclasses.field(default_factory=list)
    moments: list[Moment] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class CheckLine:
    """A check as it is shown; `at` is seconds after the start."""

    name: str
    passed: bool
    expected: str
    actual: str
    at: float


@dataclasses.dataclass
class Capability:
    """One capability's section."""

    name: str
    sent: str
    passed: bool
    error: str
    seconds: float
    """Return the duration of the scenario in seconds."""
    span: float
    """Return the seconds from its start to its end, including the time in which it waited to run alone."""
    checks: list[CheckLine]
    edges: list[Edge]
    scenario: list[Edge]
    faults: list[Fault]
    functions: list[FunctionRuns]
    lanes: list[Lane]
    elsewhen: int
    """Return the number of calls outside its scenario's time, caused by events of other scenarios or by Terraform."""

    @property
    def id(self) -> str:
        """Return the id of its section on the page."""
        return self.name.replace("/", "-")

    def total(self, what: str) -> int:
        """Return the sum of a field of the edges."""
        return sum(getattr(edge, what) for edge in self.edges)

    @property
    def checks_count(self) -> int:
        """Return the number of checks."""
        return len(self.checks)

    @property
    def faults_count(self) -> int:
        """Return the number of calls that a fault hit, the scenario's own included."""
        return sum(fault.calls for fault in self.faults)

    @property
    def runs(self) -> int:
        """Return the number of runs of its functions."""
        return sum(f.runs for f in self.functions)


@dataclasses.dataclass(frozen=True)
class Others:
    """The calls of one caller that belong to no capability."""

    who: str
    calls: int
    refused: int
    faults: int


@dataclasses.dataclass
class Demo:
    """The whole page."""

    capabilities: list[Capability]
    others: list[Others]
    calls: int

    @property
    def passed(self) -> bool:
        """Return true if every capability passed the checks of its scenario."""
        return bool(self.capabilities) and all(c.passed for c in self.capabilities)

    def total(self, what: str) -> int:
        """Return the sum of a field of all capabilities' edges."""
        return sum(c.total(what) for c in self.capabilities)


def verdict(call: Mapping[str, Any]) -> str:
    """Return the result of a call: fault (an injected one), refused (by IAM), error, or call if it succeeded."""
    if call["fault"]:
        return "fault"
    if call["status"] == 403 or call["error"] in REFUSED:
        return "refused"
    return "error" if call["status"] >= 400 else "call"


_COUNTERS = {"fault": "faults", "refused": "refused", "error": "errors"}


def edges(calls: Iterable[tuple[Actor, Mapping[str, Any]]]) -> list[Edge]:
    """Return the calls by actor and operation, in the order of names."""
    found: dict[tuple[Actor, str, str], Edge] = {}
    for actor, call in calls:
        key = actor, str(call["service"]), str(call["operation"]) or "(unknown operation)"
        edge = found.setdefault(key, Edge(*key))
        edge.calls += 1
        if counter := _COUNTERS.get(verdict(call)):
            setattr(edge, counter, getattr(edge, counter) + 1)
    return sorted(found.values(), key=lambda e: (e.actor.name, e.service, e.operation))


def faults(calls: Iterable[tuple[Actor, Mapping[str, Any]]]) -> list[Fault]:
    """Return the injected faults by kind, operation and the caller that they hit."""
    counted = collections.Counter(
        (str(call["fault"]), str(call["service"]), str(call["operation"]), actor)
        for actor, call in calls
        if call["fault"]
    )
    return [Fault(*key, number) for key, number in sorted(counted.items(), key=lambda item: str(item[0]))]


def functions(names: Iterable[str], runs: Iterable[Run]) -> list[FunctionRuns]:
    """Return how often each function ran and for how long. Functions that did not run are included."""
    by_name: dict[str, list[Run]] = {name: [] for name in names}
    for run in runs:
        by_name[run.function].append(run)
    return [
        FunctionRuns(name, len(own), sum(r.failed for r in own), sum(r.ms for r in own) / 1000)
        for name, own in sorted(by_name.items())
    ]


def lanes(
    calls: Iterable[tuple[Actor, Mapping[str, Any]]], runs: Iterable[Run], started: float, seconds: float
) -> list[Lane]:
    """Return the timeline of one scenario: a lane for each actor that was active in its time, by first activity."""
    found: dict[tuple[str, str], Lane] = {}

    def lane(actor: Actor) -> Lane:
        name = "scenario" if actor.kind == "scenario" else actor.name
        return found.setdefault((name, actor.kind), Lane(name, actor.kind))

    for run in runs:
        if -run.ms / 1000 <= run.at - started <= seconds:
            begun = max(run.at - started, 0.0)
            bar = begun, min(run.at - started + run.ms / 1000, seconds), run.failed
            lane(Actor(run.function, "function")).bars.append(bar)
    for actor, call in calls:
        if 0 <= call["at"] - started <= seconds:
            kind = verdict(call)
            moment = Moment(call["at"] - started, kind if kind in ("fault", "refused") else "call")
            lane(actor).moments.append(moment)

    def first(one: Lane) -> tuple[bool, float]:
        times = [bar[0] for bar in one.bars] + [moment.at for moment in one.moments]
        return one.kind != "scenario", min(times)

    return sorted(found.values(), key=first)


def build(
    calls: Iterable[Mapping[str, Any]],
    reports: Sequence[Report],
    known: Facts,
    runs: Sequence[Run],
) -> Demo:
    """Return everything that was recorded, by the capabilities of `reports`."""
    sorter = Sorter(known, [report.capability for report in reports])
    by_capability: dict[str, list[tuple[Actor, Mapping[str, Any]]]] = collections.defaultdict(list)
    number = 0
    for call in calls:
        actor = sorter.actor(call)
        by_capability[actor.capability].append((actor, call))
        number += 1
    capabilities = [_capability(report, by_capability[report.capability], known, runs) for report in reports]
    return Demo(capabilities, _others(by_capability[""]), number)


def _capability(
    report: Report, calls: Sequence[tuple[Actor, Mapping[str, Any]]], known: Facts, runs: Sequence[Run]
) -> Capability:
    calls = [*calls, *_events(report)]
    names = {f.name for f in known.functions if f.capability == report.capability}
    own_runs = [run for run in runs if run.function in names]
    own = [(actor, call) for actor, call in calls if actor.kind != "scenario"]
    scenario = [(actor, call) for actor, call in calls if actor.kind == "scenario"]
    end = max([report.ended, report.started + report.seconds, *(check.at for check in report.checks)])
    span = end - report.started
    return Capability(
        name=report.capability,
        sent=report.sent,
        passed=report.passed,
        error=report.error,
        seconds=report.seconds,
        span=span,
        checks=[
            CheckLine(c.name, c.passed, _short(c.expected), _short(c.actual), max(c.at - report.started, 0.0))
            for c in report.checks
        ],
        edges=edges(own),
        scenario=edges(scenario),
        faults=faults(calls),
        functions=functions(names, own_runs),
        lanes=lanes(calls, own_runs, report.started, span),
        elsewhen=sum(not report.started <= call["at"] <= end for _, call in own),
    )


def _events(report: Report) -> Iterator[tuple[Actor, Mapping[str, Any]]]:
    """Yield what a scenario sent without an API call, in the form of calls."""
    for at, source, what in report.events:
        name = "a client of the API" if source == "execute-api" else "an AWS service"
        sent = {"at": at, "service": source, "operation": what, "status": 200, "fault": "", "error": ""}
        yield Actor(name, "scenario", report.capability), sent


def _others(calls: Iterable[tuple[Actor, Mapping[str, Any]]]) -> list[Others]:
    totals: dict[str, Others] = {}
    for actor, call in calls:
        so_far = totals.get(actor.name, Others(actor.name, 0, 0, 0))
        found = verdict(call)
        totals[actor.name] = Others(
            actor.name,
            so_far.calls + 1,
            so_far.refused + (found == "refused"),
            so_far.faults + (found == "fault"),
        )
    return sorted(totals.values(), key=lambda o: -o.calls)


def _short(value: Any, limit: int = 2000) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"
