"""The changes that a document makes, as data and as a notice."""

from typing import Any

from .document import Embargo

SHOWN = 100  # entries of one kind in a notice; the record contains all of them
Changes = dict[str, dict[str, list[str]]]


def between(old: Embargo, new: Embargo) -> Changes:
    """Return {"countries": {"added": [...], "removed": [...]}, "ranges": {...}}, with each list sorted."""
    pairs = {"countries": (old.countries, new.countries), "ranges": (old.ranges, new.ranges)}
    return {name: {"added": sorted(b - a), "removed": sorted(a - b)} for name, (a, b) in pairs.items()}


def repairs(reported: Embargo, wanted: Embargo, in_force: Embargo) -> Changes:
    """Return the differences between the last notice and the state in force that the update repairs.

    These are entries that other principals added ("removed") and entries that were lost ("added").
    """
    kept = Embargo(reported.countries & wanted.countries, reported.ranges & wanted.ranges)
    known = Embargo(reported.countries | wanted.countries, reported.ranges | wanted.ranges)
    return {
        name: {
            "added": sorted(getattr(kept, name) - getattr(in_force, name)),
            "removed": sorted(getattr(in_force, name) - getattr(known, name)),
        }
        for name in ("countries", "ranges")
    }


def counts(changes: Changes) -> dict[str, dict[str, int]]:
    """Return the length of each list."""
    return {name: {kind: len(entries) for kind, entries in lists.items()} for name, lists in changes.items()}


def any_of(changes: Changes) -> bool:
    """Return true if there is any change."""
    return any(entries for lists in changes.values() for entries in lists.values())


def changed(
    changes: Changes, repaired: Changes, settings: tuple[Any, Any] | None, version: str, location: str
) -> tuple[str, str]:
    """Return the subject (ASCII, under 100 characters) and the text of the notice of a change."""
    number = counts(changes)
    subject = "Embargo changed: " + ", ".join(
        f"+{number[name]['added']} -{number[name]['removed']} {name}" for name in ("countries", "ranges")
    )
    lines = [f"Version {version} of the embargo document is in force.", ""]
    for title, lists in (("", changes), ("repaired, changed by another principal: ", repaired)):
        for name in lists:
            for kind, entries in lists[name].items():
                if entries:
                    more = [f"and {len(entries) - SHOWN:,} more"] if len(entries) > SHOWN else []
                    lines.append(f"{title}{name} {kind} ({len(entries):,}): {', '.join(entries[:SHOWN] + more)}")
    if settings:
        lines.append(f"settings: {settings[0]} -> {settings[1]}")
    return subject, "\n".join([*lines, "", f"Record: {location}"])


def refused(version: str, problems: list[str], location: str) -> tuple[str, str]:
    """Return the subject and the text of the notice of a refused document."""
    lines = [f"Version {version} of the embargo document is not valid. The embargo in force does not change.", ""]
    return "Embargo document REFUSED", "\n".join([*lines, *(f"- {one}" for one in problems), "", f"Record: {location}"])
