"""Composing a fleet's roots: seconds by the number of targets with ten capabilities each, and memory."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from fleet import roots, targets
from fleet.document import read
from tools import bootstrap

CAPABILITIES = (
    "access_analyzer",
    "config_recorder",
    "country_embargo",
    "finding_export",
    "finding_remediation",
    "kms_quota_alarms",
    "kms_rotation",
    "secret_rotation_rules",
    "security_standards",
    "web_acl_logging",
)
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-2")


def document(count: int) -> str:
    """Return the file of a fleet with that many targets: five Regions of each account."""
    names = [f"account-{number}" for number in range(count // len(REGIONS))]
    content = {
        "name": "bench",
        "home_region": "eu-west-1",
        "state": {"bucket": "states", "region": "eu-west-1"},
        "accounts": {name: {"id": f"{number:012}"} for number, name in enumerate(names, 1)},
        "groups": {"all": {"capabilities": {name: {} for name in CAPABILITIES}}},
        "targets": [
            {"account": name, "environment": "prod", "regions": list(REGIONS), "groups": ["all"]} for name in names
        ],
    }
    return json.dumps(content)


def measure() -> list[dict[str, Any]]:
    """Return seconds, CPU seconds and the largest process, by the number of targets."""
    bootstrap.main(["fleet"])
    found: list[dict[str, Any]] = []
    for count in (10, 50, 200):
        text, began, before = document(count), time.perf_counter(), _cpu()
        fleet = targets.resolve(read(text))
        found.append({"figure": f"check {count} targets", "value": round(time.perf_counter() - began, 1), "unit": "s"})
        with tempfile.TemporaryDirectory() as name:
            roots.write(fleet, Path(name))
        found.append({"figure": f"write {count} targets", "value": round(time.perf_counter() - began, 1), "unit": "s"})
        found.append({"figure": f"CPU for {count} targets", "value": round(_cpu() - before, 1), "unit": "s"})
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    found.append({"figure": "largest process", "value": round(largest / 1024), "unit": "MiB"})
    return found


def _cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
