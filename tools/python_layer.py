"""Make a layer with a Python interpreter, for functions whose runtime has none.

    python -m tools.python_layer FOLDER ZIP

FOLDER is a self-contained, relocatable Python for the function's architecture, as `uv python install` downloads it:
`bin/python3.13`, `lib/python3.13`. The layer has `bin/python3`, which is on PATH in every runtime of Lambda
(/opt/bin), and the standard library without what an extension cannot need. Same input, same bytes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools import package
from tools.bootstrap import SetupError

LEFT_OUT = {
    "__pycache__",
    "__phello__",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
    "unittest",
}
_LEFT_OUT_FILES = re.compile(r"_tkinter\..*|_test.*\.so|.*\.a|.*\.pyc")
_LIBRARY = re.compile(rb"libpython3[\w.]*\.so[\w.]*")


def library(folder: Path) -> Path:
    """Return the folder of the standard library, `lib/python3.x`. Raise SetupError if there is not exactly one."""
    found = [path.parent for path in sorted((folder / "lib").glob("python3.*/os.py"))]
    if len(found) != 1 or not (folder / "bin" / found[0].name).is_file():
        raise SetupError(f"{folder} is not a Python: it must have one bin/python3.x and its lib/python3.x/os.py.")
    if tuple(map(int, re.findall(r"\d+", found[0].name))) < (3, 11):
        raise SetupError(f"{folder} has {found[0].name}: the extension needs Python 3.11 or later.")
    return found[0]


def files(folder: Path) -> dict[str, bytes]:
    """Return the entries of the layer."""
    standard = library(folder)
    entries = {"bin/python3": (folder / "bin" / standard.name).read_bytes()}
    for name in set(_LIBRARY.findall(entries["bin/python3"])):  # an interpreter that is not linked with it has none
        if (path := folder / "lib" / name.decode()).is_file():
            entries[f"lib/{path.name}"] = path.read_bytes()
    for path in _kept(standard):
        entries[f"lib/{standard.name}/{path.relative_to(standard).as_posix()}"] = path.read_bytes()
    return entries


def _kept(standard: Path) -> Iterator[Path]:
    for path in sorted(standard.rglob("*")):
        parts = path.relative_to(standard).parts
        left_out = LEFT_OUT & set(parts) or parts[0].startswith("config-") or _LEFT_OUT_FILES.fullmatch(path.name)
        if path.is_file() and not left_out:
            yield path


def main(arguments: Sequence[str]) -> int:
    """Write the layer, and print its size. Return 1 if the folder has no suitable Python."""
    if len(arguments) != 2:
        print("Name a folder and a zip: python -m tools.python_layer FOLDER ZIP", file=sys.stderr)
        return 2
    try:
        made = package.write(Path(arguments[1]), package.archive(files(Path(arguments[0]))))
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{made.path}  {made.size / 1_000_000:.1f} MB  {made.sha256[:12]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
