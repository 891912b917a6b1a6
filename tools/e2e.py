"""`pytest tests/e2e` in four lanes: two stacks share the capabilities, each on a local cloud of its own.

    python -m tools.e2e [options of pytest]

The others have the tests that deploy stacks of their own, each file on a cloud of its own: a fleet, and the rest. Run
it after `terraform init`, which fills the provider cache that all use. Terraform and the scenarios mostly wait: the
lanes on two cores take little more than half the time of one. LANES=1 puts all capabilities into one stack;
CAPABILITIES selects.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

from local.harness import scenario
from tools import package
from tools.bootstrap import ROOT, STATE
from tools.terraform_test import shares

OTHER_LANES = "CAPABILITIES leaves it out"
"""Why pytest skips the tests of the other lane's capabilities."""

TESTS, DEPLOYMENT, FLEET = "tests/e2e", "tests/e2e/deployment", "tests/e2e/deployment/test_fleet.py"
NOTHING_CHOSEN = 5
"""Pytest's exit status if the options, such as -k, leave a lane without tests."""


def weight(module: ModuleType) -> float:
    """Return about how many seconds a lane takes longer with a capability: scenarios run side by side, tests do not."""
    return getattr(module, "seconds", 20) / scenario.WORKERS + float(getattr(module, "test_seconds", 0))


def run(lane: int, capabilities: Sequence[str], chosen: Sequence[str]) -> tuple[int, list[str]]:
    """Run one lane. Its lines appear as they come, with the number of the lane.

    *chosen* are arguments of pytest: its paths, options. Return its exit status, and the lines that say what failed.
    """
    print(f"[{lane}] {chosen[0]}: {' '.join(sorted(capabilities))}", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-vvv", f"--basetemp={STATE / 'local' / str(lane)}", *chosen],
        cwd=ROOT,
        env={**os.environ, "CAPABILITIES": " ".join(capabilities)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    failed = []
    for line in process.stdout or ():
        if " SKIPPED " not in line and OTHER_LANES not in line:  # the summary names every other skip with its reason
            print(f"[{lane}] {line}", end="", flush=True)
        if line.startswith(("FAILED ", "ERROR ")):
            failed.append(f"[{lane}] {line:.400}".rstrip())
    return process.wait(), failed


def main(options: Sequence[str]) -> int:
    """Return the exit status: 0 if every lane passed."""
    modules = scenario.find(os.environ.get("CAPABILITIES", "").split())
    package.build(package.HOST_BUILD, package.Target.host())  # build once: the lanes find everything built
    (STATE / "local").mkdir(parents=True, exist_ok=True)
    groups = shares({name: weight(module) for name, module in modules.items()}, int(os.environ.get("LANES", "2")))
    lanes = [(group, [TESTS, f"--ignore={DEPLOYMENT}", *options]) for group in groups]
    lanes += [(list(modules), [FLEET, *options]), (list(modules), [DEPLOYMENT, f"--ignore={FLEET}", *options])]
    with ThreadPoolExecutor(len(lanes)) as pool:
        ended = list(pool.map(run, range(1, len(lanes) + 1), *zip(*lanes, strict=True)))
    for _, failed in ended:
        print(*failed, sep="\n", end="\n" * bool(failed))  # again, since the lanes end minutes apart
    return int({status for status, _ in ended} not in ({0}, {0, NOTHING_CHOSEN}))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
