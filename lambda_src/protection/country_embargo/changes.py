"""What a document changes, as data and as a message."""

from typing import Any

from .document import Embargo

SHOWN = 100  # entries of one kind in a message; the record holds them all
Changes = dict[str, dict[str, list[str]]]


def between(old: Embargo, new: Embargo) -> Changes:
    """{"countries": {"added": [...], "removed": [...]}, "ranges": {...}}, each list sorted."""
    pairs = {"countries": (old.countries, new.countries), "ranges": (old.ranges, new.ranges)}
    return {name: {"added": sorted(b - a), "removed": sorted(a - b)} for name, (a, b) in pairs.items()}


def repairs(told: Embargo, wanted: Embargo, in_force: Embargo) -> Changes:
    """What was in force against the last notice and is put right: entries of others, and entries that were lost."""
    kept = Embargo(told.countries & wanted.countries, told.ranges & wanted.ranges)
    known = Embargo(told.countries | wanted.countries, told.ranges | wanted.ranges)
    return {
        name: {
            "added": sorted(getattr(kept, name) - getattr(in_force, name)),
            "removed": sorted(getattr(in_force, name) - getattr(known, name)),
        }
        for name in ("countries", "ranges")
    }


def counts(changes: Changes) -> dict[str, dict[str, int]]:
    """The lengths of the lists."""
    return {name: {kind: len(entries) for kind, entries in lists.items()} for name, lists in changes.items()}


def any_of(changes: Changes) -> bool:
    """Whether anything changes."""
    return any(entries for lists in changes.values() for entries in lists.values())


def told(
    changes: Changes, repaired: Changes, settings: tuple[Any, Any] | None, version: str, location: str
) -> tuple[str, str]:
    """Subject (ASCII, under 100 characters) and text of a notice."""
    number = counts(changes)
    subject = "Embargo changed: " + ", ".join(
        f"+{number[name]['added']} -{number[name]['removed']} {name}" for name in ("countries", "ranges")
    )
    lines = [f"Version {version} of the embargo document is in force.", ""]
    for title, lists in (("", changes), ("put right, changed by somebody else: ", repaired)):
        for name in lists:
            for kind, entries in lists[name].items():
                if entries:
                    more = [f"and {len(entries) - SHOWN:,} more"] if len(entries) > SHOWN else []
                    lines.append(f"{title}{name} {kind} ({len(entries):,}): {', '.join(entries[:SHOWN] + more)}")
    if settings:
        lines.append(f"settings: {settings[0]} -> {settings[1]}")
    return subject, "\n".join([*lines, "", f"Record: {location}"])


def refused(version: str, problems: list[str], location: str) -> tuple[str, str]:
    """Subject and text of the notice of a document that was refused."""
    lines = [f"Version {version} of the embargo document is not valid. What was in force stays in force.", ""]
    return "Embargo document REFUSED", "\n".join([*lines, *(f"- {one}" for one in problems), "", f"Record: {location}"])
