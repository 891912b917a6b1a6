"""The changes that a document makes: as data, against their limits, and as a notice."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .document import Embargo

SHOWN = 100  # entries of one kind in a notice; the record contains all of them
Changes = dict[str, dict[str, list[str]]]
# The public addresses of each version: all of IPv4, and of IPv6 2000::/3, which is all that is assigned.
# https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml
PUBLIC = {"IPV4": 2**32, "IPV6": 2**125}


@dataclass(frozen=True)
class Limits:
    """The most that one version of the document may add and remove together, so that a slip is not enforced."""

    countries: int
    addresses_percent: float


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


def excess(old: Embargo, new: Embargo, limits: Limits) -> list[str]:
    """Return a sentence for each limit that the change from one embargo to another exceeds."""
    advice = "If this is intended, make the change in several uploads, or raise change_limits"
    problems = []
    countries = len(old.countries ^ new.countries)
    if countries > limits.countries:
        problems.append(
            f"The document changes {countries} countries at once; the limit is {limits.countries:,}. "
            f"{advice}.countries."
        )
    for version, public in PUBLIC.items():
        percent = 100 * _difference(old.of_version(version), new.of_version(version)) / public
        if percent > limits.addresses_percent:
            problems.append(
                f"The document changes {percent:,.3g} % of the addresses of {version} at once; the limit is "
                f"{limits.addresses_percent:g} %. {advice}.addresses_percent."
            )
    return problems


def _difference(old: Iterable[str], new: Iterable[str]) -> int:
    """Return the number of addresses that are in only one of two collections of ranges of the same version."""
    edges: dict[int, int] = {}  # where coverage by `old` (bit 1) or `new` (bit 2) begins or ends
    for bit, ranges in ((1, old), (2, new)):
        # The type does not know that all ranges are of one version.
        for one in ipaddress.collapse_addresses(map(ipaddress.ip_network, ranges)):  # type: ignore[type-var]
            for edge in (int(one.network_address), int(one.broadcast_address) + 1):
                edges[edge] = edges.get(edge, 0) ^ bit
    found, covered, since = 0, 0, 0
    for edge in sorted(edges):
        found += edge - since if covered in (1, 2) else 0
        covered, since = covered ^ edges[edge], edge
    return found


def counts(changes: Changes) -> dict[str, dict[str, int]]:
    """Return the length of each list."""
    return {name: {kind: len(entries) for kind, entries in lists.items()} for name, lists in changes.items()}


def number(counted: dict[str, dict[str, int]]) -> int:
    """Return the sum of the result of `counts`."""
    return sum(each for kinds in counted.values() for each in kinds.values())


def any_of(changes: Changes) -> bool:
    """Return true if there is any change."""
    return any(entries for lists in changes.values() for entries in lists.values())


def changed(
    changes: Changes, repaired: Changes, settings: tuple[Any, Any] | None, rewritten: bool, version: str, location: str
) -> tuple[str, str]:
    """Return the subject (ASCII, under 100 characters) and the text of the notice of a change.

    `rewritten` says that the rules differed in something else than their entries.
    """
    number = counts(changes)
    what, shown = ("changed", number) if any_of(changes) or settings else ("repaired", counts(repaired))
    subject = f"Embargo {what}: " + ", ".join(
        f"+{shown[name]['added']} -{shown[name]['removed']} {name}" for name in ("countries", "ranges")
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
    if rewritten:
        lines.append("rules rewritten: another principal, or an update of this module, had changed more than entries")
    return subject, "\n".join([*lines, "", f"Record: {location}"])


def refused(version: str, problems: list[str], location: str) -> tuple[str, str]:
    """Return the subject and the text of the notice of a refused document."""
    lines = [f"Version {version} of the embargo document is not valid. The embargo in force does not change.", ""]
    return "Embargo document REFUSED", "\n".join([*lines, *(f"- {one}" for one in problems), "", f"Record: {location}"])
