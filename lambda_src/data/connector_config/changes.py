"""What a user has to know: the difference between two reports. Plain values, no AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import removal

KINDS = {"connectors": "connector", "worker_configurations": "worker configuration", "custom_plugins": "custom plugin"}
"""Lists of a report, with the words for what they contain."""


def rows(report: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the rows of a report by ARN; none where the report is not one."""
    listed = report.get(kind)
    return {str(one.get("arn")): one for one in listed if isinstance(one, dict)} if isinstance(listed, list) else {}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a line for each change, and nothing twice."""
    lines: list[str] = []
    for kind, words in KINDS.items():
        old, new = rows(before, kind), rows(after, kind)
        for arn, row in new.items():
            lines += [f"{words} {row['name']}: {text}" for text in _news(old.get(arn) or {}, row)]
        lines += [
            f"{words} {row.get('name')}: is gone"
            for arn, row in old.items()
            if arn not in new and row.get("decision") != removal.REMOVED and row.get("state") != "DELETING"
        ]
    return lines


def _news(old: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    for member in ("findings", "drift"):
        known = old.get(member) or ()
        yield from (text for text in row.get(member) or () if text not in known)
        if row.get("unread") is None:
            yield from (f"no longer: {text}" for text in known if text not in (row.get(member) or ()))
    if row["state"] == "FAILED" and old.get("state") != "FAILED":
        yield f"has failed ({row.get('reason')})"
    if row.get("unread") and row["unread"] != old.get("unread"):
        yield f"could not be read: {row['unread']}"
    decision = row.get("decision")
    if decision == removal.WAITING and old.get("decision") not in removal.COUNTING:
        yield f"is unused; may be removed after {row['remove_after']}"
    elif decision in (removal.WOULD_REMOVE, removal.REMOVED, removal.REFUSED) and decision != old.get("decision"):
        said = {removal.WOULD_REMOVE: "would be removed, if this were not a dry run", removal.REMOVED: "was removed"}
        yield said.get(decision, f"could not be removed: {row.get('refusal')}")


def message(lines: list[str], at: str, most: int = 50) -> str:
    """Return the notification of these changes, with at most `most` of them."""
    more = [f"… and {len(lines) - most} more: see the report"] if len(lines) > most else []
    return "\n".join([f"MSK Connect, {at}:", *lines[:most], *more])
