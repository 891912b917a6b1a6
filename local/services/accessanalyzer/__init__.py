"""IAM Access Analyzer for S3 buckets: findings computed from the real buckets of the engine; moto has none.

A bucket is analyzed again when its policy, ACL, ownership, Block Public Access or access points change, on
StartResourceScan, and when an analyzer is created. The account's Block Public Access applies from the next such
analysis on, as AWS checks it only every 6 hours. Not here: resources other than buckets, unused and internal
access, access previews, policy checks and generation, deletion of resolved findings after 90 days.

Beyond the API: `set_watch` turns the analysis on changes off, so that only StartResourceScan updates findings.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register

from .models import AccessAnalyzerBackend


def install() -> None:
    """Serve Access Analyzer from here in moto. Idempotent."""
    register(sys.modules[__name__])


def set_watch(on: bool) -> None:
    """Set whether changes of a bucket are noticed at once (the default), or by the next scan."""
    AccessAnalyzerBackend.watching = on


COMMANDS: dict[str, Any] = {"set_watch": set_watch}
