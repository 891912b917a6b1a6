"""Read a buildspec, and run its phases as processes.

Version 0.2: "all build commands run in the same instance of the default shell". Here each phase is a shell that
continues where the one before ended: its folder and its exported variables.
https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tools import sessions

NICE = 5  # on AWS a build does not share a machine with the services
PHASES = ("install", "pre_build", "build", "post_build")
STOPPED_BY = {"install": ("install", "pre_build", "build", "post_build"), "pre_build": ("build", "post_build")}
"""Phases that do not run once the given one has failed: after `build`, `post_build` runs in any case."""


class BuildspecError(Exception):
    """A buildspec that CodeBuild refuses. The message says why."""


@dataclass(frozen=True)
class Buildspec:
    """The parts of a buildspec that this cloud runs."""

    phases: Mapping[str, Mapping[str, Any]]
    exported: list[str] = field(default_factory=list)
    variables: Mapping[str, str] = field(default_factory=dict)
    reports: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def parse(text: str) -> Buildspec:
    """Read a buildspec of version 0.2. Raise BuildspecError."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"YAML_FILE_ERROR: {error}") from None
    if not isinstance(found, dict) or str(found.get("version")) != "0.2":
        raise BuildspecError("YAML_FILE_ERROR: this version of build spec file is not supported here: write 0.2")
    phases = found.get("phases") or {}
    unknown = set(phases) - set(PHASES)
    if not phases or unknown:
        raise BuildspecError(f"YAML_FILE_ERROR: unknown or no phases: {', '.join(sorted(unknown))}")
    for name, phase in phases.items():
        for part in ("commands", "finally"):
            if not all(isinstance(command, str) for command in phase.get(part) or []):
                raise BuildspecError(f"YAML_FILE_ERROR: a command of {name} is not a string")
    env = found.get("env") or {}
    variables = {str(name): str(value) for name, value in (env.get("variables") or {}).items()}
    return Buildspec(phases, list(env.get("exported-variables") or []), variables, found.get("reports") or {})


class Stopped(Exception):
    """The build was stopped, or its time was over."""


class Shell:
    """Runs commands in a folder. `log` is given each line of their output."""

    def __init__(self, folder: Path, state: Path, environ: Mapping[str, str], log: Callable[[str], None]) -> None:
        self._folder, self._state, self._log = folder, state, log
        self.environ = dict(environ)
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()

    def run(self, commands: list[str], variables: Mapping[str, str]) -> int:
        """Run commands until one fails. Return its exit status, or 0. Raise Stopped."""
        if self._stopped.is_set():
            raise Stopped
        begin = [f"export {name}={_quoted(value)}" for name, value in variables.items()]
        script = "\n".join(
            [
                f"if [ -f {_quoted(str(self._state))} ]; then . {_quoted(str(self._state))}; fi",
                f"trap 'status=$?; {{ export -p; echo cd \"$(pwd)\"; }} > {self._state}; exit $status' EXIT",
                *begin,
                *(f"{command}\nstatus=$?; [ $status = 0 ] || exit $status" for command in commands),
            ]
        )
        self._process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        if self._stopped.is_set():  # while it started: `stop` did not see the process
            self.stop()
        sessions.set_nice(self._process.pid, NICE)
        assert self._process.stdout
        for line in self._process.stdout:
            self._log(line.rstrip("\n"))
        status = self._process.wait()
        if self._stopped.is_set():
            raise Stopped
        return status

    def stop(self) -> None:
        """End what runs, with all that it started."""
        self._stopped.set()
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def value(self, name: str) -> str:
        """Return an exported variable, as the last command left it."""
        shown = subprocess.run(
            ["bash", "-c", f'. {_quoted(str(self._state))}; printf %s "${{{name}}}"'],
            cwd=self._folder, env=self.environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return shown.stdout


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
