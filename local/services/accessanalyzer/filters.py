"""Criteria of archive rules and of listings.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-filter-keys.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .exceptions import ValidationException

KEYS = frozenset(
    {
        "analyzedAt",
        "createdAt",
        "error",
        "findingType",
        "id",
        "isPublic",
        "principal.AWS",
        "principal.CanonicalUser",
        "principal.Federated",
        "resource",
        "resourceOwnerAccount",
        "resourceType",
        "sources.type",
        "status",
        "updatedAt",
    }
)
LISTING_ONLY = frozenset({"analyzedAt", "createdAt", "id", "status", "updatedAt"})
OPERATORS = {
    "eq": lambda value, wanted: value in wanted,
    "neq": lambda value, wanted: value not in wanted,
    "contains": lambda value, wanted: value is not None and any(part in value for part in wanted),
    "exists": lambda value, wanted: (value is not None) is wanted,
}


def check(criteria: Mapping[str, Any], archive_rule: bool = False) -> None:
    """Check criteria. Raise ValidationException for a key that is not a filter key, or a criterion without values."""
    if archive_rule and not criteria:
        raise ValidationException("The filter of an archive rule needs at least one criterion.")
    for key, criterion in criteria.items():
        known = key in KEYS or re.fullmatch(r"condition\.\S+", key)
        if not known or (archive_rule and key in LISTING_ONLY):
            raise ValidationException(f"{key} is not a valid filter key.")
        if not any(criterion.get(name) is not None for name in OPERATORS):
            raise ValidationException(f"The criterion for {key} needs one of {', '.join(OPERATORS)}.")
        for name, wanted in criterion.items():
            if name != "exists" and not 1 <= len(wanted) <= 20:
                raise ValidationException(f"{name} of {key} takes 1 to 20 values.")


def _values(finding: Mapping[str, Any], key: str) -> Iterator[str | None]:
    head, _, rest = key.partition(".")
    if head in ("principal", "condition"):
        yield finding.get(head, {}).get(rest)
    elif head == "sources":
        yield from (source["type"] for source in finding.get("sources", []))
    else:
        value = finding.get(key)
        yield str(value).lower() if isinstance(value, bool) else value


def matches(finding: Mapping[str, Any], criteria: Mapping[str, Any]) -> bool:
    """Return whether a finding meets every operator of every criterion."""
    return all(
        any(OPERATORS[name](value, wanted) for value in _values(finding, key))
        for key, criterion in criteria.items()
        for name, wanted in criterion.items()
        if wanted is not None
    )
