"""`terraform test` on every core: Terraform 1.11 runs tests one after the other, so several processes share the files.

    python -m tools.terraform_test [options of terraform test]

Run it after `terraform init`. The tests run in a fresh copy of what git tracks, as for a user who has just cloned the
repository (tools/clone.py), together with the refusals of tests/refusals (tools/refusals.py). With `-filter=` there is
one process, whose output you see as it comes; a filter may also name a file of tests/refusals.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tools import clone, refusals
from tools.bootstrap import ROOT, SetupError, installed_provider, terraform_bin, terraform_env

T = TypeVar("T")


def runs(text: str) -> list[str]:
    """Return the run blocks of a test file."""
    return re.split(r'(?m)^run "', text)[1:]


def weight(text: str) -> float:
    """Return about how many runs of a module take the time of a test file: a run of the root looks at everything."""
    return sum(1 if "source =" in run else 40 for run in runs(text))


def shares(weights: Mapping[T, float], number: int) -> list[list[T]]:
    """Divide the things into `number` groups of about the same weight, heaviest first; omit empty groups."""
    groups: list[tuple[float, list[T]]] = [(0.0, []) for _ in range(number)]
    for heavy, _, thing in sorted(((heavy, str(thing), thing) for thing, heavy in weights.items()), reverse=True):
        total, group = min(groups, key=lambda g: g[0])
        groups[groups.index((total, group))] = (total + heavy, [*group, thing])
    return [group for _, group in groups if group]


@contextlib.contextmanager
def shared_provider(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield `env` with one AWS provider process for all runs; each run would start several, a third of its time.

    It only answers questions about schemas and arguments: the runs mock everything else, so that none configures it.
    Raise SetupError if it does not start. `terraform init` must have installed it, in TF_DATA_DIR or for `make`.
    """
    folder = installed_provider(Path(env["TF_DATA_DIR"])) or installed_provider()
    if not folder:
        raise SetupError("The AWS provider is not installed. Run: terraform init")
    [binary] = folder.glob("terraform-provider-aws_*")
    with tempfile.NamedTemporaryFile() as said:
        process = subprocess.Popen([binary, "-debug"], env=dict(env), stdout=said, stderr=subprocess.STDOUT)
        try:
            for _ in range(3000):  # a tenth of a second each; at low priority it may have to wait for a core
                ended = process.poll() is not None
                text = Path(said.name).read_text()
                if attach := re.search(r"TF_REATTACH_PROVIDERS='(.+)'", text):
                    break
                if ended:
                    raise SetupError(f"The AWS provider did not start: {text}")
                time.sleep(0.1)
            else:
                raise SetupError(f"The AWS provider did not start within five minutes: {text}")
            yield {**env, "TF_REATTACH_PROVIDERS": attach[1]}
        finally:
            process.terminate()
            process.wait()


MOST_RUNS = 40
"""How many runs a Terraform process has, about. It keeps a connection to the provider for each of them, and asks each
second, with a new file descriptor, whether that is alive: 20,000 were not enough for 180 runs on a busy machine."""


def run(
    root: Path, files: Sequence[Path], *options: str, env: Mapping[str, str], processes: int | None = None
) -> list[subprocess.CompletedProcess[str]]:
    """Run the test files of `root` in as many Terraform processes at a time as there are cores."""

    def test(group: list[Path]) -> subprocess.CompletedProcess[str]:
        filters = [f"-filter={file.relative_to(root)}" for file in group]
        command = [terraform_bin(), f"-chdir={root}", "test", *options, *filters]
        return subprocess.run(command, env=attached, capture_output=True, text=True, check=False)

    processes = processes or os.cpu_count() or 1
    texts = {file: file.read_text() for file in files}
    number = math.ceil(sum(len(runs(text)) for text in texts.values()) / MOST_RUNS)
    groups = shares({file: weight(text) for file, text in texts.items()}, max(processes, number))
    with shared_provider(env) as attached, ThreadPoolExecutor(processes) as workers:
        return list(workers.map(test, groups))


def without_passes(output: str) -> str:
    """Return what `terraform test` printed without the runs that passed."""
    return re.sub(
        r'(?m)^ *(run "[^"]*"\.\.\. pass|tests/\S+\.\.\. (in progress|tearing down|pass))\n', "", output
    ).strip()


def refuse(files: Sequence[Path], options: Sequence[str]) -> bool:
    """Run the refusals of the data files, print values that a module accepts, and return whether there are none."""
    done = refusals.run(files, *options)
    print(without_passes(done.stdout), done.stderr, sep="\n", end="")
    return done.returncode == 0


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 0 if every run passed."""
    parser = argparse.ArgumentParser(prog="python -m tools.terraform_test", add_help=False, allow_abbrev=False)
    parser.add_argument("-filter", "--filter", action="append", default=[])
    known, options = parser.parse_known_args(arguments)
    chosen: list[str] = known.filter
    data = [ROOT / path for path in chosen if path.endswith(".yaml")] if chosen else refusals.data_files()
    refused = not data or refuse(data, options)
    if chosen:
        filters = [f"-filter={path}" for path in chosen if not path.endswith(".yaml")]
        if not filters:
            return int(not refused)
        command = [terraform_bin(), f"-chdir={clone.make()}", "test", *options, *filters]
        with shared_provider(terraform_env()) as attached:
            return subprocess.run(command, env=attached, check=False).returncode or int(not refused)
    root = clone.make()
    done = run(root, sorted((root / "tests").glob("*.tftest.hcl")), *options, env=terraform_env())
    counts = [0, 0]
    for process in done:
        print(without_passes(process.stdout), process.stderr, sep="\n", end="")
        for passed, failed in re.findall(r"(\d+) passed, (\d+) failed", process.stdout):
            counts = [counts[0] + int(passed), counts[1] + int(failed)]
    print(f"terraform test: {counts[0]} passed, {counts[1]} failed")
    failed_process = not done or any(process.returncode for process in done)  # below 0 if a signal ended it
    return int(failed_process or not refused)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (SetupError, refusals.RefusalsError) as error:
        sys.exit(str(error))
