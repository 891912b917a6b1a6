"""`make test`: every check, in three lanes, for all capabilities or for some.

    python -m tools.check [capability …]

In front, style is first. Then the local cloud runs, which mostly waits and whose clocks need priority. At the same
time, at low priority, the steps run that compute: plans in one lane, the others in another, since each of them leaves a
core idle now and then. Style uses one core, so that zips and Checkov do not wait for it. The first step that fails
ends the run.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import sessions
from tools.bootstrap import ROOT, SetupError
from tools.capabilities import chosen

FRONT, PLANS, BACK = "front", "plans", "back"
LAST_LINES = 20
"""How much of what a failed step printed is printed again at the end."""


@dataclasses.dataclass(frozen=True)
class Step:
    """A target of the Makefile: its lane, and the steps that must have passed before it."""

    name: str
    lane: str = FRONT
    after: tuple[str, ...] = ()


STEPS = (
    Step("lint"),
    Step("browser", FRONT, ("lint",)),
    Step("local", FRONT, ("browser", "init")),
    Step("init", BACK),  # once, before two steps that need it begin at the same time
    Step("package", BACK),
    Step("checkov", BACK, ("package",)),
    Step("unit", BACK, ("lint", "browser")),  # unit tests open pages, too
    Step("plan-test", PLANS, ("lint", "init")),
    Step("examples", PLANS, ("lint", "init")),
    Step("aws-rules", PLANS, ("lint", "init")),
)


def steps_for(names: Sequence[str], tests: Path = ROOT / "tests" / "e2e") -> list[Step]:
    """Return the steps for chosen capabilities. A browser is installed only if their tests need one."""
    pages = any(
        any((tests / domain).glob(f"test_{capability}_browser.py"))
        for domain, capability in (name.split("/") for name in chosen(names))
    )
    return [step for step in STEPS if pages or step.name != "browser"]


class Run:
    """Steps in lanes: each lane runs one at a time, in order. *execute* returns a step's exit status.

    After a step has failed, no other begins, and *cancel* must end those that are running.
    """

    def __init__(
        self, steps: Sequence[Step], execute: Callable[[Step], int], cancel: Callable[[], None] = lambda: None
    ) -> None:
        self._waiting, self._execute, self._cancel = list(steps), execute, cancel
        self._steps = {step.name for step in steps}
        self._passed: set[str] = set()
        self._changed = threading.Condition()
        self.failed: list[str] = []

    def all(self) -> bool:
        """Run the steps. Return whether all passed."""
        lanes = {step.lane for step in self._waiting}
        threads = [threading.Thread(target=self._lane, args=(lane,), name=lane) for lane in sorted(lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return not self.failed

    def _lane(self, lane: str) -> None:
        while step := self._next(lane):
            try:
                status = self._execute(step)
            except Exception as error:  # noqa: BLE001 - a step that cannot be started has failed
                print(f"{step.name} | {error}", flush=True)
                status = 1
            with self._changed:
                first = status and not self.failed
                (self.failed.append if status else self._passed.add)(step.name)
                self._changed.notify_all()
            if first:
                self._cancel()

    def _next(self, lane: str) -> Step | None:
        """Wait for the next step of a lane that may begin. Return None if no step is left."""
        with self._changed:
            while not self.failed and (mine := [step for step in self._waiting if step.lane == lane]):
                ready = next((step for step in mine if self._passed >= self._steps.intersection(step.after)), None)
                if ready:
                    self._waiting.remove(ready)
                    return ready
                self._changed.wait()
        return None


class Make:
    """Runs steps by make. Their lines appear as they come, each with the name of its step.

    `failure` is what a step that failed printed last: other steps print more while they are stopped.
    """

    def __init__(self, capabilities: Sequence[str]) -> None:
        self._capabilities = capabilities
        self._running: list[subprocess.Popen[str]] = []
        self._stopped = False
        self.failure: list[str] = []
        # A shell starts what it puts in the background with interrupts ignored, and the steps would inherit that.
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __call__(self, step: Step) -> int:
        """Run one step. Return its exit status."""
        print(f"== {step.name}", flush=True)
        begun = time.monotonic()
        command = ["make", "--no-print-directory", step.name, f"CAPABILITIES={' '.join(self._capabilities)}"]
        process = subprocess.Popen(
            command if step.lane == FRONT else ["nice", "-n", str(sessions.LATER), *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a process group, which `stop` reaches as a whole
            text=True,
        )
        if step.lane != FRONT:
            sessions.set_nice(process.pid, sessions.LATER)
        self._running.append(process)
        last = collections.deque[str](maxlen=LAST_LINES)
        for line in process.stdout or ():
            last.append(f"{step.name} | {line.rstrip()}")
            print(last[-1], flush=True)
        status = process.wait()
        self._running.remove(process)
        took = f"{time.monotonic() - begun:.0f} s"
        if not status:
            print(f"== {step.name}: passed in {took}", flush=True)
        elif self._stopped:
            print(f"== {step.name}: stopped after {took}", flush=True)
        else:
            named = f' CAPABILITIES="{" ".join(self._capabilities)}"' if self._capabilities else ""
            said = f"make test: FAILED in {step.name} after {took}. To run that alone: make {step.name}{named}"
            print(said, flush=True)
            self.failure = [*last, said]
        return status

    def stop(self) -> None:
        """Interrupt what is running, as Ctrl-C does: tests then end what they have started."""
        self._stopped = True
        for process in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)


def main(names: Sequence[str]) -> int:
    """Return the exit status: 0 if every step passed."""
    steps = steps_for(names)  # an unknown name is refused once, before anything runs
    begun, make = time.monotonic(), Make(names)
    try:
        passed = Run(steps, make, make.stop).all()
    except KeyboardInterrupt:
        make.stop()
        return 130
    if passed:
        print(f"make test: all passed in {time.monotonic() - begun:.0f} s")
    else:
        print("", *make.failure, sep="\n")
    return int(not passed)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(str(error))
