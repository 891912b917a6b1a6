"""Remove, on a schedule, what apply tests left in the sandbox: a build that was stopped could not do it itself."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common import clients, observability, settings
from common.roles import Role, Roles

from . import leftovers
from .errors import SweepIncomplete

REPORT = "reports/sweep.json"
_roles = Roles()


@dataclass(frozen=True)
class Settings:
    """The environment variables of the function."""

    name_prefix: str
    sweep_role_arn: str
    external_id: str
    sandbox_region: str
    bucket: str
    bucket_owner: str


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Remove what belongs to runs that have ended. Raise SweepIncomplete, after its report, if something remains."""
    chosen = settings.load(Settings)
    log = observability.begin(context)
    sandbox = _roles.at(chosen.sandbox_region, Role(chosen.sweep_role_arn, "sweep", chosen.external_id))
    rows = leftovers.sweep(sandbox.client, chosen.name_prefix, lambda _, run: leftovers.ended(run))
    report = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "rows": [vars(row) for row in rows]}
    clients.client("s3").put_object(
        Bucket=chosen.bucket, Key=REPORT, Body=json.dumps(report).encode(), ExpectedBucketOwner=chosen.bucket_owner
    )
    outcomes = dict(Counter(row.outcome for row in rows))
    log.info("swept", extra={"outcomes": outcomes})
    remaining = [row for row in rows if not row.removed]
    if remaining:
        named = ", ".join(f"{row.arn} ({row.outcome}: {row.reason})" for row in remaining[:20])
        raise SweepIncomplete(f"{len(remaining)} resources of tests remain: {named}")
    return outcomes
