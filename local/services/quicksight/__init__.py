"""QuickSight: data sources for Athena, datasets with SPICE, refreshes, templates, analyses and dashboards.

Moto keeps only what a data source and a dashboard are called. Here a dataset is loaded with its data, by the queries
that QuickSight sends to Athena under its service role, and what a template, an analysis or a dashboard shows must be
columns of its datasets. `refresh` is what a schedule does, `rows` what a dataset holds in SPICE. Not here: pictures,
users and groups beyond those of moto, other sources than Athena, joins, calculated fields, folders, themes.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register
from local.settings import ACCOUNT_ID, REGION

from .models import quicksight_backends


def install() -> None:
    """Serve QuickSight from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


def refresh(data_set: str, account: str = ACCOUNT_ID, region: str = REGION) -> dict[str, Any]:
    """Load a dataset into SPICE, as its schedule does. Return the ingestion."""
    return quicksight_backends[account][region].ingest(data_set)


def rows(data_set: str, account: str = ACCOUNT_ID, region: str = REGION) -> list[dict[str, Any]]:
    """Return the rows of a dataset in SPICE, all values as text."""
    return quicksight_backends[account][region].rows(data_set)


COMMANDS: dict[str, Any] = {"refresh": refresh, "rows": rows}
