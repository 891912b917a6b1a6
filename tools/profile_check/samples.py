"""Write samples of handlers: one file, or several that each begin with `# file: <path>`, with the expected findings."""

from __future__ import annotations

import re
from pathlib import Path

_FILE = re.compile(r"# file: (\S+)")
MARK = re.compile(r"# ! (PC\d+)")
"""The comment of a line that a check has to report."""


def write(folder: Path, text: str) -> set[tuple[str, int, str]]:
    """Write a sample. Return the (path, line, rule) of its marks."""
    sources: dict[str, list[str]] = {}
    name = "main.py"
    for line in text.lstrip("\n").splitlines():
        if found := _FILE.match(line):
            name = found[1]
        else:
            sources.setdefault(name, []).append(line)
    for path, lines in sources.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("\n".join(lines) + "\n")
    return {
        (path, number, rule)
        for path, lines in sources.items()
        for number, line in enumerate(lines, 1)
        for rule in MARK.findall(line)
    }
