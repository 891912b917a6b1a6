"""The clock of AWS Config, which a scenario can advance."""

from __future__ import annotations

import time

_passed = 0.0  # seconds that `pass_time` has added


def now() -> float:
    """Return the time by Config's clock, in Unix seconds."""
    return time.time() + _passed


def pass_time(seconds: float) -> None:
    """Advance the clock."""
    global _passed  # noqa: PLW0603 - one clock
    _passed += seconds
