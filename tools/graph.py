"""The size of a plan: the nodes of Terraform's graph. A plan's time grows with them, even for what is off.

python -m tools.graph [root module]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.bootstrap import ROOT, SetupError, init_env, terraform_bin, terraform_env


def count(dot: str) -> int:
    """Count the nodes in the output of `terraform graph`, which declares some and names others only in edges."""
    return len(set(re.findall(r'"(\[root\](?:[^"\\]|\\.)*)"', dot)))


def nodes(root: Path, data_dir: Path) -> int:
    """Return the number of nodes of a plan of the root module, as `plan`."""
    return count(plan(root, data_dir))


def waits(dot: str, first: str, second: str) -> bool:
    """Return whether each resource whose address ends with `second` waits for one that ends with `first`."""
    edges: dict[str, set[str]] = {}
    for source, target in re.findall(r'"\[root\] ([^"]*)" -> "\[root\] ([^"]*)"', dot):
        edges.setdefault(source, set()).add(target)
    starts = [name for name in edges if name.removesuffix(" (expand)").endswith(second)]

    def reached(name: str) -> bool:
        seen, todo = {name}, [name]
        while todo:
            for other in edges.get(todo.pop(), set()) - seen:
                if other.removesuffix(" (expand)").endswith(first):
                    return True
                seen.add(other)
                todo.append(other)
        return False

    return bool(starts) and all(reached(name) for name in starts)


def plan(root: Path, data_dir: Path) -> str:
    """Return the graph of a plan of the root module, which needs neither credentials nor values of variables.

    `data_dir` is an empty folder for Terraform's own files. Raise SetupError if Terraform refuses the module.
    """
    # The modules that test files name are not part of a plan.
    init = ("init", "-backend=false", "-lockfile=readonly", f"-test-directory={data_dir / 'no-tests'}", "-no-color")
    env = terraform_env(data_dir, checked=True)
    for arguments, own in ((init, init_env(env)), (("graph", "-type=plan"), env)):
        done = subprocess.run(
            [terraform_bin(), f"-chdir={root}", *arguments],
            env=own,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SetupError(f"terraform {arguments[0]} failed in {root}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Print the number. Return the exit status 0."""
    with tempfile.TemporaryDirectory() as folder:
        print(nodes(Path(arguments[0]) if arguments else ROOT, Path(folder)))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(str(error))
