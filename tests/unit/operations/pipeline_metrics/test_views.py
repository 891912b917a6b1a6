"""The views count executions, stages and actions apart, and each of them once, whatever arrived how often and when."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.pipeline_metrics.records import HISTORY, Record, unique
from tests.unit.operations.pipeline_metrics.events import alarm, deployment, event, records
from tests.unit.operations.pipeline_metrics.sql import COLUMNS, SETTINGS, VIEWS, database, rows, text

RUN = [
    event("pipeline", "STARTED", "10:00:00", started="2026-11-23T09:59:59.500Z"),
    event("stage", "STARTED", "10:00:01"),
    event("action", "STARTED", "10:00:02"),
    event("action", "SUCCEEDED", "10:01:00"),
    event("stage", "SUCCEEDED", "10:01:01"),
    event("pipeline", "SUCCEEDED", "10:01:02"),
]


def test_types_are_those_that_glue_is_told() -> None:
    made = database([])
    for name, view in VIEWS.items():
        described = [(row[0], row[1].lower()) for row in made.execute(f"DESCRIBE {name}").fetchall()]
        assert described == [(column, kind.removesuffix("(3)")) for column, kind in view["columns"]], name


def test_the_records_have_the_columns_of_the_table() -> None:
    assert set(COLUMNS) == set(Record.__dataclass_fields__)


# Functions that both Trino (https://trino.io/docs/current/functions.html) and DuckDB have, with the same arguments and
# results. from_iso8601_timestamp is Trino's; DuckDB gets a macro.
COMMON = {
    "avg",
    "cast",
    "coalesce",
    "count",
    "date_diff",
    "date_trunc",
    "from_iso8601_timestamp",
    "lead",
    "lower",
    "max",
    "min",
    "nullif",
    "row_number",
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_calls_only_functions_that_both_engines_have(name: str) -> None:
    sql = re.sub(r"--.*|'[^']*'", "", text(name))
    words = set(re.findall(r"\b([a-z_0-9]+)\s*\(", sql.lower()))
    keywords = {"as", "from", "in", "over", "and", "or", "on", "join", "not", "partition", "when", "then", "by"}
    assert words - keywords <= COMMON
    assert not re.search(r"[^ ]/ [0-9]+\b(?!e)", sql), "of two whole numbers, Trino makes a whole one: divide by 1e3"
    assert not re.search(r"\b(least|greatest)\b", sql.lower()), "they differ with null"


def test_the_three_levels_are_not_counted_together() -> None:
    found = records(*RUN)
    (execution,) = rows(found, "SELECT * FROM executions")
    assert (execution["result"], execution["seconds"], execution["attempts"]) == ("succeeded", 62.5, 1)
    (day,) = rows(found, "SELECT executions, succeeded, failed FROM daily_results")
    assert day == {"executions": 1, "succeeded": 1, "failed": 0}
    (action,) = rows(found, "SELECT stage, action, category, succeeded, failed, average_seconds FROM action_results")
    assert action == {
        "stage": "Prod",
        "action": "Deploy",
        "category": "Deploy",
        "succeeded": 1,
        "failed": 0,
        "average_seconds": 58.0,
    }


def test_repeats_and_order_have_no_effect() -> None:
    failed = event("pipeline", "FAILED", "10:05:00")
    again = failed | {"id": "another-id", "time": "2026-11-23T10:05:20Z"}
    paused = event("pipeline", "PAUSED", "11:30:00", execution="e3") | {"extra": {"field": 1}}
    superseded = [event("pipeline", s, f"12:0{n}:00", execution="e2") for n, s in enumerate(("STARTED", "SUPERSEDED"))]
    arrived = [failed, dict(failed), again, *superseded, paused, event("pipeline", "STARTED", "10:00:00")]
    answers = []
    for seed in range(5):
        order = list(arrived)
        random.Random(seed).shuffle(order)
        found = rows(records(*order), "SELECT execution, result, ended_at FROM executions ORDER BY 1", copies=True)
        answers.append([(row["execution"], row["result"], str(row["ended_at"])) for row in found])
    expected = [
        ("e1", "failed", "2026-11-23 10:05:00"),
        ("e2", "superseded", "2026-11-23 12:01:00"),
        ("e3", "other", "2026-11-23 11:30:00"),
    ]
    assert answers == [expected] * 5
    (day,) = rows(records(*arrived), "SELECT * FROM daily_results", copies=True)
    assert (day["executions"], day["succeeded"], day["failed"], day["without_result"]) == (3, 0, 1, 2)
    assert day["success_rate"] == 0.0


def test_executions_without_a_result_are_in_no_rate() -> None:
    found = [
        event("pipeline", state, f"1{number}:00:00", execution=state)
        for number, state in enumerate(("SUPERSEDED", "STOPPED", "CANCELED", "STOPPING", "RESUMED", "STARTED"))
    ]
    (day,) = rows(records(*found), "SELECT * FROM daily_results")
    assert (day["executions"], day["success_rate"]) == (6, None)
    results = rows(records(*found), "SELECT result FROM executions ORDER BY started_at")
    assert [r["result"] for r in results] == ["superseded", "stopped", "canceled", "running", "running", "running"]


def test_a_retry_is_one_execution_with_its_last_result() -> None:
    states = [("STARTED", 1), ("FAILED", 1), ("RESUMED", 2), ("SUCCEEDED", 2)]
    found = [event("pipeline", s, f"10:0{n}:00", attempt=float(a)) for n, (s, a) in enumerate(states)]
    found += [event("action", "FAILED", "10:01:00", run="a1"), event("action", "SUCCEEDED", "10:03:00", run="a2")]
    (execution,) = rows(records(*found), "SELECT result, attempts FROM executions")
    assert execution == {"result": "succeeded", "attempts": 2}
    (action,) = rows(records(*found), "SELECT succeeded, failed FROM action_results")
    assert action == {"succeeded": 1, "failed": 1}, "each run of an action counts"


def test_days_are_those_of_the_time_zone() -> None:
    found = records(event("pipeline", "SUCCEEDED", "2026-03-28T23:30:00Z"))
    for zone, day in (("UTC", "2026-03-28"), ("Europe/Berlin", "2026-03-29"), ("America/New_York", "2026-03-28")):
        (row,) = rows(found, "SELECT day FROM daily_results", time_zone=zone)
        assert str(row["day"]) == day


def test_a_change_of_clocks_is_in_no_duration() -> None:
    found = [
        event("pipeline", "STARTED", "2026-03-29T00:30:00Z"),
        event("pipeline", "SUCCEEDED", "2026-03-29T01:30:00Z"),
    ]
    (row,) = rows(records(*found), "SELECT seconds FROM executions", time_zone="Europe/Berlin")
    assert row["seconds"] == 3600.0


def test_day_over_day_compares_with_the_day_before() -> None:
    days = {"2026-11-20": 3, "2026-11-21": 5, "2026-11-23": 2}
    found = [
        event("pipeline", "SUCCEEDED", f"{day}T10:00:00Z", execution=f"{day}-{number}")
        for day, many in days.items()
        for number in range(many)
    ]
    changes = rows(records(*found), "SELECT succeeded_change FROM daily_results ORDER BY day")
    assert [row["succeeded_change"] for row in changes] == [3, 2, 2], "a day without executions is a day of none"


def test_pipelines_of_other_accounts_are_apart() -> None:
    found = [event("pipeline", "SUCCEEDED", "10:00:00", account=a) for a in ("111122223333", "222233334444")]
    assert len(rows(records(*found), "SELECT * FROM executions")) == 2


def history(record: Record, **changes: Any) -> Record:
    """Return a record as the history has it: without the number of the attempt."""
    return Record(**{**vars(record), "source": HISTORY, "attempt": None, "event_id": None, **changes})


def test_the_history_adds_only_what_the_events_missed() -> None:
    live = records(*RUN)
    past = [history(record, time=record.time.replace(".000Z", ".640Z")) for record in live]
    alone = rows(live, "SELECT * FROM events ORDER BY time, level")
    assert rows([*live, *past], "SELECT * FROM events ORDER BY time, level") == alone
    lost = [record for record in live if record.state != "SUCCEEDED"]
    (row,) = rows([*lost, *past], "SELECT result FROM executions")
    assert row["result"] == "succeeded"
    assert len(rows([*lost, *past], "SELECT * FROM events")) == len(RUN)


# Deployments


def test_a_rate_is_never_above_the_truth() -> None:
    found = [
        *deployment("d1", "08", "SUCCEEDED"),
        *deployment("d2", "09", "FAILED", "RESUMED", "FAILED"),  # a failed retry,
        alarm("ALARM", "09:30:00"),  # an alarm
        *deployment("r1", "10", "SUCCEEDED", trigger="AutomatedRollback"),  # and a rollback: one failure
        *deployment("d3", "11", "SUCCEEDED"),
        *deployment("d4", "12", "SUCCEEDED"),
    ]
    (month,) = rows(records(*found), "SELECT * FROM dora_monthly")
    assert (month["deployments"], month["failed_deployments"], month["change_failure_rate"]) == (4, 1, 0.25)
    failed = rows(records(*found), "SELECT execution, failed_by FROM deployments WHERE failed = 1")
    assert failed == [{"execution": "d2", "failed_by": "stage"}]


def test_no_deployments_give_null_and_no_error() -> None:
    (month,) = rows(records(event("pipeline", "SUCCEEDED", "10:00:00")), "SELECT * FROM dora_monthly")
    assert (month["deployments"], month["deployments_per_day"]) == (0, 0.0)
    rates = ("change_failure_rate", "median_lead_seconds", "median_restore_seconds")
    assert [month[name] for name in rates] == [None, None, None]


def test_a_failure_belongs_to_the_day_of_its_deployment() -> None:
    found = [
        *deployment("d1", "2026-10-31T23", "SUCCEEDED"),
        alarm("ALARM", "2026-11-01T01:00:00Z"),
        alarm("OK", "2026-11-01T02:30:00Z"),
        *deployment("d2", "2026-11-01T03", "SUCCEEDED"),
    ]
    months = rows(records(*found), "SELECT month, change_failure_rate FROM dora_monthly ORDER BY month")
    assert [(str(m["month"]), m["change_failure_rate"]) for m in months] == [("2026-10-01", 1.0), ("2026-11-01", 0.0)]
    (failed,) = rows(records(*found), "SELECT * FROM deployments WHERE failed = 1")
    assert (failed["failed_by"], failed["restore_seconds"]) == ("alarm", 5400.0)


def test_an_alarm_long_after_a_deployment_is_not_its_failure() -> None:
    found = [*deployment("d1", "2026-11-01T10", "SUCCEEDED"), alarm("ALARM", "2026-11-02T10:11:00.001Z")]
    (row,) = rows(records(*found), "SELECT failed FROM deployments")
    assert row["failed"] == 0
    found[-1] = alarm("ALARM", "2026-11-02T10:11:00Z")
    (row,) = rows(records(*found), "SELECT failed FROM deployments")
    assert row["failed"] == 1


def test_time_to_restore_ends_with_the_next_success() -> None:
    found = [
        *deployment("d1", "08", "FAILED"),
        *deployment("r1", "09", "SUCCEEDED", trigger="ManualRollback"),
        *deployment("d2", "10", "SUCCEEDED"),
        *deployment("d3", "11", "FAILED", "RESUMED", "SUCCEEDED"),
        *deployment("d4", "12", "FAILED"),
    ]
    found_rows = rows(records(*found), "SELECT execution, restore_seconds FROM deployments WHERE failed = 1 ORDER BY 1")
    assert [(r["execution"], r["restore_seconds"]) for r in found_rows] == [("d1", 3600.0), ("d3", 120.0), ("d4", None)]
    (month,) = rows(records(*found), "SELECT * FROM dora_monthly")
    assert (month["deployments"], month["failed_deployments"], month["median_restore_seconds"]) == (4, 3, 1860.0)


def test_a_manual_rollback_of_a_good_deployment_is_a_failure() -> None:
    found = [*deployment("d1", "08", "SUCCEEDED"), *deployment("r1", "09", "SUCCEEDED", trigger="ManualRollback")]
    (row,) = rows(records(*found), "SELECT execution, failed, failed_by FROM deployments")
    assert row == {"execution": "d1", "failed": 1, "failed_by": "rollback"}
    (row,) = rows(records(*found), "SELECT failed FROM deployments", count_rollbacks="FALSE")
    assert row["failed"] == 0


def test_stopped_and_canceled_stages_are_no_deployments() -> None:
    found = [
        *deployment("d1", "08", "STOPPING", "STOPPED"),
        *deployment("d2", "09", "CANCELED"),
        *deployment("d3", "10"),
    ]
    found += deployment("d4", "11", "FAILED", "RESUMED", "STOPPED")
    assert rows(records(*found), "SELECT * FROM deployments") == []


def test_a_rejected_approval_is_no_failed_deployment() -> None:
    rejected = event("action", "FAILED", "08:11:00", execution="d1", action="Approve", category="Approval")
    assert rows(records(*deployment("d1", "08", "FAILED"), rejected), "SELECT * FROM deployments") == []
    broke = event("action", "FAILED", "08:11:00", execution="d1", action="Deploy")
    (row,) = rows(records(*deployment("d1", "08", "FAILED"), rejected, broke), "SELECT failed FROM deployments")
    assert row["failed"] == 1


def test_the_first_stage_of_the_list_that_a_pipeline_has_is_its_production() -> None:
    found = [*deployment("d1", "08", "SUCCEEDED", stage="Deploy"), *deployment("d1", "08", "FAILED", stage="PROD")]
    found += deployment("o1", "08", "SUCCEEDED", stage="Deploy", pipeline="other")
    found += deployment("b1", "08", "SUCCEEDED", stage="Build", pipeline="library")
    answer = rows(records(*found), "SELECT pipeline, stage FROM deployments ORDER BY 1")
    assert [(row["pipeline"], row["stage"]) for row in answer] == [("other", "Deploy"), ("shop", "PROD")]


def test_lead_time_is_from_the_commit_where_it_is_known() -> None:
    def revision(execution: str, committed: str) -> Record:
        place = ("111122223333", "eu-central-1", "shop", execution, "revision", "RESOLVED", "2026-11-23T08:05:00.000Z")
        return Record(*place, HISTORY, stage="Source", action="Source", committed=committed)

    found = records(*deployment("d1", "08", "SUCCEEDED"), *deployment("d2", "09", "SUCCEEDED"))
    found += records(*deployment("d3", "10", "FAILED"))
    found += [revision("d1", "2026-11-23T07:41:00.000Z"), revision("d2", "2027-01-01T00:00:00.000Z")]
    answer = rows(found, "SELECT execution, lead_seconds, lead_from FROM deployments ORDER BY 1")
    assert [tuple(row.values()) for row in answer] == [
        ("d1", 1800.0, "commit"),
        ("d2", 660.0, "start"),  # by the clock of a laptop, the commit is later than its execution
        ("d3", None, None),
    ]


@pytest.mark.parametrize(("sizes", "median"), [([7], 7.0), ([1, 9], 5.0), ([3, 1, 8], 3.0), ([4, 1, 9, 2], 3.0)])
def test_medians(sizes: list[int], median: float) -> None:
    found: list[dict[str, Any]] = []
    for number, minutes in enumerate(sizes):
        day = f"2026-11-{number + 1:02}"
        found.append(event("pipeline", "STARTED", f"{day}T08:00:00Z", execution=day))
        found.append(event("stage", "SUCCEEDED", f"{day}T08:0{minutes}:00Z", execution=day))
    (month,) = rows(records(*found), "SELECT median_lead_seconds AS median FROM dora_monthly")
    assert month["median"] == median * 60


def test_frequency_is_by_the_days_of_the_month() -> None:
    found = [e for n in range(3) for e in deployment(f"d{n}", f"2026-02-{n + 1:02}T08", "SUCCEEDED")]
    (month,) = rows(records(*found), "SELECT deployments_per_day AS rate FROM dora_monthly")
    assert month["rate"] == pytest.approx(3 / 28)


STATES = ["STARTED", "SUCCEEDED", "FAILED", "RESUMED", "STOPPED", "STOPPING", "CANCELED", "SUPERSEDED", "PAUSED"]
TINY = st.builds(
    event,
    st.sampled_from(["pipeline", "stage", "action"]),
    st.sampled_from(STATES),
    st.sampled_from(["10:00:00", "10:00:01", "11:00:00"]),
    execution=st.sampled_from(["e1", "e2"]),
    attempt=st.sampled_from([None, 0.0, 1.0, 2.0]),
    trigger=st.sampled_from([None, "Webhook", "AutomatedRollback"]),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(TINY, max_size=12), st.randoms(use_true_random=False))
def test_no_order_and_no_repeat_changes_a_view(events: list[dict[str, Any]], rng: random.Random) -> None:
    once = records(*events)
    again = once + records(*(e | {"id": "again"} for e in events))
    rng.shuffle(again)
    first, second = database(unique(once)), database(again)
    for name in VIEWS:
        query = f"SELECT * FROM {name} ORDER BY ALL"
        assert first.execute(query).fetchall() == second.execute(query).fetchall(), name
    total = first.execute("SELECT count(DISTINCT execution) FROM events WHERE level = 'pipeline'").fetchone()
    assert first.execute("SELECT coalesce(sum(executions), 0) FROM daily_results").fetchone() == total
    for (rate,) in first.execute("SELECT change_failure_rate FROM dora_monthly").fetchall():
        assert rate is None or 0 <= rate <= 1


def test_every_setting_is_used_by_a_view() -> None:
    import string

    from tests.unit.operations.pipeline_metrics.sql import FOLDER

    used = {
        field for name in VIEWS for field in string.Template((FOLDER / f"{name}.sql").read_text()).get_identifiers()
    }
    assert used == set(SETTINGS)
