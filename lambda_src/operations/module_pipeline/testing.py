"""Run `terraform test` and judge the run by its events: the exit status is not a verdict.

With no test found, some versions of Terraform succeed and others fail; skipped runs do not fail a run.
https://github.com/hashicorp/terraform/issues/37475, https://github.com/hashicorp/terraform/issues/38084
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import programs
from .report import Case

SUITE = "terraform test"
CLEAN_UP = 600.0
"""Seconds that an interrupted run has to destroy what it made."""
FIELDS = ("passed", "failed", "errored", "skipped")


@dataclass
class Verdict:
    """What the events of a run say: counts by status, a case for each run, and the failures beyond those."""

    counts: dict[str, int] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    files: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        """Return the counts as Terraform prints them."""
        return ", ".join(f"{self.counts.get(name, 0)} {name}" for name in FIELDS)


def run(folder: Path, directory: str, environ: Mapping[str, str], seconds: float) -> tuple[Verdict, programs.Done]:
    """Run the tests of a directory for at most `seconds`. Return the verdict, and the program's output."""
    command = ["terraform", "test", "-json", "-no-color", f"-test-directory={directory}"]
    done = programs.run(command, folder, environ, seconds, grace=CLEAN_UP)
    found = read(done.output.splitlines())
    if done.late:
        found.cases.append(Case(SUITE, "budget", f"the tests did not end within {seconds / 60:g} minutes"))
    elif done.status and not any(case.failure for case in found.cases):
        found.cases.append(Case(SUITE, "exit status", f"terraform test ended with status {done.status}: {done.said}"))
    return found, done


def read(lines: Iterable[str]) -> Verdict:
    """Read the events of `terraform test -json`. Lines that are no events are skipped."""
    verdict, reasons, summary = Verdict(), dict[tuple[str, str], list[str]](), None
    statuses: dict[tuple[str, str], str] = {}
    for event in _events(lines):
        kind, place = event.get("type"), (str(event.get("@testfile", "")), str(event.get("@testrun", "")))
        if kind == "test_abstract":
            verdict.files.update(_object(event, "test_abstract"))
        elif kind == "test_run" and _object(event, "test_run").get("progress", "complete") == "complete":
            statuses[place] = str(_object(event, "test_run").get("status"))
        elif kind == "diagnostic" and _object(event, "diagnostic").get("severity") == "error":
            reasons.setdefault(place, []).append(_reason(_object(event, "diagnostic")))
        elif kind == "test_summary":
            summary = _object(event, "test_summary")
    verdict.counts = {name: _number(summary, name) for name in FIELDS}
    for place, status in statuses.items():
        why = "; ".join(reasons.pop(place, [])) or status
        verdict.cases.append(Case(SUITE, " ".join(filter(None, place)), "" if status == "pass" else why))
    for place, texts in reasons.items():
        verdict.cases.append(Case(SUITE, " ".join(filter(None, place)) or "configuration", "; ".join(texts)))
    verdict.cases += [Case(SUITE, "summary", reason) for reason in _problems(verdict.counts, summary is not None)]
    return verdict


def _problems(counts: Mapping[str, int], ended: bool) -> Iterator[str]:
    """Yield which of the conditions of a good run do not hold."""
    if not ended:
        yield "terraform test ended without a summary"
        return
    if counts["passed"] < 1:
        yield "no test passed: tests belong into the folder tests, in files named *.tftest.hcl"
    for name in FIELDS[1:]:
        if counts[name]:
            yield f"{counts[name]} {'run' if counts[name] == 1 else 'runs'} {name}"


def not_run(tests: Sequence[str], verdict: Verdict, *, besides: str) -> list[tuple[str, str]]:
    """Return a failure for each test file that no stage runs: a misspelt folder must not pass for a test."""
    return [
        (name, "was not run: tests belong into the folder tests of the module")
        for name in tests
        if name not in verdict.files and not (besides and name.startswith(f"{besides}/"))
    ]


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event


def _object(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def _number(summary: Mapping[str, Any] | None, name: str) -> int:
    value = (summary or {}).get(name, 0)
    return value if isinstance(value, int) else 0


def _reason(diagnostic: Mapping[str, Any]) -> str:
    place = _object(diagnostic, "range")
    line = _object(place, "start").get("line")
    where = f" ({place.get('filename')}:{line})" if line else ""
    detail = " ".join(str(diagnostic.get("detail") or "").split())
    return f"{diagnostic.get('summary')}: {detail}{where}" if detail else f"{diagnostic.get('summary')}{where}"
