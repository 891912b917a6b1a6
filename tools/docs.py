"""Keep the READMEs correct: the tables of inputs and outputs come from the HCL of the module.

    python -m tools.docs            fill in <!-- BEGIN_TF_DOCS --> … <!-- END_TF_DOCS --> in every README.md
    python -m tools.docs --check    change nothing; status 1 if a README is not up to date

`examples()` lists the fenced `hcl` blocks, which tests/examples plans.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bootstrap import ROOT
from tools.hcl import HclError, declared, expression, unquote

BEGIN = "<!-- BEGIN_TF_DOCS -->"
END = "<!-- END_TF_DOCS -->"
SKIPPED = {".git", ".switchyard", ".terraform", "build", "node_modules"}


class DocsError(Exception):
    """A README that cannot be used. Its text says which and why."""


@dataclass(frozen=True)
class Example:
    """A fenced `hcl` block: its README, the line of its fence, and its text."""

    readme: Path
    line: int
    text: str

    @property
    def name(self) -> str:
        """Return where it is, such as `modules/blocks/queue/README.md:12`."""
        return f"{self.readme.relative_to(ROOT).as_posix()}:{self.line}"


def readmes(root: Path = ROOT) -> list[Path]:
    """Return every README.md of the repository, sorted."""
    return sorted(path for path in root.rglob("README.md") if not SKIPPED & set(path.relative_to(root).parts))


def examples(readme: Path) -> Iterator[Example]:
    """Yield the `hcl` blocks of a README. Raise DocsError for a fence with options: no example is exempt."""
    pattern = re.compile(r"(?ms)^ *```(?:hcl|terraform|tf)\b(?P<rest>[^\n]*)\n(?P<text>.*?)^ *```")
    content = readme.read_text()
    for match in pattern.finditer(content):
        line = content.count("\n", 0, match.start()) + 1
        if match["rest"].strip():
            raise DocsError(f"{readme}:{line}: write the fence as ```hcl alone; every example is planned.")
        yield Example(readme, line, textwrap.dedent(match["text"]))


# --- tables ------------------------------------------------------------------------------------------------


def cell(text: str) -> str:
    """Return text that is safe in a cell of a Markdown table."""
    return re.sub(r"\s*\n\s*", " ", text.strip()).replace("|", "\\|")


def code(text: str) -> str:
    """Return text as code in a cell."""
    return f"`{cell(text)}`"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def tables(module: Path) -> str:
    """Return the inputs and outputs of a module in Markdown, required inputs first."""
    inputs = [
        [
            code(name),
            cell(unquote(body.get("description", ""))),
            code(expression(body["type"])) if "type" in body else "any",
            code(expression(body["default"])) if "default" in body else "",
            "no" if "default" in body else "**yes**",
        ]
        for name, body in declared(module, "variable").items()
    ]
    inputs.sort(key=lambda row: row[-1] == "no")
    outputs = [
        [code(name), cell(unquote(body.get("description", "")))] for name, body in declared(module, "output").items()
    ]
    sections = []
    if inputs:
        sections += ["### Inputs", table(["Name", "Description", "Type", "Default", "Required"], inputs)]
    if outputs:
        sections += ["### Outputs", table(["Name", "Description"], outputs)]
    return "\n\n".join(sections)


def filled(readme: Path) -> str:
    """Return a README's text with its tables up to date. Raise DocsError if a module's README has no markers."""
    content = readme.read_text()
    if not any(readme.parent.glob("*.tf")):
        return content
    head, begin, rest = content.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        if readme.parent == ROOT:  # the root's README shows what is needed, and may omit the tables
            return content
        raise DocsError(f"{readme}: has no {BEGIN} and {END} lines to write the inputs and outputs between.")
    return f"{head}{BEGIN}\n\n{tables(readme.parent)}\n\n{END}{tail}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Update or check every README. Return 1 if one is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description="Write the READMEs' tables.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a file is not up to date")
    check = parser.parse_args(arguments).check
    modules = sorted({path.parent for path in (ROOT / "modules").rglob("*.tf")})
    problems = [f"{module}: has no README.md" for module in modules if not (module / "README.md").exists()]
    for readme in readmes():
        try:
            content = filled(readme)
        except (DocsError, HclError) as error:
            problems.append(str(error))
            continue
        if content == readme.read_text():
            continue
        if check:
            problems.append(f"{readme}: inputs and outputs are not up to date")
        else:
            readme.write_text(content)
            print(f"docs: {readme.relative_to(ROOT)}: updated")
    for problem in problems:
        print("docs: " + problem.replace(f"{ROOT}/", ""), file=sys.stderr)
    if problems and check:
        print("docs: run `make docs` and commit the result", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
