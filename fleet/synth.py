"""Compose roots with CDK Terrain: `python synth.py DIRECTORY`, with a JSON list of roots on standard input.

It runs in an environment of its own, with nothing of this repository's. A root is {"name", "terraform": {…},
"backend": {…}, "provider": {…}, "states": {label: {…}}, "resources": {type: {label: {…}}}, "modules": {label:
{"source", "arguments"}}, "outputs": {name: value}}. One call crosses the pipe to Node for each module and state, with
its arguments as a whole. Keys of a module's `variables` and of overrides are written as they are, byte for byte; those
of other constructs change to snake_case.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cdktn


def compose(app: cdktn.App, root: dict[str, Any]) -> None:
    """Add a stack for a root."""
    made = cdktn.TerraformStack(app, root["name"])
    cdktn.S3Backend(made, **root["backend"])
    made.add_override("terraform", root["terraform"])
    made.add_override("provider", {"aws": [root["provider"]]})
    if root["resources"]:
        made.add_override("resource", root["resources"])
    for label, settings in root["states"].items():
        cdktn.DataTerraformRemoteStateS3(made, label, **settings)
    for label, module in root["modules"].items():
        cdktn.TerraformHclModule(
            made,
            label,
            source=module["source"],
            variables=module["arguments"],
            skip_asset_creation_from_local_modules=True,
        )
    if root["outputs"]:
        made.add_override("output", {name: {"value": value} for name, value in root["outputs"].items()})


def plain(content: dict[str, Any]) -> dict[str, Any]:
    """Return what was composed without its comments, which have ids of constructs. A map's key `//` is data."""
    blocks = [*content.get("module", {}).values()]
    blocks += [block for kind in content.get("data", {}).values() for block in kind.values()]
    for block in (content, *blocks):
        block.pop("//", None)
    return content


def main(directory: Path) -> None:
    """Write `<name>.json` for each root."""
    app = cdktn.App(outdir=str(directory / "composed"), stack_traces=False, skip_validation=True)
    roots = json.load(sys.stdin)
    for root in roots:
        compose(app, root)
    app.synth()
    for root in roots:
        [composed] = (directory / "composed" / "stacks" / root["name"]).glob("*.tf.json")
        content = plain(json.loads(composed.read_text()))
        (directory / f"{root['name']}.json").write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
