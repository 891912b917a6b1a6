"""Read the resources of a plan or of a state."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def resources(shown: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the managed resources: `address`, `type`, and `values`, of which a plan has only those that it knows.

    *shown* is a plan as `terraform show -json` prints it, or a state as `terraform state pull` does.
    """
    for group in shown.get("resources", ()):
        for one in group["instances"] if group["mode"] == "managed" else ():
            index = f"[{json.dumps(one['index_key'])}]" if "index_key" in one else ""
            address = ".".join(filter(None, [group.get("module"), group["type"], group["name"]])) + index
            yield {"address": address, "type": group["type"], "values": one["attributes"]}
    pending = [shown.get("planned_values", {}).get("root_module", {})]
    while pending:
        module = pending.pop()
        pending += module.get("child_modules", [])
        yield from ({"values": {}, **one} for one in module.get("resources", []) if one["mode"] == "managed")
