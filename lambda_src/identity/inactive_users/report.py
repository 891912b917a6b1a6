"""Scheduled: report to administrators what was done to which users, by email from an SNS topic.

Event:  {"scheduled_at": RFC 3339}. The report is about the days (UTC) before that day.
Answer: {"from", "to", "counts": {action: number}}

The audit table has subs but no names or addresses, and so does the report.
"""

import collections
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common import clients, observability, settings

from . import audit

INDEX = "by-day"
SHOWN = 50  # users of one action; SNS accepts 256 KB

REPORTED = "report sent"

# What each action means, in the order of the report.
MEANINGS = {
    audit.REVIEW: "disabled while signing in, and changed by another principal since: decide whether to enable them",
    audit.UNREACHABLE: "could not be warned, because they have no verified address",
    audit.DISABLED: "disabled",
    audit.WOULD_DISABLE: "would have been disabled, but for the dry run",
    audit.RESTORED: "disabled while signing in, and enabled again",
    audit.WARNED: "warned",
    audit.WOULD_WARN: "would have been warned, but for the dry run",
    audit.KEPT: "kept, because they signed in at the last moment",
    audit.EXEMPT: "exempt",
    audit.GONE: "no longer there",
}
NOTHING = (
    "The audit table has no entries of these days: no user was due, or no record was handled. The alarms of this "
    "capability report records that could not be handled."
)

Entry = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Settings:
    """The environment. POOLS: ids of user pools. REPORT_DAYS: complete days that one report covers."""

    audit_table: str
    pools: list[str]
    topic_arn: str
    report_days: int = 7


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Send one report. Raise SettingsError if the environment is invalid."""
    log = observability.begin(context)
    config = settings.load(Settings)
    # EventBridge Scheduler gives the time in seconds, with a Z.
    at = datetime.fromisoformat(event["scheduled_at"]) if "scheduled_at" in event else datetime.now(UTC)
    today = at.astimezone(UTC).date()
    days = [(today - timedelta(days=number)).isoformat() for number in range(config.report_days, 0, -1)]
    entries = read(clients.client("dynamodb"), config.audit_table, days)
    counts = collections.Counter(text(entry, "action") for entry in entries)
    clients.client("sns").publish(
        TopicArn=config.topic_arn, Subject=subject(days, counts), Message=message(days, config.pools, entries)
    )
    log.info(REPORTED, extra={"from": days[0], "to": days[-1], "counts": dict(counts)})
    return {"from": days[0], "to": days[-1], "counts": dict(counts)}


def read(dynamodb: Any, table: str, days: Sequence[str]) -> list[Entry]:
    """Return the entries of these days, in order."""
    found: list[Entry] = []
    for day in days:
        pages = dynamodb.get_paginator("query").paginate(
            TableName=table,
            IndexName=INDEX,
            KeyConditionExpression="#day = :day",
            ExpressionAttributeNames={"#day": "day"},
            ExpressionAttributeValues={":day": {"S": day}},
        )
        found += [entry for page in pages for entry in page["Items"]]
    return found


def text(entry: Entry, name: str) -> str:
    """Return a text attribute of an entry, or "?" if it has none: one odd entry must not end the report."""
    return str(entry.get(name, {}).get("S") or "?")


def subject(days: Sequence[str], counts: Mapping[str, int]) -> str:
    """Return the subject: ASCII, and fewer than 100 characters, as SNS requires."""
    shown = ", ".join(f"{counts[action]} {action}" for action in MEANINGS if counts.get(action)) or "nothing to report"
    return re.sub(r"[^ -~]", "?", f"Inactive users {days[0]} to {days[-1]}: {shown}")[:99]


def message(days: Sequence[str], pools: Sequence[str], entries: Sequence[Entry]) -> str:
    """Return the text: the days and pools that it covers, then each action with its users."""
    by_action: dict[str, list[Entry]] = {}
    for entry in entries:
        by_action.setdefault(text(entry, "action"), []).append(entry)
    lines = [f"Inactive users, {days[0]} to {days[-1]} (UTC), in {', '.join(pools)}.", ""]
    for action in [*MEANINGS, *sorted(by_action.keys() - MEANINGS.keys())]:
        if mine := by_action.get(action):
            lines.append(f"{action}: {len(mine)} users were {MEANINGS.get(action, 'noted so')}.")
            lines += [line(entry) for entry in mine[:SHOWN]]
            lines += [f"  and {len(mine) - SHOWN} more: see the audit table"] if len(mine) > SHOWN else []
            lines.append("")
    if not entries:
        lines.append(NOTHING)
    lines.append("To find a user: aws cognito-idp list-users --user-pool-id POOL --filter 'sub = \"SUB\"'")
    return "\n".join(lines)


def line(entry: Entry) -> str:
    """Return the line of one entry."""
    pool, sub, at, seen = (text(entry, name) for name in ("userpool_id", "sub", "event", "last_seen"))
    return f"  {pool}  {sub}  {at[:16]}  last seen {seen[:10]}"
