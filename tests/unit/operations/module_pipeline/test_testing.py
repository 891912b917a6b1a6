"""The verdict on `terraform test`: its events, not its exit status. Events as Terraform 1.11.4 writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.module_pipeline import testing

FILE = "tests/basic.tftest.hcl"


def event(kind: str, **more: Any) -> str:
    """Return one line."""
    place = {"@testfile": FILE, "@testrun": more.pop("run")} if "run" in more else {}
    return json.dumps({"@level": "info", "type": kind, **place, **more})


def summary(passed: int = 0, failed: int = 0, errored: int = 0, skipped: int = 0) -> str:
    """Return the last line."""
    counts = {"passed": passed, "failed": failed, "errored": errored, "skipped": skipped}
    return event("test_summary", test_summary={"status": "x", **counts})


def ran(name: str, status: str) -> str:
    """Return the line of a run that has ended."""
    return event("test_run", run=name, test_run={"path": FILE, "run": name, "progress": "complete", "status": status})


def failures(lines: Iterable[str]) -> list[str]:
    """Return the reasons of failed cases."""
    return [case.failure for case in testing.read(lines).cases if case.failure]


def test_a_good_run() -> None:
    lines = [event("test_abstract", test_abstract={FILE: ["prefix"]}), ran("prefix", "pass"), summary(passed=1)]
    found = testing.read(lines)
    assert [(case.name, case.failure) for case in found.cases] == [(f"{FILE} prefix", "")]
    assert (found.text, found.files) == ("1 passed, 0 failed, 0 errored, 0 skipped", {FILE})


def test_a_failed_assertion_is_named_with_its_place() -> None:
    diagnostic = {
        "severity": "error",
        "summary": "Test assertion failed",
        "detail": "The name must begin\nwith repo-.",
        "range": {"filename": FILE, "start": {"line": 10}},
    }
    lines = [ran("prefix", "fail"), event("diagnostic", run="prefix", diagnostic=diagnostic), summary(failed=1)]
    assert failures(lines) == [
        f"Test assertion failed: The name must begin with repo-. ({FILE}:10)",
        "no test passed: tests belong into the folder tests, in files named *.tftest.hcl",
        "1 run failed",
    ]


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({}, "no test passed: tests belong into the folder tests, in files named *.tftest.hcl"),
        ({"passed": 3, "skipped": 2}, "2 runs skipped"),
        ({"passed": 3, "errored": 1}, "1 run errored"),
        ({"passed": 3, "failed": 1}, "1 run failed"),
    ],
)
def test_each_condition_is_named(counts: dict[str, int], reason: str) -> None:
    """No tests is a success of some versions of Terraform, and skipped runs are a success of all."""
    assert failures([summary(**counts)]) == [reason]


@pytest.mark.parametrize("lines", [[], ["Error: no such command"], [ran("prefix", "pass")]])
def test_without_a_summary_nothing_has_passed(lines: list[str]) -> None:
    assert "terraform test ended without a summary" in failures(lines)


def test_an_error_outside_runs_is_a_failure() -> None:
    diagnostic = {"severity": "error", "summary": "Invalid provider", "detail": "", "range": None}
    assert failures([event("diagnostic", diagnostic=diagnostic), summary(passed=1)]) == ["Invalid provider"]


def test_warnings_and_progress_are_no_failures() -> None:
    lines = [
        event("diagnostic", run="a", diagnostic={"severity": "warning", "summary": "deprecated"}),
        event("test_run", run="a", test_run={"progress": "running", "elapsed": 2003}),
        ran("a", "pass"),
        summary(passed=1),
    ]
    assert failures(lines) == []


def test_test_files_that_no_stage_runs() -> None:
    found = testing.Verdict(files={"tests/a.tftest.hcl"})
    tests = ["test/b.tftest.hcl", "tests/a.tftest.hcl", "tests/integration/c.tftest.hcl"]
    missed = [name for name, _ in testing.not_run(tests, found, besides="tests/integration")]
    assert missed == ["test/b.tftest.hcl"]
    assert len(testing.not_run(tests, found, besides="")) == 2


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "test_run", "diagnostic", "test_summary", "passed", "status", "@testfile"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        values
        | st.fixed_dictionaries(
            {
                "type": st.sampled_from(["test_run", "diagnostic", "test_summary", "test_abstract"]),
                "diagnostic": values,
                "test_run": values,
                "test_summary": values,
                "test_abstract": values,
            }
        ),
        max_size=6,
    )
)
def test_any_output_gets_a_verdict(found: list[Any]) -> None:
    verdict = testing.read([json.dumps(one) for one in found] + ["{", "null"])
    good = verdict.counts["passed"] > 0 and not any(verdict.counts[name] for name in testing.FIELDS[1:])
    assert good or any(case.failure for case in verdict.cases)
