"""Find and read Python files. A file that cannot be read is a row, and the others go on."""

from __future__ import annotations

import ast
import io
import os
import re
import stat
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LARGEST = 2_000_000
"""Bytes of a file that are still read: generated code is larger."""
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages", "venv", "env"})
"""Folders, besides hidden ones, that hold other people's code."""
_TEST = re.compile(r"^(test_.*|.*_test|conftest)\.py$")
_IGNORE = re.compile(r"#\s*profile:\s*ignore\b[\s:,-]*(.*)$")


@dataclass(frozen=True)
class Row:
    """A file or folder that was not checked, with the reason."""

    path: str
    line: int
    rule: str
    reason: str


@dataclass
class Source:
    """A file that was read: its syntax tree, and the reason of the mark on each line that has one."""

    path: Path
    tree: ast.Module
    ignores: dict[int, str] = field(default_factory=dict)
    alone: set[int] = field(default_factory=set)
    """Lines that have a mark and no code: the mark concerns the next line."""


def find(paths: Iterable[Path], rows: list[Row]) -> Iterator[Path]:
    """Yield the Python files of files and folders, each once, in order. Add a row for what cannot be listed.

    In folders, hidden and installed folders and tests are left out. Links to folders are not followed.
    """
    seen: set[str] = set()
    for path in paths:
        found: Iterable[Path] = _walk(path, rows) if path.is_dir() else [path]
        for file in found:
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file


def _walk(folder: Path, rows: list[Row]) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        rows.append(Row(str(error.filename), 0, "PC911", f"the folder cannot be listed: {error.strerror}"))

    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        for name in sorted(names):
            if name.endswith(".py") and not _TEST.match(name):
                yield Path(where) / name


def read(path: Path, largest: int = LARGEST) -> Source | Row:
    """Return a file with its syntax tree, or the reason why it has none."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):  # a pipe would wait for ever
            return Row(str(path), 0, "PC911", "it is not a regular file")
        if state.st_size > largest:
            return Row(str(path), 0, "PC912", f"it has more than {largest:,} bytes; raise the limit with --largest")
        raw = path.read_bytes()
    except OSError as error:
        return Row(str(path), 0, "PC911", f"it cannot be read: {error.strerror}")
    return parse(path, raw)


def parse(path: Path, raw: bytes) -> Source | Row:
    """Return the syntax tree of a file's content, or the reason why it has none."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except (SyntaxError, UnicodeError, LookupError) as error:
        return Row(str(path), 0, "PC913", f"its text cannot be decoded: {error}")
    version = ".".join(map(str, sys.version_info[:2]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a string is its author's concern
            tree = ast.parse(text.removeprefix("\ufeff"), str(path))
    except SyntaxError as error:
        return Row(str(path), error.lineno or 0, "PC914", f"this Python ({version}) cannot parse it: {error.msg}")
    except (RecursionError, MemoryError, ValueError) as error:
        return Row(str(path), 0, "PC914", f"Python cannot parse it: {type(error).__name__} {error}".rstrip())
    source = Source(path, tree)
    _marks(source, text)
    return source


def _marks(source: Source, text: str) -> None:
    """Note the comments `# profile: ignore <reason>`; strings that look like one do not count."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and (found := _IGNORE.search(token.string)):
                source.ignores[token.start[0]] = found[1].strip()
                if not token.line[: token.start[1]].strip():
                    source.alone.add(token.start[0])
    except (tokenize.TokenError, SyntaxError):  # the parser accepted it, so that at most marks are missing
        return
