"""Run the programs of the build image."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import GateError, ToolMissing

# What gives a process AWS credentials, or the place where it fetches some.
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
)
GRACE = 120.0
"""Seconds that an interrupted program has to clean up."""


@dataclass(frozen=True)
class Done:
    """A program that has ended: its exit status, its output, and whether its time was over."""

    status: int
    output: str
    errors: str
    late: bool = False

    @property
    def said(self) -> str:
        """Return the last lines that it wrote, for a message."""
        return "\n".join((self.output + self.errors).strip().splitlines()[-20:])


def without_credentials(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which no AWS credentials are found: the code of a module runs with it."""
    environ = os.environ if environ is None else environ
    kept = {name: value for name, value in environ.items() if name not in _CREDENTIALS}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}


def run(
    arguments: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    seconds: float = 900.0,
    grace: float = GRACE,
) -> Done:
    """Run a program in a folder. After `seconds`, interrupt it so that it can clean up, and end it after `grace` more.

    Raise ToolMissing if the program is not there.
    """
    try:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # a group of its own: what the program started ends with it
        )
    except FileNotFoundError:
        raise ToolMissing(f"{arguments[0]} is not on PATH: the build image must have it") from None
    except OSError as error:
        raise GateError(f"{arguments[0]} cannot be started: {error.strerror}") from None
    late = False
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        late = True
        process.send_signal(signal.SIGINT)
        try:
            output, errors = process.communicate(timeout=grace)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
    return Done(process.returncode, output, errors, late)
