"""Settings that every part of the local cloud shares."""

from __future__ import annotations

import os
from pathlib import Path

ACCOUNT_ID = "123456789012"
REGION = "eu-west-1"
DEFAULT_PORT = 4566

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

HOME = ROOT / ".switchyard"
"""Everything that set-up and runs create."""


def patience() -> float:
    """Return how many times longer than on an idle machine something may take: 1, or the load per core."""
    return min(max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), 10.0)
