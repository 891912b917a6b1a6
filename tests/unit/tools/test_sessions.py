"""Priorities of sessions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import sessions

GROUP = Path("/proc/self/autogroup")
SHOWN = "import pathlib; print(pathlib.Path('/proc/self/autogroup').read_text())"
STARTS_ANOTHER = f"""
import subprocess, sys
from tools import sessions
sessions.set_nice("self", 7)
child = subprocess.Popen([sys.executable, "-c", "input(); {SHOWN}"], stdin=-1, stdout=-1, start_new_session=True)
sessions.inherit_nice(child.pid)
print(child.communicate(b"\\n")[0].decode())
"""


@pytest.mark.skipif(not GROUP.exists(), reason="This kernel does not group processes by session.")
def test_a_session_gets_the_nice_value_of_the_one_that_starts_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTS_ANOTHER], start_new_session=True, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-2:] == ["nice", "7"]


def test_the_value_goes_to_the_leaders_group(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    sessions.set_nice(12, sessions.LATER, tmp_path)
    assert (tmp_path / "12" / "autogroup").read_text() == "10"


def test_a_kernel_without_groups_is_left_alone(tmp_path: Path) -> None:
    sessions.set_nice(12, sessions.LATER, tmp_path)
    sessions.inherit_nice(12, tmp_path)
    assert list(tmp_path.iterdir()) == []
