"""Amazon CodeGuru Profiler: profiling groups, agents that report, and recommendations; moto has none.

The analysis of profiles is AWS's: `recommend` is what it found, and `settle` that it finds nothing any more. Both send
the event that EventBridge gets for functions, and so does `heartbeat`, every 24 hours on AWS. `reported` moves a
group's last profile into the past. Not here: profiles to read, frame metrics, feedback, notification channels.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register
from local.settings import ACCOUNT_ID, REGION

from .models import CodeGuruProfilerBackend, codeguruprofiler_backends


def install() -> None:
    """Serve CodeGuru Profiler from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


def _backend(account: str, region: str) -> CodeGuruProfilerBackend:
    return codeguruprofiler_backends[account][region]


def recommend(group: str, pattern: dict[str, Any], account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Let the analysis find a pattern (`id`, `name`, `description`, `resolutionSteps`, …) in the group's profiles."""
    _backend(account, region).recommend(group, pattern)


def settle(group: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Let the analysis find nothing any more."""
    _backend(account, region).settle(group)


def heartbeat(group: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Send the events of what is open again, as the service does every 24 hours."""
    _backend(account, region).heartbeat(group)


def reported(group: str, days_ago: float, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Set the time of the group's last profile."""
    _backend(account, region).reported(group, days_ago)


COMMANDS: dict[str, Any] = {
    "recommend": recommend,
    "settle": settle,
    "heartbeat": heartbeat,
    "reported": reported,
}
