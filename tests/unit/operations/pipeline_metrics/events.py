"""Events as CodePipeline and CloudWatch send them.

Shapes from https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import uuid
from typing import Any

from operations.pipeline_metrics.records import ALARM, LEVELS, Record, of_event

ALARMS = {"shop-errors": "shop"}
DETAIL_TYPES = {level: name for name, level in LEVELS.items()}


def event(
    level: str,
    state: str,
    time: str,
    *,
    execution: str = "e1",
    pipeline: str = "shop",
    stage: str = "Prod",
    action: str = "Deploy",
    attempt: float | None = 1.0,
    account: str = "111122223333",
    category: str = "Deploy",
    run: str | None = None,
    trigger: str | None = None,
    started: str | None = None,
) -> dict[str, Any]:
    """Return an event of CodePipeline; `time` is a time of day, or a whole time."""
    at = time if "T" in time else f"2026-11-23T{time}Z"
    detail: dict[str, Any] = {
        "pipeline": pipeline,
        "execution-id": execution,
        "start-time": started or at,
        "state": state,
        "version": 3.0,
    }
    if attempt is not None:
        detail["pipeline-execution-attempt"] = attempt
    if trigger:
        detail["execution-trigger"] = {"trigger-type": trigger, "trigger-detail": "arn:aws:iam::111122223333:user/ann"}
    if level != "pipeline":
        detail["stage"] = stage
    if level == "action":
        detail |= {
            "action": action,
            "action-execution-id": run or f"{execution}-{stage}-{action}-{attempt}",
            "region": "eu-central-1",
            "type": {"owner": "AWS", "provider": "CodeDeploy", "category": category, "version": "1"},
        }
        if state == "FAILED":
            detail["execution-result"] = {"external-execution-summary": "it broke", "error-code": "JobFailed"}
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": DETAIL_TYPES[level],
        "source": "aws.codepipeline",
        "account": account,
        "time": at,
        "region": "eu-central-1",
        "resources": [f"arn:aws:codepipeline:eu-central-1:{account}:{pipeline}"],
        "detail": detail,
    }


def alarm(state: str, time: str, name: str = "shop-errors") -> dict[str, Any]:
    """Return an event of an alarm."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": ALARM,
        "source": "aws.cloudwatch",
        "account": "111122223333",
        "time": time if "T" in time else f"2026-11-23T{time}Z",
        "region": "eu-central-1",
        "resources": [f"arn:aws:cloudwatch:eu-central-1:111122223333:alarm:{name}"],
        "detail": {"alarmName": name, "state": {"value": state}, "previousState": {"value": "OK"}},
    }


def records(*events: dict[str, Any]) -> list[Record]:
    """Return the records of events."""
    return [of_event(each, ALARMS) for each in events]


def deployment(
    execution: str, time: str, *states: str, trigger: str | None = None, stage: str = "Prod", **more: Any
) -> list[dict[str, Any]]:
    """Return the events of an execution that begins at the hour `time`, whose stage has these states, a minute each."""
    hour = time if "T" in time else f"2026-11-23T{time}"
    found = [event("pipeline", "STARTED", f"{hour}:00:00Z", execution=execution, trigger=trigger, **more)]
    found += [
        event("stage", state, f"{hour}:{10 + number:02}:00Z", execution=execution, stage=stage, **more)
        for number, state in enumerate(("STARTED", *states))
    ]
    return found
