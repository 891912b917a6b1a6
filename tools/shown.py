"""Read what `terraform show -json` prints, of a plan or of a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def resources(shown: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the managed resources: `address`, `type`, and `values`, of which a plan has only those that it knows."""
    values = shown.get("planned_values") or shown.get("values") or {}
    pending = [values.get("root_module", {})]
    while pending:
        module = pending.pop()
        pending += module.get("child_modules", [])
        yield from ({"values": {}, **one} for one in module.get("resources", []) if one["mode"] == "managed")
