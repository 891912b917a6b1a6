"""`python -m bench [capability …]`: measure, print tables, and keep `bench/results/<domain>_<capability>.json`."""

from __future__ import annotations

import importlib
import json
import platform
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all of them if none is named."""
    found = sorted(p.stem for p in HERE.glob("*.py") if not p.stem.startswith("_"))
    for asked in names or found:
        name = next((stem for stem in found if asked in (stem, stem.partition("_")[2])), "")
        if not name:
            print(f"There is no benchmark for {asked}. The benchmarks are: {', '.join(found)}.", file=sys.stderr)
            return 1
        results = importlib.import_module(f"bench.{name}").measure()
        table = Table(
            "figure",
            "value",
            "unit",
            title=f"{name} ({platform.machine()}, Python {platform.python_version()})",
        )
        for figure in results:
            table.add_row(figure["figure"], f"{figure['value']:,}", figure["unit"])
        Console().print(table)
        target = HERE / "results" / f"{name}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
