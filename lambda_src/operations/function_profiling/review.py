"""Review all profiling groups: on a schedule, and when the service announces a change.

The event is only the occasion: EventBridge delivers the service's events at best effort and repeats open ones every
24 hours, so that the review reads the truth from the API and compares it with the previous report.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common import aws_errors, reports, settings
from common.clients import client
from common.observability import begin, count

from . import groups
from .errors import NothingRead

REPORT = "report.json"


@dataclass(frozen=True)
class Settings:
    """The function's environment. `groups` has `group` and `function` by the keys of the module's map."""

    groups: dict[str, dict[str, str]]
    bucket: str
    bucket_owner: str
    topic_arn: str
    silent_days: int
    window_days: int


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Write the report, and notify of what changed. Return the report's coverage and the number of changes.

    Raise NothingRead if no group could be read, and ReportChanged if another review was faster.
    """
    using, log = settings.load(Settings), begin(context)
    now = datetime.now(UTC)
    stored = reports.Stored(client("s3"), using.bucket, REPORT, using.bucket_owner)
    before, tag = stored.read()
    known = {row.get("key"): row for row in before.get("groups") or () if isinstance(row, dict)}
    rows = [_row(using, key, known.get(key, {}), now) for key in sorted(using.groups)]
    unread = [row for row in rows if row["status"] == groups.UNREADABLE]
    if rows and len(unread) == len(rows):
        raise NothingRead("; ".join(f"{row['group']}: {row['reason']}" for row in rows))
    coverage = {"groups": len(rows), "read": len(rows) - len(unread)}
    at = now.isoformat(timespec="seconds")
    lines = groups.changes(before, rows)
    if lines:  # before the report: after a crash in between, a notification comes twice, and is never lost
        _notify(using, groups.message(lines, at), len(lines))
    stored.write({"at": at, "coverage": coverage, "groups": rows}, tag)
    count("GroupsUnread", len(unread))
    log.info("reviewed", extra={**coverage, "changes": len(lines)})
    return {**coverage, "changes": len(lines)}


def _row(using: Settings, key: str, known: groups.Row, now: datetime) -> groups.Row:
    """Return the row of a group. What cannot be read keeps the recommendations of the previous report."""
    named = using.groups[key]
    kept = known.get("recommendations") or []
    row: groups.Row = {"key": key, **named, "last_profile": known.get("last_profile"), "recommendations": kept}
    api = client("codeguruprofiler")
    try:
        described = api.describe_profiling_group(profilingGroupName=named["group"])["profilingGroup"]
        row["status"], last = groups.status(described, now, using.silent_days)
        row["last_profile"] = last.isoformat(timespec="seconds") if last else None
        start = now - timedelta(days=using.window_days)
        if last and last >= start:  # without profiles, an empty answer would not mean that all is well
            answer = api.get_recommendations(profilingGroupName=named["group"], startTime=start, endTime=now)
            row["recommendations"] = groups.recommendations(answer)
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None:
            raise
        gone = failure.kind is aws_errors.Kind.GONE
        reason = "the group does not exist; terraform apply creates it again" if gone else aws_errors.name(error)
        return row | {"status": groups.MISSING if gone else groups.UNREADABLE, "reason": reason}
    if row["status"] == groups.SILENT:
        row["reason"] = (
            f"no profile for more than {using.silent_days} days: check that the function runs, and that its agent "
            "has the environment variables and the permissions of this module's outputs"
        )
    return row


def _notify(using: Settings, text: str, number: int) -> None:
    subject = f"Code profiling: {number} change{'s' if number > 1 else ''}"
    client("sns").publish(TopicArn=using.topic_arn, Subject=subject, Message=text)
