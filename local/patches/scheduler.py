"""EventBridge Scheduler: universal targets, which MiniStack lacks, and a schedule's time that comes on command.

A universal target (`arn:aws:scheduler:::aws-sdk:SERVICE:OPERATION`) is that API call under the schedule's role.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core.responses import get_region, request_scope
from ministack.services import scheduler
from moto.core.utils import camelcase_to_underscores

from local.patches.registry import Original, patch
from local.permissions import client, role_session

PRINCIPAL = "scheduler.amazonaws.com"
_UNIVERSAL = re.compile(r"arn:aws:scheduler:::aws-sdk:([a-z0-9-]+):([A-Za-z0-9]+)")


def call(schedule: dict[str, Any], region: str) -> None:
    """Call a schedule's universal target. Raises what the API answers, and ValueError for another target."""
    target = schedule["Target"]
    found = _UNIVERSAL.fullmatch(target["Arn"])
    if not found:
        raise ValueError(f"{target['Arn']} is no universal target")
    credentials = role_session(target["RoleArn"], "scheduler", PRINCIPAL, _group_arn(schedule))
    getattr(client(found[1], region, credentials), camelcase_to_underscores(found[2]))(
        **json.loads(target.get("Input") or "{}")
    )


def _group_arn(schedule: dict[str, Any]) -> str:
    """Return what Scheduler presents to a schedule's role."""
    return str(scheduler._group_arn(schedule["GroupName"]))


def fire(name: str, account: str, region: str) -> None:
    """Let the time of a schedule of the default group come that has a universal target."""
    with request_scope(account, region):
        call(scheduler._schedules[f"default/{name}"], region)


COMMANDS = {"fire": fire}


@patch("ministack.services.eventbridge", "_invoke_target", because="MiniStack's Scheduler lacks universal targets.")
def invoke_target(
    original: Original, target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None
) -> None:
    """Call a universal target; any other as EventBridge does, which MiniStack's Scheduler uses."""
    if _UNIVERSAL.fullmatch(target.get("Arn", "")):
        call({**rule, "Target": target}, get_region())
    else:
        original(target, event, rule, view)
