"""Review all connectors, plugins and worker configurations of the account and Region.

Event:  {} or anything of a schedule; {"dry_run": true} removes, writes and sends nothing.
Answer: the report's coverage and counts, and with `dry_run` the report.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common import aws_errors, reports, settings
from common.clients import client
from common.observability import begin, count

from . import changes, removal, rules
from .errors import Incomplete, InvalidDeclaration
from .inventory import FAILED, MISSING, Inventory, Row
from .removal import Policy

REVIEWED = "reviewed"
REMOVALS = {
    "worker_configurations": ("delete_worker_configuration", "workerConfigurationArn"),
    "custom_plugins": ("delete_custom_plugin", "customPluginArn"),
}


@dataclass(frozen=True)
class Settings:
    """The function's environment. MODE is off, dry_run or remove; MOST limits the removals of a review."""

    bucket: str
    bucket_owner: str
    declared_key: str
    report_key: str
    topic_arn: str
    mode: str
    name_prefix: str
    tags: dict[str, str]
    grace_days: int
    most: int

    def __post_init__(self) -> None:
        if self.mode not in ("off", "dry_run", "remove"):
            raise ValueError("MODE must be off, dry_run or remove")


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Write the report, remove what is due, and notify of what changed.

    Raise Incomplete after all that could be done is done, InvalidDeclaration, and ReportChanged if another review was
    faster.
    """
    using, log = settings.load(Settings), begin(context)
    dry = isinstance(event, Mapping) and event.get("dry_run") is True
    report, totals = review(using, client("kafkaconnect"), client("s3"), dry=dry)
    if dry:
        return {**totals, "report": report}
    for name, metric in METRICS.items():
        count(metric, totals[name])
    log.info(REVIEWED, extra={"totals": totals})
    if refusals := [text for kind in REMOVALS for text in _hard(report[kind])] + _unread(report):
        raise Incomplete("; ".join(refusals)[:2000])
    return totals


METRICS = {
    "drifted": "ConnectorsDrifted",
    "not_running": "ConnectorsNotRunning",
    "plain_secrets": "PlainSecrets",
    "unread": "ResourcesUnread",
}


def review(using: Settings, api: Any, s3: Any, *, dry: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the report and its totals, after everything is done that is due."""
    now = datetime.now(UTC)
    declared, patterns = _declared(using, s3)
    stored = reports.Stored(s3, using.bucket, using.report_key, using.bucket_owner)
    before, tag = stored.read()
    found = Inventory(api, declared, patterns)
    connectors = found.connectors()
    all_read = not any(row.get("unread") for row in connectors)
    report: dict[str, Any] = {
        "at": now.isoformat(timespec="seconds"),
        "mode": using.mode,
        "connectors": connectors,
        "worker_configurations": found.worker_configurations(),
        "custom_plugins": found.plugins(),
    }
    for kind in changes.KINDS:
        known = changes.rows(before, kind)
        for row in report[kind]:
            if row.get("unread"):  # what was known stays, so that it is not news when the row can be read again
                row["findings"] = (known.get(row["arn"]) or {}).get("findings") or []
    policy = Policy(using.mode, using.name_prefix, using.tags, timedelta(days=using.grace_days))
    for kind in REMOVALS:
        known = changes.rows(before, kind)
        ours = declared[kind]
        for row in report[kind]:
            row["used_by"] = [one["name"] for one in connectors if row["arn"] in one.get("uses", ())]
            row.update(removal.decide(row, ours, known.get(row["arn"]) or {}, policy, now, all_read=all_read))
    if not dry:
        remove(report, found, api, using.most)
    totals = report["totals"] = _totals(report)
    lines = changes.changes(before, report)
    totals["changes"] = len(lines)
    if not dry:
        if lines:  # before the report: after a crash in between, a notification comes twice, and is never lost
            subject = f"MSK Connect: {len(lines)} change{'s' if len(lines) > 1 else ''}"
            text = changes.message(lines, report["at"])
            client("sns").publish(TopicArn=using.topic_arn, Subject=subject, Message=text)
        stored.write(report, tag)
    return report, totals


def remove(report: dict[str, Any], found: Inventory, api: Any, most: int) -> None:
    """Delete what is due, worker configurations first, unless a connector has begun to use it."""
    due = [(kind, row) for kind in REMOVALS for row in report[kind] if row["decision"] == removal.DUE]
    used = found.usage() if due else set()
    for kind, row in due[:most]:
        if row["arn"] in used:
            _now_used(row)
            continue
        operation, member = REMOVALS[kind]
        try:
            getattr(api, operation)(**{member: row["arn"]})
            row["decision"] = removal.REMOVED
        except Exception as error:
            failure = aws_errors.read(error)
            if failure is None:
                raise
            if failure.kind is aws_errors.Kind.GONE:  # deleted by an attempt whose answer was lost, or by hand
                row["decision"] = removal.REMOVED
            elif failure.status in (400, 409) and not failure.transient and row["arn"] in found.usage():
                _now_used(row)
            else:
                row |= {"decision": removal.REFUSED, "refusal": f"{failure.code} at {operation}"}


def _now_used(row: Row) -> None:
    for member in ("unused_since", "remove_after"):
        row.pop(member, None)
    row["decision"] = removal.IN_USE


def _hard(listed: list[Row]) -> list[str]:
    return [f"{row['name']}: {row['refusal']}" for row in listed if row["decision"] == removal.REFUSED]


def _unread(report: Mapping[str, Any]) -> list[str]:
    return [
        f"{row['name']}: {row['unread']}"
        for kind in changes.KINDS
        for row in report[kind]
        if row.get("unread", "gone") != "gone"
    ]


def _totals(report: Mapping[str, Any]) -> dict[str, Any]:
    connectors = report["connectors"]
    every = [row for kind in changes.KINDS for row in report[kind]]
    return {
        **{kind: len(report[kind]) for kind in changes.KINDS},
        "drifted": sum(bool(row["drift"]) for row in connectors),
        "not_running": sum(row["state"] in (FAILED, MISSING) for row in connectors),
        "plain_secrets": sum(rules.secrets(row["findings"]) for row in every),
        "unread": len(_unread(report)) + sum(len(_hard(report[kind])) for kind in REMOVALS),
        "decisions": dict(Counter(row["decision"] for kind in REMOVALS for row in report[kind])),
    }


def _declared(using: Settings, s3: Any) -> tuple[dict[str, Any], rules.Rules]:
    """Return what Terraform declares. Raise InvalidDeclaration: without it, everything would look unused."""
    answer = s3.get_object(Bucket=using.bucket, Key=using.declared_key, ExpectedBucketOwner=using.bucket_owner)
    try:
        read = json.loads(answer["Body"].read())
        declared = {kind: {**read[kind]} for kind in changes.KINDS}
        return declared, rules.Rules(read["rules"])
    except (KeyError, TypeError, ValueError, re.error) as error:
        what = f"{using.declared_key} is not what Terraform writes: {type(error).__name__}"
        raise InvalidDeclaration(f"{what}. Apply the stack again.") from None
