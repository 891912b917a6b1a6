"""The files of this package: recorded calls."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
CALLS = FOLDER / "calls.json"


@dataclass(frozen=True)
class Calls:
    """Operations by resource type and kind (`read`, `change`), recorded with a version of the provider."""

    types: dict[str, dict[str, list[str]]]
    provider: str

    @classmethod
    def read(cls) -> Calls:
        """Read the file."""
        content = json.loads(CALLS.read_text())
        return cls(content["types"], content["provider"])

    def add(self, name: str, kind: str, operation: str) -> None:
        """Add an operation that was seen."""
        seen = self.types.setdefault(name, {"read": [], "change": []})[kind]
        if operation not in seen:
            seen.append(operation)

    def write(self) -> None:
        """Write the file, in the order of names."""
        types = {
            name: {kind: sorted(seen) for kind, seen in kinds.items()} for name, kinds in sorted(self.types.items())
        }
        content = {"about": "Written by `python -m tools.deploy.record`.", "provider": self.provider, "types": types}
        CALLS.write_text(json.dumps(content, indent=2) + "\n")
