"""Plan or apply the roots of a fleet, each after those whose outputs it reads, several at a time.

A target whose plan or apply fails ends the run: what runs comes to its end, and nothing else begins. Targets that have
left the file are destroyed from their last root once all others are applied, those that read others first.
"""

from __future__ import annotations

import concurrent.futures
import enum
import graphlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleet.roots import MAIN, Record
from tools.bootstrap import TERRAFORM_RC, exclusive, terraform_bin

PLAN, DATA = "fleet.tfplan", ".terraform"
_OPTIONS = ("-input=false", "-no-color")


class Outcome(enum.Enum):
    """How it ended for a target."""

    UNCHANGED = "no changes"
    PLANNED = "changes planned"
    APPLIED = "applied"
    DESTROYED = "destroyed"
    FAILED = "FAILED"
    WAITING = "not planned: it needs outputs of a target that is not applied"
    NOT_STARTED = "not started"


@dataclass(frozen=True)
class Result:
    """The outcome of a target, and Terraform's last words about it."""

    key: str
    outcome: Outcome
    text: str = ""


class Runner:
    """Runs Terraform in the roots of a folder. *report* is called with each result as it comes."""

    def __init__(
        self,
        directory: Path,
        *,
        parallel: int = 4,
        environment: Mapping[str, str] | None = None,
        report: Callable[[Result], None] = lambda _: None,
    ) -> None:
        self.directory, self.parallel, self.report = directory, parallel, report
        self.record = Record.read(directory)
        self.environment = dict(os.environ if environment is None else environment)
        self.environment |= {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        if TERRAFORM_RC.exists():
            self.environment.setdefault("TF_CLI_CONFIG_FILE", str(TERRAFORM_RC))
        self._failed = threading.Event()
        self._writing = threading.Lock()
        self._empty: set[str] = set()  # targets that are planned and have no outputs yet

    def plan(self) -> list[Result]:
        """Plan every target, and the destruction of those that have left the file."""
        results = self._all(self._keys(removed=False), self._needs, self._plan)
        return results + self._all(self._keys(removed=True), lambda _: [], self._plan_destroy)

    def apply(self) -> list[Result]:
        """Apply every target, then destroy those that have left the file."""
        results = self._all(self._keys(removed=False), self._needs, self._apply)
        return results + self._all(self._keys(removed=True), self._readers, self._destroy)

    def _keys(self, *, removed: bool) -> list[str]:
        return [key for key, written in self.record.targets.items() if written.removed is removed]

    def _needs(self, key: str) -> list[str]:
        return [*self.record.targets[key].needs, *self.record.targets[key].after]

    def _readers(self, key: str) -> list[str]:
        return [other for other in self.record.targets if key in self._needs(other)]

    def _all(
        self, keys: Sequence[str], after: Callable[[str], list[str]], step: Callable[[str], Result]
    ) -> list[Result]:
        """Run a step for each target, after those that it must come after. Return the results in order of their end."""
        order = {key: [other for other in after(key) if other in keys] for key in keys}
        sorter = graphlib.TopologicalSorter(order)
        sorter.prepare()
        results: dict[str, Result] = {}
        with concurrent.futures.ThreadPoolExecutor(self.parallel) as pool:
            running: dict[concurrent.futures.Future[Result], str] = {}
            while sorter.is_active():
                for key in sorter.get_ready():
                    running[pool.submit(self._step, step, key)] = key
                done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    key = running.pop(future)
                    results[key] = future.result()
                    sorter.done(key)
        return list(results.values())

    def _step(self, step: Callable[[str], Result], key: str) -> Result:
        if self._failed.is_set():
            result = Result(key, Outcome.NOT_STARTED)
        else:
            try:
                result = step(key)
            except subprocess.CalledProcessError as error:
                result = Result(key, Outcome.FAILED, _errors(error.stdout + error.stderr))
            except OSError as error:
                result = Result(key, Outcome.FAILED, str(error))
        if result.outcome is Outcome.FAILED:
            self._failed.set()
        self.report(result)
        return result

    def _plan(self, key: str, *options: str) -> Result:
        if self._empty & set(self.record.targets[key].needs):
            self._empty.add(key)
            return Result(key, Outcome.WAITING)
        done = self._first(key, "plan", f"-out={PLAN}", "-detailed-exitcode", *options, good=(0, 2))
        if done.returncode == 0:
            return Result(key, Outcome.UNCHANGED)
        shown = json.loads(self._terraform(key, "show", "-json", PLAN).stdout)
        if "prior_state" not in shown or not shown["prior_state"].get("values", {}).get("outputs"):
            self._empty.add(key)
        return Result(key, Outcome.PLANNED, _summary(done.stdout))

    def _apply(self, key: str) -> Result:
        planned = self._first(key, "plan", f"-out={PLAN}", "-detailed-exitcode", good=(0, 2))
        if planned.returncode == 0:
            return Result(key, Outcome.UNCHANGED)
        self._terraform(key, "apply", PLAN)
        (self.directory / key / PLAN).unlink()
        return Result(key, Outcome.APPLIED, _summary(planned.stdout))

    def _plan_destroy(self, key: str) -> Result:
        return self._plan(key, "-destroy")

    def _destroy(self, key: str) -> Result:
        done = self._first(key, "destroy", "-auto-approve")
        shutil.rmtree(self.directory / key)
        with self._writing:
            del self.record.targets[key]
            self.record.write(self.directory)
        return Result(key, Outcome.DESTROYED, _summary(done.stdout))

    def _first(
        self, key: str, command: str, *options: str, good: tuple[int, ...] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        """Run the first command of a step. A root is initialized only if it never was, or if Terraform asks for it."""
        if (self.directory / key / DATA).exists():
            try:
                return self._terraform(key, command, *options, good=good)
            except subprocess.CalledProcessError as error:
                if "terraform init" not in error.stdout + error.stderr:
                    raise
        self._init(key)
        return self._terraform(key, command, *options, good=good)

    def _init(self, key: str) -> None:
        """Initialize a root. Terraform's cache of providers is not safe for several at once, so one is at a time.

        https://developer.hashicorp.com/terraform/cli/config/config-file#provider-plugin-cache
        """
        with exclusive():
            self._terraform(key, "init", "-lockfile=readonly")

    def _terraform(
        self, key: str, command: str, *options: str, good: tuple[int, ...] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        folder = self.directory / key
        if not (folder / MAIN).exists():
            raise FileNotFoundError(f"{folder / MAIN} is missing. Run: make fleet")
        arguments = [terraform_bin(), f"-chdir={folder}", command, *_OPTIONS[command == "show" :], *options]
        done = subprocess.run(
            arguments,
            env={**self.environment, "TF_DATA_DIR": str((folder / DATA).absolute())},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in good:
            raise subprocess.CalledProcessError(done.returncode, arguments, done.stdout, done.stderr)
        return done


def _errors(output: str) -> str:
    """Return Terraform's output from its first error on."""
    _, mark, text = output.partition("Error:")
    return (mark + text).strip()[:4000] or output.strip()[-2000:]


def _summary(output: str) -> str:
    """Return the line in which Terraform counts."""
    lines = [line for line in output.splitlines() if line.startswith(("Plan:", "Apply complete", "Destroy complete"))]
    return lines[-1] if lines else ""
