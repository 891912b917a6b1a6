"""The part of a check that concerns chosen capabilities: `make unit CAPABILITIES="finding_export"` and the like.

    python -m tools.capabilities unit|plan-test|checkov|… [capability …]

It prints the arguments for the check's program, or none if that reads CAPABILITIES itself. Without names, the arguments
are those for everything. An unknown name is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import package
from tools.bootstrap import ROOT, SetupError


def chosen(names: Sequence[str]) -> list[str]:
    """Return the named capabilities as `<domain>/<capability>`, or all. Raise SetupError with the valid names."""
    return list(dict.fromkeys(package.select(names, package.all_capabilities())))


def unit(names: Sequence[str]) -> list[str]:
    """Return the folders of unit tests: those of the packages, and those that all share."""
    return ["tests/unit/common", *(f"tests/unit/{name}" for name in chosen(names))] if names else ["tests/unit"]


def plan_test(names: Sequence[str], root: Path = ROOT) -> list[str]:
    """Return a `-filter` for each file of plan tests and of refusals; an empty list for all of them."""
    found: list[str] = []
    for name in chosen(names) if names else []:
        patterns = (f"{name.replace('/', '_')}.tftest.hcl", f"refusals/{name}.yaml", f"refusals/{name}/*.yaml")
        files = [file for pattern in patterns for file in sorted((root / "tests").glob(pattern))]
        found += [f"-filter={file.relative_to(root).as_posix()}" for file in files]
    return found


def checkov(names: Sequence[str]) -> list[str]:
    """Return a `--directory` for each module; an empty list for all, which Checkov's configuration covers."""
    return [word for name in chosen(names) for word in ("--directory", f"modules/{name}")] if names else []


def concerns(readme: Path, names: Sequence[str], root: Path = ROOT) -> bool:
    """Return whether a README is about one of the capabilities; without names, about anything."""
    return not names or any(root / "modules" / name in readme.parents for name in chosen(names))


ARGUMENTS: dict[str, Callable[[Sequence[str]], list[str]]] = {"unit": unit, "plan-test": plan_test, "checkov": checkov}


if __name__ == "__main__":
    try:
        chosen(sys.argv[2:])
        print(*(ARGUMENTS[sys.argv[1]](sys.argv[2:]) if sys.argv[1] in ARGUMENTS else ()))
    except SetupError as error:
        sys.exit(str(error))
