"""The page shows what the views count, with every name escaped, and a query that fails fails the report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from common import clients
from operations.pipeline_metrics import page, report
from operations.pipeline_metrics.errors import QueryFailed
from tests.unit.operations.pipeline_metrics.events import deployment, event, records
from tests.unit.operations.pipeline_metrics.sql import database
from tests.unit.operations.pipeline_metrics.stores import Bucket

AT = datetime(2026, 11, 24, 3, tzinfo=UTC)
NAME = {"account": "111122223333", "region": "eu-central-1", "pipeline": 'a<b>&"c'}


def daily(day: str, good: int, bad: int, **more: str) -> dict[str, str]:
    return {**NAME, "day": day, "succeeded": str(good), "failed": str(bad), "without_result": "0", **more}


def month(**more: str | None) -> dict[str, str | None]:
    figures = {"deployments": "0", "failed_deployments": "0", "deployments_per_day": "0.0"}
    none = dict.fromkeys(("change_failure_rate", "median_lead_seconds", "median_restore_seconds"))
    return {**NAME, "month": "2026-11-01", **figures, **none, **more}


def test_names_are_escaped() -> None:
    action = {**NAME, "stage": "<script>", "action": "'x'", "succeeded": "1", "failed": "1"}
    html = page.render(page.arrange([daily("2026-11-23", 1, 0)], [action], []), AT, 30, "UTC")
    assert "a<b>" not in html
    assert html.count("<script>") == 1, "the page's own"

    tags: list[str] = []
    reader: Any = HTMLParser()
    reader.handle_starttag = lambda tag, _: tags.append(tag)
    reader.feed(html)
    assert tags.count("section") == 2


def test_all_pipelines_are_the_sum() -> None:
    one = daily("2026-11-23", 3, 1)
    other = daily("2026-11-23", 2, 0, pipeline="other")
    every = page.together(page.arrange([one, other], [], []))
    assert (every.succeeded, every.failed, every.days) == (5, 1, {"2026-11-23": (5, 1)})


def test_same_names_in_two_accounts_are_two_pipelines() -> None:
    found = page.arrange([daily("2026-11-23", 1, 0), daily("2026-11-23", 1, 0, account="222233334444")], [], [])
    assert len(found) == 2


def test_null_is_a_dash_and_no_zero() -> None:
    html = page.render(page.arrange([], [], [month()]), AT, 30, "UTC")
    assert html.count(f"<td>{page.NONE}</td>") == 3
    full = month(change_failure_rate="0.25", median_lead_seconds="5400", median_restore_seconds="59")
    html = page.render(page.arrange([], [], [full]), AT, 30, "UTC")
    assert all(f"<td>{text}</td>" in html for text in ("25%", "1.5 h", "59 s"))


def test_nothing_at_all_is_a_page_too() -> None:
    html = page.render([], AT, 30, "UTC")
    assert "All pipelines" in html


def test_many_actions_are_cut_with_the_failing_ones_first() -> None:
    actions = [{**NAME, "stage": "S", "action": f"a{n}", "succeeded": "9", "failed": str(n % 2)} for n in range(60)]
    html = page.render(page.arrange([], actions, []), AT, 30, "UTC")
    assert "20 more actions" in html
    assert "S / a59" in html


class Athena:
    """Athena that runs the queries on the views in DuckDB, and takes some polls to do so."""

    def __init__(self, made: Any, end: str = "SUCCEEDED") -> None:
        self.made, self.end, self.polls, self.stopped = made, end, 0, False
        self.answers: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []

    def start_query_execution(self, **asked: Any) -> dict[str, str]:
        self.asked.append(asked)
        answer = self.made.execute(asked["QueryString"])
        names = [column[0] for column in answer.description]
        self.answers[str(len(self.asked))] = [names, *answer.fetchall()]
        return {"QueryExecutionId": str(len(self.asked))}

    def get_query_execution(self, QueryExecutionId: str) -> Any:
        self.polls += 1
        state = "RUNNING" if self.polls % 2 else self.end
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": "because"}}}

    def stop_query_execution(self, QueryExecutionId: str) -> None:
        self.stopped = True

    def get_paginator(self, _: str) -> Any:
        def cell(value: Any) -> dict[str, str]:
            return {} if value is None else {"VarCharValue": str(value)}

        def pages(QueryExecutionId: str) -> Iterator[Any]:
            rows = [{"Data": [cell(value) for value in row]} for row in self.answers[QueryExecutionId]]
            for start in range(0, len(rows), 2):
                yield {"ResultSet": {"Rows": rows[start : start + 2]}}

        return SimpleNamespace(paginate=pages)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"BUCKET": "b", "BUCKET_OWNER": "1", "KMS_KEY_ARN": "k", "WORKGROUP": "w", "DATABASE": "d", "DAYS": "90"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("time.sleep", lambda _: None)


def call(monkeypatch: pytest.MonkeyPatch, athena: Athena, seconds: float = 300) -> tuple[dict[str, Any], Bucket]:
    bucket = Bucket()
    found: dict[str, Any] = {"athena": athena, "s3": bucket}
    monkeypatch.setattr(clients, "client", found.__getitem__)
    context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: seconds * 1000)
    return report.handler({}, context), bucket


def test_the_report_is_what_the_views_count(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    today = datetime.now(UTC).strftime("%Y-%m-%dT")
    sent = [
        *deployment("d1", f"{today}00", "SUCCEEDED"),
        *deployment("d2", f"{today}01", "FAILED"),
        event("pipeline", "SUCCEEDED", f"{today}00:20:00Z", execution="d1"),
        event("action", "FAILED", f"{today}01:11:00Z", execution="d2"),
    ]
    athena = Athena(database(records(*sent)))
    answer, bucket = call(monkeypatch, athena)
    assert answer == {"key": "report/index.html", "pipelines": 1}
    html = bucket.objects["report/index.html"].decode()
    assert "shop (111122223333, eu-central-1)" in html
    assert "<td>50%</td>" in html
    assert "Prod / Deploy" in html
    assert {one["WorkGroup"] for one in athena.asked} == {"w"}


def test_a_query_that_fails_says_why(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(QueryFailed, match="because"):
        call(monkeypatch, Athena(database([]), end="FAILED"))


def test_a_query_that_takes_too_long_is_stopped(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    athena = Athena(database([]))
    with pytest.raises(QueryFailed, match="longer"):
        call(monkeypatch, athena, seconds=1)
    assert athena.stopped
