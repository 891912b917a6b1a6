"""`make new CAPABILITY=<domain>/<name>`: the files of a capability, wired, small and green at once.

    python -m tools.new <domain>/<name>

Write the files of tools/new_files, with `%domain%`, `%name%` and `%kebab%` replaced in paths and text, add the row in
README.md, and run what `make docs` and `make fmt` run. The skeleton works: a rule, a function and a bucket that keep
events, with their tests. It never overwrites a file.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bootstrap import ROOT, VENV, SetupError, terraform_bin, terraform_env

TEMPLATES = Path(__file__).parent / "new_files"
SUFFIX = ".tmpl"
BLOCK = ROOT / "modules" / "blocks" / "bucket"
README = ROOT / "README.md"
ROW = "keeps each event of one source in S3, once"
LONGEST = 26  # maximum length of a name: buckets contain the prefix, the account and the Region too
DOMAINS = {  # in the order of README.md, with the docstring of their packages
    "identity": "Who a user is: directories, sign-in, and what a signed-in user may do.",
    "access": "Capabilities that decide what users and workloads may reach: roles, policies, accounts.",
    "posture": "Capabilities that watch and report the security posture.",
    "protection": "Capabilities that protect keys, secrets and what is reachable from outside.",
    "data": "Capabilities that move, find and prepare data.",
    "apps": "Applications, and what applications are made of.",
    "operations": "Capabilities that deliver what runs, and watch it.",
}


class NewError(Exception):
    """A capability that cannot be created. Its text says why."""


@dataclass(frozen=True)
class Names:
    """The names of a capability: in paths, in code, and in AWS."""

    domain: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Names:
        """Read `<domain>/<name>`. Raise NewError if that is not the name of a new capability."""
        domain, _, name = text.partition("/")
        if domain not in DOMAINS:
            raise NewError(
                f"There is no domain {domain or text}. Write one of {', '.join(DOMAINS)}, a slash and a name."
            )
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > LONGEST:
            raise NewError(
                f"{name!r} is not a name. Write up to {LONGEST} lower-case letters, digits and single underscores, "
                "such as contact_form."
            )
        if there := [path for path in (ROOT / "modules").glob(f"*/{name}") if path.is_dir()]:
            raise NewError(f"{there[0].relative_to(ROOT)} already exists; a name belongs to one capability.")
        return cls(domain, name)

    def fill(self, text: str) -> str:
        """Return a template's text or path with the names filled in."""
        context = re.search(r'(?ms)^variable "context" \{.*?^\}', (BLOCK / "variables.tf").read_text())
        values = {"domain": self.domain, "name": self.name, "kebab": self.name.replace("_", "-")}
        tour = any("\ntour = True" in path.read_text() for path in (ROOT / "scenarios" / self.domain).glob("*.py"))
        values |= {"context": context[0] if context else "", "tour": "" if tour else "tour = True\n"}
        return re.sub(rf"%({'|'.join(values)})%", lambda match: values[match[1]], text)


def files(names: Names) -> dict[str, str]:
    """Return the files of a new capability, by their path in the repository."""
    made = {
        names.fill(path.relative_to(TEMPLATES).as_posix().removesuffix(SUFFIX)): names.fill(path.read_text())
        for path in sorted(TEMPLATES.rglob(f"*{SUFFIX}"))
    }
    made[f"modules/{names.domain}/{names.name}/versions.tf"] = (BLOCK / "versions.tf").read_text()
    packages = {f"lambda_src/{names.domain}": f'"""{DOMAINS[names.domain]}"""\n'}
    packages |= dict.fromkeys((f"{top}/{names.domain}" for top in ("scenarios", "tests/unit", "tests/e2e")), "")
    for package, text in packages.items():
        if not (ROOT / package / "__init__.py").exists():
            made[f"{package}/__init__.py"] = text
    return made


def with_row(readme: str, names: Names) -> str:
    """Return README.md with the capability in its table, last of its domain, and not among the planned ones."""
    lines = readme.splitlines(keepends=True)
    order = list(DOMAINS)
    upto = order[: order.index(names.domain) + 1]
    rows = [number for number, line in enumerate(lines) if re.match(r"\| *(\w+) *\| *\[\w+\]\(modules/", line)]
    before = [number for number in rows if lines[number].strip("| ").partition("|")[0].strip() in upto]
    if not rows:
        raise NewError("README.md has no table of capabilities to add a row to.")
    row = f"| {names.domain} | [{names.name}](modules/{names.domain}/{names.name}) | {ROW} | works |\n"
    lines.insert((before[-1] + 1) if before else rows[0], row)
    planned = re.compile(rf"(?<=[ ,]){names.name}, |, {names.name}(?=[;.])")
    return "".join(planned.sub("", line) if line.startswith("Planned") else line for line in lines)


def write(made: Mapping[str, str]) -> None:
    """Write the files. Raise NewError, without writing any, if one of them exists."""
    if there := [path for path in made if (ROOT / path).exists()]:
        raise NewError(f"{there[0]} already exists.")
    for path, text in made.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)


def finish(made: Mapping[str, str]) -> None:
    """Format the files, and write what is generated from them."""
    python = [path for path in made if path.endswith(".py")]
    hcl = [path for path in made if path.endswith((".tf", ".hcl"))]
    ruff = str(VENV / "bin" / "ruff")
    for command in (
        [ruff, "check", "--fix-only", "--quiet", *python],  # imports are sorted by the names in them
        [ruff, "format", "--quiet", *python],
        [terraform_bin(), "fmt", *hcl],
        [sys.executable, "-m", "tools.root"],
        [sys.executable, "-m", "tools.docs"],
        [sys.executable, "-m", "fleet.schema"],
    ):
        if subprocess.run(command, cwd=ROOT, env=terraform_env(), check=False).returncode:
            raise NewError(f"{' '.join(command[:4])} failed.")


def main(arguments: Sequence[str]) -> int:
    """Create the capability and print what is left to do."""
    if len(arguments) != 1:
        raise NewError("Name one capability: make new CAPABILITY=<domain>/<name>")
    names = Names.parse(arguments[0])
    made, readme = files(names), with_row(README.read_text(), names)
    write(made)
    README.write_text(readme)
    finish(made)
    print("\n".join(sorted(made)))
    print(f"\nNext: make test CAPABILITIES={names.name}, then make it yours, step by step: CONTRIBUTING.md")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (NewError, SetupError) as error:
        sys.exit(str(error))
