"""What the service says about a profiling group, as one row of the report. Plain values, no AWS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]
"""`key`, `group`, `function`, `status`, `last_profile` (ISO 8601 or None), `recommendations` and, where there is one,
`reason`. A recommendation has `id`, `name`, `why` and `what_to_do`."""

PROFILED, SILENT, WAITING, OFF, MISSING, UNREADABLE = "profiled", "silent", "waiting", "off", "missing", "unreadable"
LONGEST = 1000
"""Characters that are kept of a text of the service."""


def status(described: Mapping[str, Any], now: datetime, silent_days: int) -> tuple[str, datetime | None]:
    """Return the status of a group that was described, and the time of its last profile.

    A group without a profile waits for its first one for as long as a profiled group may be silent.
    """
    enabled = (described.get("agentOrchestrationConfig") or {}).get("profilingEnabled", True)
    last = _time((described.get("profilingStatus") or {}).get("latestAgentProfileReportedAt"))
    if not enabled:
        return OFF, last
    since = last or _time(described.get("createdAt")) or now
    if now - since > timedelta(days=silent_days):
        return SILENT, last
    return (PROFILED if last else WAITING), last


def recommendations(answer: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what GetRecommendations found: recommendations and anomalies, each once, in the order of their ids.

    An item without the fields of its kind is kept under the name "unnamed".
    """
    found: dict[str, dict[str, str]] = {}
    for item in answer.get("recommendations") or ():
        pattern = _mapping(_mapping(item).get("pattern"))
        name = _words(pattern.get("name")) or _words(pattern.get("id")) or "unnamed"
        identity = _words(pattern.get("id")) or name
        found[identity] = {
            "id": identity,
            "name": name,
            "why": _words(pattern.get("description")),
            "what_to_do": _words(pattern.get("resolutionSteps")),
        }
    for item in answer.get("anomalies") or ():
        metric = _mapping(_mapping(item).get("metric"))
        frame = _words(metric.get("frameName")) or "unnamed"
        identity = f"anomaly:{frame}"
        found[identity] = {
            "id": identity,
            "name": f"Anomaly in {frame}",
            "why": _words(_mapping(item).get("reason")),
            "what_to_do": "Compare the profile with an earlier one in the console of CodeGuru Profiler.",
        }
    return [found[identity] for identity in sorted(found)]


def changes(before: Mapping[str, Any], rows: list[Row]) -> list[str]:
    """Return a line for each change since the previous report: what a user has to know, and nothing twice."""
    known = {row.get("key"): row for row in before.get("groups") or () if isinstance(row, dict)}
    lines: list[str] = []
    for row in rows:
        earlier = known.get(row["key"], {})
        old = {item["id"]: item for item in earlier.get("recommendations") or ()}
        new = {item["id"]: item for item in row["recommendations"]}
        lines += [_opened(row, item) for identity, item in new.items() if identity not in old]
        lines += [f"{row['function']}: ended: {old[gone]['name']}" for gone in old if gone not in new]
        if row["status"] in (SILENT, MISSING, UNREADABLE) and row["status"] != earlier.get("status"):
            lines.append(f"{row['function']}: {row['status']}: {row['reason']}")
        elif row["status"] == PROFILED and earlier.get("status") in (SILENT, MISSING, UNREADABLE):
            lines.append(f"{row['function']}: profiled again")
    return lines


def message(lines: list[str], at: str, most: int = 50) -> str:
    """Return the notification of these changes, with at most `most` of them."""
    more = [f"… and {len(lines) - most} more: see the report"] if len(lines) > most else []
    return "\n\n".join([f"Code profiling, {at}:", *lines[:most], *more])


def _opened(row: Row, item: Mapping[str, str]) -> str:
    parts = [f"{row['function']}: recommended: {item['name']}", item["why"], item["what_to_do"]]
    return "\n".join(part for part in parts if part)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _words(value: Any) -> str:
    return value.strip()[:LONGEST] if isinstance(value, str) else ""


def _time(value: Any) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
