"""The scheduled function: it removes what belongs to ended runs, and fails, after its report, if something stays."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from operations.module_pipeline import leftovers, sweep
from operations.module_pipeline.errors import SweepIncomplete
from operations.module_pipeline.leftovers import Leftover

ENVIRONMENT = {
    "NAME_PREFIX": "stack",
    "SWEEP_ROLE_ARN": "arn:aws:iam::444455556666:role/sweep",
    "EXTERNAL_ID": "tests-of-stack",
    "SANDBOX_REGION": "eu-west-1",
    "BUCKET": "builds",
    "BUCKET_OWNER": "111122223333",
}
CONTEXT = SimpleNamespace(aws_request_id="one")


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the objects that the function writes."""
    written: list[dict[str, Any]] = []
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(
        "common.clients.client", lambda service: SimpleNamespace(put_object=lambda **given: written.append(given))
    )
    return written


def swept(monkeypatch: pytest.MonkeyPatch, *rows: Leftover) -> list[tuple[str, bool, bool]]:
    """Let the sweep return rows. Return, when it has run, the prefix, and what is due of an ended and a current run."""
    asked: list[tuple[str, bool, bool]] = []

    def fake(client: Any, prefix: str, due: leftovers.Due) -> list[Leftover]:
        asked.append((prefix, due("e1", leftovers.new_run(-10)), due("", leftovers.new_run(600))))
        return list(rows)

    monkeypatch.setattr(leftovers, "sweep", fake)
    return asked


def test_only_ended_runs_are_due(monkeypatch: pytest.MonkeyPatch, put: list[dict[str, Any]]) -> None:
    asked = swept(monkeypatch, Leftover("arn:a", "1", "removed"))
    assert sweep.handler({}, CONTEXT) == {"removed": 1}
    assert asked == [("stack", True, False)]
    assert [one["Key"] for one in put] == ["reports/sweep.json"]
    assert put[0]["ExpectedBucketOwner"] == "111122223333"


def test_what_stays_is_reported_and_fails_the_call(monkeypatch: pytest.MonkeyPatch, put: list[dict[str, Any]]) -> None:
    swept(monkeypatch, Leftover("arn:a", "1", "failed", "AccessDenied: no"), Leftover("arn:b", "1", "removed"))
    with pytest.raises(SweepIncomplete, match=r"1 resources of tests remain: arn:a \(failed: AccessDenied: no\)"):
        sweep.handler({}, CONTEXT)
    assert [row["outcome"] for row in json.loads(put[0]["Body"])["rows"]] == ["failed", "removed"]


def test_nothing_left_is_a_report_too(monkeypatch: pytest.MonkeyPatch, put: list[dict[str, Any]]) -> None:
    swept(monkeypatch)
    assert sweep.handler({}, CONTEXT) == {}
    assert json.loads(put[0]["Body"])["rows"] == []
