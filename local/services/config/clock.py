"""The time by which AWS Config acts, which a scenario can move on."""

from __future__ import annotations

import time

_passed = 0.0  # seconds that `pass_time` let pass


def now() -> float:
    """Unix seconds by Config's clock."""
    return time.time() + _passed


def pass_time(seconds: float) -> None:
    """Move the clock on."""
    global _passed  # noqa: PLW0603 - one clock
    _passed += seconds
