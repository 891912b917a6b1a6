"""Which processes go first when all cores are busy.

Where Linux groups processes by session, a process's nice value counts inside its session alone, and each session has
one of its own: without it, what a step starts in a new session takes its full share, at whatever nice value.
Source: sched(7), "The autogroup feature".
"""

from __future__ import annotations

import contextlib
from pathlib import Path

LATER = 10
"""The nice value of what may wait: a tenth of the share of a session without one."""


def set_nice(leader: int, value: int, processes: Path = Path("/proc")) -> None:
    """Set the nice value (0 to 19) of the session that a process leads. Without such groups, do nothing."""
    with contextlib.suppress(OSError):
        (processes / str(leader) / "autogroup").write_text(str(value))


def inherit_nice(leader: int, processes: Path = Path("/proc")) -> None:
    """Give the session that a process leads the nice value of this process's own."""
    with contextlib.suppress(OSError):
        own = (processes / "self" / "autogroup").read_text()  # "/autogroup-25 nice 19"
        set_nice(leader, int(own.split()[-1]), processes)
