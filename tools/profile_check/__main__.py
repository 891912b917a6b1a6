"""`python -m tools.profile_check PATH [PATH …]`: print findings and what was not checked.

Exit status: 0 if everything was checked and nothing found, 1 with findings, 2 if something was not checked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import files, modules, rules
from .files import Row, Source
from .walk import Finding, Walk


@dataclass
class Result:
    """What a check found. `ignored` are findings with a reason; `rows` were not checked."""

    files: int = 0
    handlers: int = 0
    findings: list[Finding] = field(default_factory=list)
    hints: list[Finding] = field(default_factory=list)
    ignored: list[Finding] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Return the exit status."""
        return 1 if self.findings else 2 if self.rows else 0


def check(paths: Iterable[Path], largest: int = files.LARGEST) -> Result:
    """Check the handlers in files and folders. A file or handler that cannot be checked is a row."""
    result = Result()
    sources: list[Source] = []
    for path in files.find(paths, result.rows):
        source = files.read(path, largest)
        if isinstance(source, Row):
            result.rows.append(source)
        else:
            sources.append(source)
    result.files = len(sources)
    if not sources and not result.rows:
        result.rows.append(Row("", 0, "PC910", "there is no Python file: nothing was checked"))
    found = _findings(sources, result)
    _sort_out(found, sources, result)
    return result


def _findings(sources: list[Source], result: Result) -> list[Finding]:
    read = []
    for source in sources:
        try:
            read.append(modules.read(source))
        except Exception as error:  # noqa: BLE001 - one odd file is a row
            result.rows.append(_odd(source, 0, error))
    walk = Walk(modules.Program(read))
    for module in read:
        for function in module.handlers:
            result.handlers += 1
            try:
                walk.handler(function)
            except Exception as error:  # noqa: BLE001 - one odd handler is a row
                result.rows.append(_odd(module.source, function.node.lineno, error))
    return sorted(walk.findings.values(), key=lambda found: (found.path, found.line, found.rule, found.column))


def _odd(source: Source, line: int, error: Exception) -> Row:
    deep = isinstance(error, RecursionError)
    reason = "it is nested too deeply" if deep else f"the check failed: {type(error).__name__} {error}"
    return Row(modules.name_of(source.path), line, "PC915", reason)


def _sort_out(found: list[Finding], sources: list[Source], result: Result) -> None:
    """Apply the marks: one with a reason ignores what is on its lines, one without a reason is a finding."""
    marks = {modules.name_of(source.path): source for source in sources}
    used: set[tuple[str, int]] = set()
    for finding in found:
        source = marks[finding.path]
        lines = [line for line in range(finding.line, finding.last_line + 1) if line in source.ignores]
        lines += [line for line in [finding.line - 1] if line in source.alone]
        used |= {(finding.path, line) for line in lines}
        if any(source.ignores[line] for line in lines):
            result.ignored.append(finding)
        else:
            (result.hints if finding.hint else result.findings).append(finding)
    for path, source in marks.items():
        for line, reason in source.ignores.items():
            if not reason:
                text = "the mark has no reason: write `# profile: ignore <reason>`"
                result.findings.append(Finding(path, line, 1, rules.NO_REASON, text))
            elif (path, line) not in used:
                text = "the mark ignores nothing: remove it"
                result.hints.append(Finding(path, line, 1, rules.UNUSED, text, hint=True))
    result.findings.sort(key=lambda finding: (finding.path, finding.line, finding.rule, finding.column))


def _text(result: Result, hints: bool) -> str:
    shown = result.findings + (result.hints if hints else [])
    lines = [f"{f.path}:{f.line}:{f.column}: {f.rule} {'hint: ' if f.hint else ''}{f.text}" for f in shown]
    lines += [f"{row.path}:{row.line}: {row.rule} not checked: {row.reason}" for row in result.rows]
    counts = [(result.files, "files"), (result.handlers, "handlers"), (len(result.findings), "findings")]
    counts += [(len(result.ignored), "ignored"), (len(result.hints), "hints"), (len(result.rows), "not checked")]
    return "\n".join([*lines, ", ".join(f"{number:,} {what}" for number, what in counts)])


def _json(result: Result) -> str:
    def entry(found: Finding) -> dict[str, object]:
        return {"path": found.path, "line": found.line, "column": found.column, "rule": found.rule, "text": found.text}

    kinds = {"findings": result.findings, "hints": result.hints, "ignored": result.ignored}
    document: dict[str, object] = {"files": result.files, "handlers": result.handlers}
    document |= {name: [entry(found) for found in kind] for name, kind in kinds.items()}
    document["not_checked"] = [vars(row) for row in result.rows]
    return json.dumps(document, indent=2)


def main(arguments: Sequence[str]) -> int:
    """Run the check. Return the exit status."""
    parser = argparse.ArgumentParser("python -m tools.profile_check", description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file or a folder")
    parser.add_argument("--hints", action="store_true", help="print also what may be intended")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--largest", type=int, default=files.LARGEST, help="bytes of a file that is still read")
    given = parser.parse_args(arguments)
    result = check(given.paths, given.largest)
    text = _json(result) if given.json else _text(result, given.hints)
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")  # names of files need not be UTF-8
    sys.stdout.flush()
    return result.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
