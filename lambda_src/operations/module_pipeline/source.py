"""Read a module's folder: its version, what it declares, what its README lacks, and its archive.

HCL is read by lines, which `terraform fmt` puts in order: a block begins at the start of a line, and ends with a brace
there. What Terraform cannot parse is reported by `terraform validate`.
"""

import hashlib
import io
import json
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import GateError

VERSION_FILE = "VERSION"
# Semantic versioning 2.0.0 without build metadata: its "+" is a space in the query of a URL.
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?", re.ASCII)
_BLOCK = re.compile(r'(?m)^(resource|data|module|variable|output)[ \t]+"([\w-]+)"(?:[ \t]+"[\w-]+")?[ \t]*\{')
_SOURCE = re.compile(r'(?m)^[ \t]*source[ \t]*=[ \t]*"(\.{1,2}/[^"]*|\.\.)"')
REPORTS = ".gate"
"""Folder of the gate's own reports."""
LEFT_OUT = frozenset({".git", ".terraform", ".switchyard", "__pycache__", REPORTS})
"""Folders that belong to no module."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Declared:
    """A block of a module: its kind, its name and whether it has a description."""

    kind: str
    name: str
    file: str
    described: bool


class Module:
    """A Terraform module in a folder."""

    def __init__(self, folder: Path) -> None:
        """Raise GateError if the folder has no Terraform files."""
        self.folder = folder
        self.files = [path for path in _files(folder) if path.suffix == ".tf" or path.name.endswith(".tf.json")]
        self.code = [path for path in self.files if path.relative_to(folder).parts[0] != "tests"]
        if not any(path.parent == folder for path in self.files):
            raise GateError(f"{folder.name} has no Terraform files. Does the setting path name the module's folder?")

    def name_of(self, path: Path) -> str:
        """Return a path as it is written in messages."""
        return path.relative_to(self.folder).as_posix()

    def version(self) -> str:
        """Return the version. Raise GateError if the file VERSION does not have exactly one."""
        path = self.folder / VERSION_FILE
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise GateError(f"{VERSION_FILE} is missing: write the version to release into it, such as 1.2.0") from None
        if len(text) > 64 or not _VERSION.fullmatch(text):
            raise GateError(f"{VERSION_FILE} has {text[:80]!r}: write a semantic version such as 1.2.0 or 2.0.0-rc.1")
        return text

    def declared(self) -> list[Declared]:
        """Return the blocks of the module's own folder, without those of modules inside it."""
        return [one for path in self.files if path.parent == self.folder for one in _declared(path)]

    def scannable(self) -> int:
        """Return the number of resources outside tests, which Checkov must have seen."""
        return sum(one.kind == "resource" for path in self.code for one in _declared(path))

    def links(self) -> list[str]:
        """Return the symbolic links: a release holds files, and a link could lead out of the module."""
        return [self.name_of(path) for path in _walk(self.folder) if path.is_symlink()]

    def leaving(self) -> list[tuple[str, str]]:
        """Return (file, source) of each module call that leads out of the folder: a release does not have it."""
        top = self.folder.resolve()
        found = []
        for path in self.files:
            for source in _sources(path):
                target = (path.parent / source).resolve()
                if top != target and top not in target.parents:
                    found.append((self.name_of(path), source))
        return found

    def undocumented(self) -> list[tuple[str, str]]:
        """Return (name, reason) for each variable and output without a description or without a place in the README."""
        try:
            readme = (self.folder / "README.md").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return [("README.md", "is missing: describe what the module is for, its variables and its outputs")]
        found = []
        for one in self.declared():
            if one.kind not in ("variable", "output"):
                continue
            name = f"{one.kind} {one.name}"
            if not one.described:
                found.append((name, f"has no description in {one.file}"))
            if not re.search(rf"(?<![\w-]){re.escape(one.name)}(?![\w-])", readme):
                found.append((name, "is not in README.md"))
        return found

    def tests(self) -> list[str]:
        """Return the test files, wherever they are."""
        named = (self.name_of(p) for p in _files(self.folder) if p.name.endswith((".tftest.hcl", ".tftest.json")))
        return sorted(named)

    def archive(self) -> bytes:
        """Return a zip of the module without its tests: the same bytes for the same files.

        It is not compressed, since the output of deflate depends on the machine.
        """
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path in _files(self.folder):
                name = self.name_of(path)
                if name.startswith("tests/") or ".tfstate" in path.name:
                    continue
                info = zipfile.ZipInfo(name, _EPOCH)
                info.create_system = 3
                mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
                info.external_attr = (stat.S_IFREG | mode) << 16
                archive.writestr(info, path.read_bytes())
        return buffer.getvalue()


def digest(archive: bytes) -> str:
    """Return the digest of an archive that a release records."""
    return hashlib.sha256(archive).hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT:
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in _walk(folder) if path.is_file() and not path.is_symlink())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")


def _json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(_text(path))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _declared(path: Path) -> Iterator[Declared]:
    if path.suffix == ".json":
        yield from _declared_json(path)
        return
    text = _text(path)
    for match in _BLOCK.finditer(text):
        end = text.find("\n}", match.end())
        body = text[match.end() : end if end >= 0 else len(text)]
        yield Declared(match[1], match[2], path.name, bool(re.search(r"(?m)^\s*description\s*=\s*\S", body)))


def _declared_json(path: Path) -> Iterator[Declared]:
    for kind, named in _json(path).items():
        if kind not in ("resource", "data", "module", "variable", "output"):
            continue
        for blocks in named if isinstance(named, list) else [named]:
            for name, body in blocks.items() if isinstance(blocks, dict) else ():
                described = isinstance(body, dict) and bool(body.get("description"))
                yield Declared(kind, str(name), path.name, described)


def _sources(path: Path) -> Iterator[str]:
    if path.suffix != ".json":
        yield from (match[1] for match in _SOURCE.finditer(_text(path)))
        return
    calls = _json(path).get("module")
    for blocks in calls if isinstance(calls, list) else [calls]:
        for body in blocks.values() if isinstance(blocks, dict) else ():
            source = body.get("source") if isinstance(body, dict) else None
            if isinstance(source, str) and source.startswith("."):
                yield source
