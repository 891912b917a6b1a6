"""Timestamps as Security Hub writes them (RFC 3339, up to nine digits of a second, any offset)."""

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d(:?\d\d)?)")


def parse(text: object) -> datetime | None:
    """Return the time in UTC, or None if `text` is not a full timestamp with an offset."""
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def canonical(moment: datetime) -> str:
    """Return `moment` (UTC) cut to the millisecond, in one fixed-width form: the strings sort like the times."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
