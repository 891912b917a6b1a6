"""Run Checkov once, with a report in each format, and judge the run by what it looked at.

Checkov's exit status is not a verdict: it is 0 for a file that Checkov cannot parse, and for a folder in which it found
nothing to scan. https://github.com/bridgecrewio/checkov/issues/5248, https://github.com/bridgecrewio/checkov/issues/3065
"""

import json
import os
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import programs
from .errors import GateError

OUTPUTS = {
    "cli": "checkov.result.txt",
    "json": "checkov.json",
    "junitxml": "checkov.xml",
    "sarif": "checkov.sarif",
}
"""Checkov's formats, and the file of each."""
SECONDS = 600.0


@dataclass(frozen=True)
class Scan:
    """What Checkov said: failures (check and resource, reason), files that it could not parse, and counts."""

    failures: list[tuple[str, str]] = field(default_factory=list)
    unparsed: list[str] = field(default_factory=list)
    passed: int = 0
    skipped: int = 0
    resources: int = 0

    @property
    def looked_at(self) -> int:
        """Return how much was scanned. Checkov counts no resources in JSON files, but their checks."""
        return self.resources + self.passed + self.skipped + len(self.failures)


def run(folder: Path, reports: Path) -> Scan:
    """Scan a module and write all reports. Raise GateError if Checkov did not do its work."""
    names = [str((reports / name).resolve()) for name in OUTPUTS.values()]
    with tempfile.TemporaryDirectory() as empty:
        # Checkov also reads settings from the folders of -d, from the current folder and from HOME. The module must
        # not set up its own gate: the folder is given in a form in which Checkov does not look for settings.
        environ = {**programs.without_credentials(), "HOME": empty}
        arguments = [
            "checkov",
            f"--directory={folder.resolve()}",
            *("--framework", "terraform", "terraform_json"),
            *("--skip-path", "^tests/", "--skip-path", r"/\.terraform/"),
            *("--skip-download", "--compact", "--download-external-modules", "false"),
            *(part for name in OUTPUTS for part in ("-o", name)),
            *("--output-file-path", ",".join(names)),
        ]
        environ = {name: value for name, value in environ.items() if not name.startswith(("CKV_", "CHECKOV_"))}
        done = programs.run(arguments, Path(empty), environ, SECONDS, grace=10)
    if done.late:
        raise GateError(f"Checkov did not end within {SECONDS:.0f} s")
    if done.status not in (0, 1):
        raise GateError(f"Checkov ended with status {done.status}: {done.said}")
    try:
        return read(json.loads(Path(names[1]).read_text(encoding="utf-8")), folder)
    except (OSError, ValueError):
        raise GateError(f"Checkov wrote no report: {done.said}") from None


def read(data: Any, folder: Path) -> Scan:
    """Read Checkov's JSON: an object for each framework that found something, or one without results."""
    failures: list[tuple[str, str]] = []
    unparsed: set[str] = set()
    passed = skipped = resources = 0
    for part in data if isinstance(data, list) else [data]:
        results, counts = part.get("results") or {}, part.get("summary") or part
        failures += [_failure(one) for one in results.get("failed_checks") or []]
        unparsed.update(_relative(str(path), folder) for path in results.get("parsing_errors") or [])
        passed += int(counts.get("passed", 0))
        skipped += int(counts.get("skipped", 0))
        resources += int(counts.get("resource_count", 0))
        if counts.get("parsing_errors") and not results.get("parsing_errors"):
            unparsed.add("a file that the report does not name")
    return Scan(sorted(failures), sorted(unparsed), passed, skipped, resources)


def unaccepted(scan: Scan, accepted: Collection[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the failures for files that were not parsed, and notes on those that are accepted by name."""
    why = "Checkov could not parse it, so nothing in it was checked; accept_unparsed can name it"
    failures = [(path, why) for path in scan.unparsed if path not in accepted]
    notes = [f"{path} was not scanned: accept_unparsed names it" for path in scan.unparsed if path in accepted]
    idle = sorted(set(accepted) - set(scan.unparsed))
    return failures, notes + [f"{path} was scanned: accept_unparsed need not name it" for path in idle]


def nothing(scan: Scan, declared: int) -> Sequence[tuple[str, str]]:
    """Return a failure if the module has resources and Checkov saw none."""
    if declared and not scan.looked_at and not scan.unparsed:
        return [("nothing scanned", f"the module has {declared} resources, and Checkov saw none of them")]
    return []


def _failure(one: dict[str, Any]) -> tuple[str, str]:
    lines = one.get("file_line_range") or [0]
    name = f"{one.get('check_id')} {one.get('resource')}"
    return name, f"{one.get('check_name')} ({str(one.get('file_path', '')).lstrip('/')}:{lines[0]})"


def _relative(path: str, folder: Path) -> str:
    root = str(folder.resolve())
    return (os.path.relpath(path, root) if path.startswith(root + os.sep) else path).lstrip("/")
