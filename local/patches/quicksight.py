"""QuickSight asks this cloud's Athena, with a session of its service role, which must trust it."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from local.permissions import client, role_session
from local.services.quicksight import neighbours

PRINCIPAL = "quicksight.amazonaws.com"
SECONDS = 60.0


class Engine(neighbours.Neighbours):
    """Athena of this cloud."""

    def query(self, account: str, region: str, workgroup: str, database: str, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query under QuickSight's service role. Raise QueryRefused."""
        role = f"arn:aws:iam::{account}:role/service-role/{neighbours.SERVICE_ROLE}"
        try:
            athena = client("athena", region, role_session(role, "quicksight", PRINCIPAL))
            started = athena.start_query_execution(
                QueryString=sql,
                QueryExecutionContext={"Database": database, "Catalog": "AwsDataCatalog"},
                WorkGroup=workgroup,
            )["QueryExecutionId"]
            self._wait(athena, started)
            pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=started)
            lines = [
                [cell.get("VarCharValue") for cell in row["Data"]]
                for page in pages
                for row in page["ResultSet"]["Rows"]
            ]
        except (ClientError, PermissionError) as error:
            raise neighbours.QueryRefused(str(error)) from None
        names, *rows = lines
        return [dict(zip(map(str, names), row, strict=True)) for row in rows]

    def _wait(self, athena: Any, execution: str) -> None:
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in ("FAILED", "CANCELLED"):
                raise neighbours.QueryRefused(str(status.get("StateChangeReason")))
            time.sleep(0.05)
        raise neighbours.QueryRefused("The query did not end in time.")


def start() -> None:
    """Let QuickSight reach Athena."""
    neighbours.current = Engine()
