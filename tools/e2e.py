"""`pytest tests/e2e` in two lanes: the capabilities are dealt out to two stacks, each on a local cloud of its own.

    python -m tools.e2e [options of pytest]

Run after `terraform init`, which fills the cache of providers that both use. Terraform and the scenarios wait more
than they compute: two lanes on two cores take not much longer than half of all. LANES=1 puts everything into one
stack; CAPABILITIES chooses.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from local.harness import scenario
from tools import package
from tools.bootstrap import ROOT, STATE
from tools.terraform_test import shares

OTHER_LANES = "CAPABILITIES leaves it out"
"""Why pytest skips the tests of the other lane's capabilities."""


def run(lane: int, capabilities: Sequence[str], options: Sequence[str]) -> int:
    """One lane's exit status; its lines appear as they come, with the number of the lane."""
    print(f"[{lane}] {' '.join(sorted(capabilities))}", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "tests/e2e", "-vv", f"--basetemp={STATE / 'local' / str(lane)}", *options],
        cwd=ROOT,
        env={**os.environ, "CAPABILITIES": " ".join(capabilities)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in process.stdout or ():
        if " SKIPPED " not in line and OTHER_LANES not in line:  # the summary names every other skip with its reason
            print(f"[{lane}] {line}", end="", flush=True)
    return process.wait()


def main(options: Sequence[str]) -> int:
    """The exit status: 0 when every lane passed."""
    modules = scenario.find(os.environ.get("CAPABILITIES", "").split())
    package.build(package.HOST_BUILD, package.Target.host())  # once: the lanes find it done
    (STATE / "local").mkdir(parents=True, exist_ok=True)
    weights = {name: float(getattr(module, "seconds", 20)) for name, module in modules.items()}
    groups = shares(weights, int(os.environ.get("LANES", "2")))
    with ThreadPoolExecutor(len(groups)) as lanes:
        # A process that a signal ended has a status below 0.
        return int(any(list(lanes.map(run, range(1, len(groups) + 1), groups, [options] * len(groups)))))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
