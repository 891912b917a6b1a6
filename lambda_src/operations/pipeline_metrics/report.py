"""Scheduled: a page of plots in S3, and the latest figures of each pipeline in the log, from the views of Athena.

Answer: {"key", "pipelines"}. The page replaces the previous one. It has no script from elsewhere, and every name in it
is escaped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common import clients, observability, settings

from . import page
from .errors import QueryFailed
from .objects import Store

KEY = "report/index.html"
WRITTEN, FIGURES = "report written", "figures"
MARGIN_MS = 15_000
QUERIES = {
    "daily": """
SELECT account, region, pipeline, CAST(day AS varchar) AS day, succeeded, failed, without_result
FROM daily_results WHERE day > current_date - INTERVAL '{days}' DAY ORDER BY account, region, pipeline, day""",
    "actions": """
SELECT account, region, pipeline, stage, action, max(category) AS category, CAST(sum(succeeded) AS bigint) AS succeeded,
  CAST(sum(failed) AS bigint) AS failed
FROM action_results WHERE day > current_date - INTERVAL '{days}' DAY
GROUP BY account, region, pipeline, stage, action ORDER BY account, region, pipeline, stage, action""",
    "months": """
SELECT account, region, pipeline, CAST(month AS varchar) AS month, deployments, failed_deployments,
  deployments_per_day, change_failure_rate, median_lead_seconds, median_restore_seconds
FROM dora_monthly WHERE month > current_date - INTERVAL '366' DAY ORDER BY account, region, pipeline, month""",
}


@dataclass(frozen=True)
class Settings:
    """The environment."""

    bucket: str
    bucket_owner: str
    kms_key_arn: str
    workgroup: str
    database: str
    days: int
    time_zone: str = "UTC"


@dataclass(frozen=True)
class Athena:
    """Runs queries in one workgroup and database, while there is time."""

    client: Any
    workgroup: str
    database: str
    time_left: Callable[[], bool]
    sleep: Callable[[float], None] = time.sleep

    def rows(self, sql: str) -> Iterator[dict[str, str | None]]:
        """Yield the rows of a query by column, as text; null is None. Raise QueryFailed with Athena's reason."""
        execution = self.client.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database, "Catalog": "AwsDataCatalog"},
            WorkGroup=self.workgroup,
        )["QueryExecutionId"]
        self._wait(execution)
        names: list[str] | None = None
        for found in self.client.get_paginator("get_query_results").paginate(QueryExecutionId=execution):
            for row in found["ResultSet"]["Rows"]:
                values = [cell.get("VarCharValue") for cell in row["Data"]]
                if names is None:  # the first row has the names
                    names = [str(value) for value in values]
                else:
                    yield dict(zip(names, values, strict=True))

    def _wait(self, execution: str) -> None:
        pause = 0.25
        while True:
            status = self.client.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in ("FAILED", "CANCELLED"):
                raise QueryFailed(f"Athena's query {execution} {status['State']}: {status.get('StateChangeReason')}")
            if not self.time_left():
                self.client.stop_query_execution(QueryExecutionId=execution)
                raise QueryFailed(f"Athena's query {execution} was stopped: it took longer than the function may run.")
            self.sleep(pause)
            pause = min(pause * 1.5, 3.0)


def handler(_event: Any, context: Any) -> dict[str, Any]:
    """Write the page. Raise QueryFailed, SettingsError, or AWS's error after all retries."""
    log = observability.begin(context)
    using = settings.load(Settings)
    athena = Athena(
        clients.client("athena"),
        using.workgroup,
        using.database,
        lambda: context.get_remaining_time_in_millis() > MARGIN_MS,
    )
    found = {name: list(athena.rows(sql.format(days=using.days).strip())) for name, sql in QUERIES.items()}
    pipelines = page.arrange(found["daily"], found["actions"], found["months"])
    html = page.render(pipelines, datetime.now(UTC), using.days, using.time_zone)
    store = Store(clients.client("s3"), using.bucket, using.bucket_owner, using.kms_key_arn)
    store.put_object(KEY, html.encode(), "text/html; charset=utf-8")
    for pipeline in pipelines:
        if pipeline.months:
            log.info(FIGURES, extra={"pipeline": pipeline.label, **page.figures(pipeline.months[-1])})
    log.info(WRITTEN, extra={"key": KEY, "pipelines": len(pipelines)})
    observability.count("ReportsWritten", 1)
    return {"key": KEY, "pipelines": len(pipelines)}
