"""Refuse the words of docs/words.txt in prose: Markdown text, comments, docstrings, descriptions and messages.

    python -m tools.words                 print each occurrence with what to write instead; status 1 if there are any
    python -m tools.words modules local   only these files and folders
    python -m tools.words --count         print a table instead: occurrences per word and folder

The tables of a module's README repeat its descriptions: change those, then run `make docs`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Literal, Name, String, Text
from rich.console import Console
from rich.table import Table

from tools.bootstrap import ROOT, SetupError
from tools.docs import SKIPPED

WORDS = ROOT / "docs" / "words.txt"
LEXERS = {
    ".css": "css",
    ".hcl": "terraform",
    ".html": "html",
    ".in": "bash",
    ".js": "javascript",
    ".md": "markdown",
    ".py": "python",
    ".tf": "terraform",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
    "Makefile": "make",
}
"""Pygments' lexer by a file's suffix, or by its name if it has none."""
CODE_PROSE = (Comment, String, Literal.Scalar)
TEXT_PROSE = (Comment, String, Text, Generic, Name.Tag, Keyword)  # the last two: links, the marks of quotations
NO_PROSE = "\0"


@dataclass(frozen=True)
class Rule:
    """A pattern that is refused, as written in the word list, and the advice that goes with it."""

    pattern: str
    advice: str

    @property
    def regex(self) -> re.Pattern[str]:
        """Return the compiled pattern: whole words, any case, any white space for a space."""
        return re.compile(rf"\b(?:{self.pattern})\b".replace(" ", r"\s+"), re.IGNORECASE)


@dataclass(frozen=True)
class Occurrence:
    """A refused word: its file relative to the repository, the line where it begins, and its text."""

    path: str
    line: int
    text: str
    rule: Rule


def rules(path: Path) -> list[Rule]:
    """Return the rules of a word list. Raise SetupError for a line without advice or with an invalid pattern."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, _, advice = (part.strip() for part in line.partition("->"))
        try:
            found.append(Rule(pattern, advice))
            valid = bool(pattern and advice and found[-1].regex)
        except re.error as error:
            raise SetupError(f"{path}:{number}: {error}") from None
        if not valid:
            raise SetupError(f"{path}:{number}: write a pattern, ->, and what to write instead.")
    return found


def files(start: Path) -> Iterator[Path]:
    """Yield the files to check, sorted. Omit links: their targets are checked where they are.

    Raise SetupError if there is no such file or folder.
    """
    if not start.exists():
        raise SetupError(f"{start}: no such file or folder")
    paths = [start]
    if start.is_dir():
        paths = []
        for parent, folders, names in os.walk(start):
            folders[:] = sorted(set(folders) - SKIPPED - {"__pycache__"})
            paths += [Path(parent, name) for name in sorted(names)]
    yield from (path for path in paths if _kind(path) in LEXERS and not path.is_symlink())


def _kind(path: Path) -> str:
    """Return the key of a file in LEXERS."""
    return path.suffix or path.name


def prose(text: str, lexer: str) -> str:
    """Return `text` with NUL for each character that is not prose, so that all words keep their positions."""
    kinds = TEXT_PROSE if lexer in {"markdown", "html"} else CODE_PROSE
    kept = []
    # Pygments counts positions from the start of a fence inside it: only the values in their order are the text.
    tokens = get_lexer_by_name(lexer, stripnl=False, ensurenl=False).get_tokens_unprocessed(text)
    values = ((token, value) for _, token, value in tokens)
    for _, group in groupby(values, key=lambda pair: pair[0] in String):
        parts = list(group)
        # One word in quotes is a name, not a sentence.
        sentence = re.search(r"\s", _unmarked("".join(value for _, value in parts)).strip()) is not None
        for token, value in parts:
            is_prose = any(token in kind for kind in kinds) and token not in String.Backtick
            is_prose &= sentence or token not in String
            kept.append(value if is_prose else re.sub(r"\S", NO_PROSE, value))
    return _unmarked("".join(kept))


def _unmarked(text: str) -> str:
    """Return `text` with spaces for what a sentence continues across: marks of comments, quotations and emphasis.

    This includes the other parts of a string: line feeds and, in HCL, interpolated values.
    """
    marks = re.compile(r"(?m)^[ \t]*(?:#+|//|\*|>)|\*\*|\\n|[$%]\{[^}\n]*\}")
    return marks.sub(lambda match: " " * len(match[0]), text)


def occurrences(path: Path, refused: Sequence[Rule], root: Path) -> list[Occurrence]:
    """Return the refused words in a file's prose, in the order of its lines."""
    text = path.read_text()
    searched = _unmarked(text)
    matching = [rule for rule in refused if rule.regex.search(searched)]
    if not matching:
        return []  # as in most files: searching is much faster than finding out what is prose
    content = prose(text, LEXERS[_kind(path)])
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    found = [
        Occurrence(name, content.count("\n", 0, match.start()) + 1, re.sub(r"\s+", " ", match[0]), rule)
        for rule in matching
        for match in rule.regex.finditer(content)
    ]
    return sorted(found, key=lambda one: one.line)


def folder(path: str) -> str:
    """Return the folder under which a file is counted: `modules/posture`, `local`, or `.` for the root."""
    parts = Path(path).parts[:-1]
    return "/".join(parts[: 2 if parts and parts[0] in {"lambda_src", "modules", "tests"} else 1]) or "."


def count_table(found: Sequence[Occurrence]) -> Table:
    """Return a table of occurrences per word (rows) and folder (columns)."""
    cells = Counter((one.text.lower(), folder(one.path)) for one in found)
    words = Counter(one.text.lower() for one in found)
    folders = Counter(folder(one.path) for one in found)
    table = Table("word", *(name.replace("/", "/\n") for name in sorted(folders)), "all")
    for word, number in words.most_common():
        table.add_row(word, *(str(cells[word, name] or "") for name in sorted(folders)), str(number))
    table.add_section()
    table.add_row("all", *(str(folders[name]) for name in sorted(folders)), str(len(found)))
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the occurrences or their count. Return 1 if there are any and no count was requested."""
    parser = argparse.ArgumentParser(prog="python -m tools.words", description="Refuse the words of docs/words.txt.")
    parser.add_argument("paths", nargs="*", type=Path, help="files and folders; default: the whole repository")
    parser.add_argument("--count", action="store_true", help="print a table of occurrences per word and folder")
    given = parser.parse_args(arguments)
    refused = rules(WORDS)
    paths = [path for start in given.paths or [ROOT] for path in files(start.resolve())]
    found = [one for path in paths for one in occurrences(path, refused, ROOT)]
    if given.count:
        Console(width=220).print(count_table(found))
        return 0
    for one in found:
        print(f"{one.path}:{one.line}: {one.text!r}: write {one.rule.advice}")
    if found:
        print(f"words: {len(found)} refused; docs/style.md says how we write", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(str(error))
