"""The module's views in DuckDB, over records as the functions write them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any

import duckdb
import yaml  # type: ignore[import-untyped]

from local.patches.athena import duckdb_type
from local.settings import ROOT
from operations.pipeline_metrics.records import Record, unique

MODULE = ROOT / "modules/operations/pipeline_metrics"
FOLDER = MODULE / "views"
VIEWS: dict[str, Any] = yaml.safe_load((FOLDER / "views.yaml").read_text())
STRINGS = "account region pipeline execution level state time source stage action started event_id action_execution"
COLUMNS = {
    **dict.fromkeys(STRINGS.split(), "string"),
    "attempt": "bigint",
    **dict.fromkeys(
        ["category", "provider", "error_code", "trigger_type", "execution_type", "revision", "committed"], "string"
    ),
}
SETTINGS = {
    "time_zone": "UTC",
    "production_rank": "CASE lower(stage) WHEN 'production' THEN 0 WHEN 'prod' THEN 1 WHEN 'deploy' THEN 2 END",
    "count_stage_failures": "TRUE",
    "count_rollbacks": "TRUE",
    "incident_milliseconds": "86400000",
}


def text(name: str, **settings: str) -> str:
    """Return a view's SQL, as Terraform's templatefile makes it."""
    return Template((FOLDER / f"{name}.sql").read_text()).substitute(SETTINGS | settings)


def database(records: Iterable[Record], **settings: str) -> duckdb.DuckDBPyConnection:
    """Return a database with the table, which holds the records, and all views."""
    lines = [json.dumps(json.loads(record.line())) for record in records]
    made = duckdb.connect()
    made.execute("SET TimeZone = 'UTC'")
    made.execute("CREATE MACRO from_iso8601_timestamp(given) AS CAST(given AS TIMESTAMPTZ)")
    typed = ", ".join(f"{name} {duckdb_type(kind)}" for name, kind in COLUMNS.items())
    made.execute(f"CREATE TABLE records ({typed})")
    if lines:
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            file.write("\n".join(lines))
            file.flush()
            names = ", ".join(f"'{name}': '{duckdb_type(kind)}'" for name, kind in COLUMNS.items())
            made.execute(
                f"INSERT INTO records SELECT * FROM read_json('{Path(file.name)}', format = 'newline_delimited', "
                f"columns = {{{names}}})"
            )
    for name in VIEWS:
        made.execute(f"CREATE VIEW {name} AS {text(name, **settings)}")
    return made


def rows(records: Iterable[Record], query: str, *, copies: bool = False, **settings: str) -> list[Mapping[str, Any]]:
    """Return the rows of a query, each as a mapping. Without `copies`, each record is in the table once."""
    answer = database(records if copies else unique(records), **settings).execute(query)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
