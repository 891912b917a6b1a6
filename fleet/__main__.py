"""`make fleet`, `make fleet-plan` and `make fleet-apply`.

    python -m fleet check|synth|plan|apply FILE [--directory DIR] [--parallel N]

`check` reads the file only. `synth` writes the roots. `plan` and `apply` write them too, and run Terraform in them with
the credentials of the environment, which must be able to assume the accounts' deploy roles and to use the states.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fleet import roots, targets
from fleet.deploy import Outcome, Result, Runner
from fleet.document import ProblemsError
from fleet.roots import FleetError
from tools import hcl, package, stack
from tools.bootstrap import ROOT, SetupError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Return 1 if the file or a target failed, 2 for a plan with changes."""
    parser = argparse.ArgumentParser(prog="make fleet", description="Many accounts and Regions from one file.")
    parser.add_argument("command", choices=("check", "synth", "plan", "apply"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--directory", type=Path, help="where the roots are; <file>-roots by default")
    parser.add_argument("--parallel", type=int, default=4, help="targets at a time")
    options = parser.parse_args(arguments)
    directory = options.directory or options.file.with_name(f"{options.file.stem}-roots")
    try:
        return run(options.command, options.file, directory, options.parallel)
    except ProblemsError as error:
        for problem in error.problems:
            print(f"{options.file}:{problem.line}:{problem.column}: {problem.text}", file=sys.stderr)
        print(f"fleet: {len(error.problems)} problems; nothing was written.", file=sys.stderr)
    except (FleetError, SetupError, stack.StackError, hcl.HclError, OSError) as error:
        print(f"fleet: {error}", file=sys.stderr)
    return 1


def run(command: str, file: Path, directory: Path, parallel: int) -> int:
    """Run a command. Return the exit status. Raise ProblemsError, FleetError, SetupError and others."""
    fleet = targets.load(file)
    print(f"fleet: {len(fleet.targets)} targets, {sum(len(t.units) for t in fleet.targets.values())} modules.")
    for target in fleet.targets.values():
        for note in target.notes:
            print(f"fleet: {target.key}: {note}")
    if command == "check":
        return 0
    record = roots.write(fleet, directory)
    print(f"fleet: {directory} is written.")
    if removed := sorted(key for key, written in record.targets.items() if written.removed):
        print(f"fleet: no longer in the file, and destroyed by the next apply: {', '.join(removed)}")
    if command == "synth":
        return 0
    if not fleet.source:
        package.build(ROOT / "build")
    runner = Runner(directory, parallel=parallel, report=_print)
    return summary(runner.plan() if command == "plan" else runner.apply())


def _print(result: Result) -> None:
    print(f"fleet: {result.key}: {result.outcome.value}{f' ({result.text})' if result.text else ''}", flush=True)


def summary(results: Sequence[Result]) -> int:
    """Print how many targets ended how. Return 1 if one failed, 2 if changes are planned, else 0."""
    for outcome in Outcome:
        if keys := [result.key for result in results if result.outcome is outcome]:
            print(f"fleet: {len(keys)} {outcome.value}: {', '.join(sorted(keys))}")
    found = {result.outcome for result in results}
    if Outcome.FAILED in found:
        return 1
    return 2 if found & {Outcome.PLANNED, Outcome.WAITING} else 0


if __name__ == "__main__":
    sys.exit(main())
