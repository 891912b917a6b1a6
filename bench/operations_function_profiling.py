"""function_profiling: the static check on samples and on our own code, and what the source's example costs per call."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.unit.tools.profile_check.samples import CLEAN, REPEATING
from tools.bootstrap import ROOT
from tools.profile_check import rules
from tools.profile_check.__main__ import check
from tools.profile_check.samples import write

RUNS = 200
GREEN = CLEAN["the source's example, with the client created once"]
BROWN = REPEATING["the source's example"]


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    marks, reported, false_alarms = _samples()
    began = time.process_time()
    own = check([ROOT / "lambda_src"])
    seconds = time.process_time() - began
    before, after = _cpu(BROWN), _cpu(GREEN)
    figures = (
        ("samples with nothing to report", len(CLEAN), "samples"),
        ("false alarms in them", false_alarms, "findings"),
        ("defects in the other samples", marks, "lines"),
        ("of them reported", reported, "lines"),
        ("our own handlers", own.handlers, "handlers"),
        ("findings in them", len(own.findings), "findings"),
        ("CPU of the check for our own code", seconds * 1000, "ms"),
        ("CPU of a call, client in the handler, p50", before, "ms"),
        ("CPU of a call, client created once, p50", after, "ms"),
    )
    return [{"figure": figure, "value": round(value, 4), "unit": unit} for figure, value, unit in figures]


def _samples() -> tuple[int, int, int]:
    """Return the numbers of marked lines, of those that the check reports, and of reports without a mark."""
    marks = reported = alarms = 0
    for text in [*CLEAN.values(), *REPEATING.values()]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            expected = write(folder, text)
            findings = [f for f in check([folder]).findings if f.rule != rules.NO_REASON]
            found = {(Path(f.path).resolve().relative_to(folder).as_posix(), f.line, f.rule) for f in findings}
        marks, reported, alarms = (
            marks + len(expected),
            reported + len(expected & found),
            alarms + len(found - expected),
        )
    return marks, reported, alarms


def _cpu(text: str) -> float:
    """Return the median CPU time of a warm call, in ms, of this process; no call leaves it."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
    namespace: dict[str, Any] = {"print": lambda *_: None}
    exec(compile(text, "sample", "exec"), namespace)  # noqa: S102 - a sample of this repository
    handler = namespace["lambda_handler"]
    assert handler({}, None) == "Hello World"
    spent = []
    for _ in range(RUNS):
        began = time.process_time()
        handler({}, None)
        spent.append((time.process_time() - began) * 1000)
    return statistics.median(spent)
