"""EventBridge Scheduler: every call is one of the schedule's role, and a schedule's time comes on command.

MiniStack hands a target to EventBridge, which asks the target's policy instead of the role, and lacks universal
targets (`arn:aws:scheduler:::aws-sdk:SERVICE:OPERATION`, that API call). Here the role must trust Scheduler, may have
to read the schedule with its key, and must be allowed the call; what fails goes to the dead-letter queue, in the
role's name too. It is tried once: retries are kept, not waited for.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/encryption-rest.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from typing import Any

from botocore.exceptions import ClientError
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import scheduler, sqs
from moto.core.utils import camelcase_to_underscores

from local.patches.registry import Original, patch
from local.permissions import client, key_arn, role_session

logger = logging.getLogger("switchyard.scheduler")

PRINCIPAL = "scheduler.amazonaws.com"
_UNIVERSAL = re.compile(r"arn:aws:scheduler:::aws-sdk:([a-z0-9-]+):([A-Za-z0-9]+)")


def fire(name: str, account: str, region: str, group: str = "default") -> None:
    """Let the time of a schedule come. Raises what AWS would put into the dead-letter queue."""
    with request_scope(account, region):
        invoke(scheduler._schedules[f"{group}/{name}"])


COMMANDS = {"fire": fire}


def invoke(schedule: dict[str, Any]) -> None:
    """Call a schedule's target; what fails goes to its dead-letter queue, and is raised."""
    if schedule["State"] != "ENABLED":
        raise ValueError(f"{schedule['Arn']} is disabled")
    target, execution = schedule["Target"], _execution(schedule)
    credentials = role_session(
        target["RoleArn"], "scheduler", PRINCIPAL, str(scheduler._group_arn(schedule["GroupName"]))
    )
    text = target.get("Input") or "{}"
    try:
        _read(schedule, credentials)
        for name, value in execution.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        _call(target, text, credentials)
    except Exception as error:
        logger.warning("Schedule %s could not call %s: %s", schedule["Arn"], target["Arn"], error)
        _dead_letter(schedule, text, error, execution, credentials)
        raise


def _execution(schedule: dict[str, Any]) -> dict[str, str]:
    """Return the context attributes, which an input may name."""
    return {
        "schedule-arn": schedule["Arn"],
        "scheduled-time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }


def _read(schedule: dict[str, Any], credentials: dict[str, Any]) -> None:
    """Raise PermissionError unless the role may decrypt the schedule."""
    key = key_arn(schedule.get("KmsKeyArn") or "")
    if not key:
        return
    account, region = get_account_id(), get_region()
    context = {
        "kms:EncryptionContext:aws:scheduler:schedule:arn": schedule["Arn"],
        "kms:ViaService": f"scheduler.{region}.amazonaws.com",
        "kms:CallerAccount": account,
    }
    access_key = credentials["aws_access_key_id"]
    if iam_evaluator.enforce(access_key, "kms:Decrypt", "kms", region, key, context) is not None:
        raise PermissionError(f"{schedule['Target']['RoleArn']} may not do kms:Decrypt on {key}")


def _call(target: dict[str, Any], text: str, credentials: dict[str, Any]) -> None:
    """Call a target. Raises what the API answers, and NotImplementedError for a target of another kind."""
    arn, region = target["Arn"], get_region()
    if found := _UNIVERSAL.fullmatch(arn):
        api = client(found[1], region, credentials)
        getattr(api, camelcase_to_underscores(found[2]))(**json.loads(text))
    elif arn.startswith("arn:aws:lambda:"):
        client("lambda", region, credentials).invoke(FunctionName=arn, InvocationType="Event", Payload=text)
    elif arn.startswith("arn:aws:states:"):
        client("stepfunctions", region, credentials).start_execution(stateMachineArn=arn, input=text)
    elif arn.startswith("arn:aws:sns:"):
        client("sns", region, credentials).publish(TopicArn=arn, Message=text)
    elif arn.startswith("arn:aws:sqs:"):
        client("sqs", region, credentials).send_message(QueueUrl=_queue_url(arn), MessageBody=text)
    else:
        raise NotImplementedError(f"The local cloud's Scheduler does not call {arn}.")


def _queue_url(arn: str) -> str:
    queue = sqs._queue_by_arn(arn)
    if not queue:
        raise ValueError(f"{arn} does not exist")
    return str(queue["url"])


def _dead_letter(
    schedule: dict[str, Any], text: str, error: Exception, execution: dict[str, str], credentials: dict[str, Any]
) -> None:
    arn = (schedule["Target"].get("DeadLetterConfig") or {}).get("Arn")
    if not arn:
        return
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    attributes = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": str(error),
        "EXECUTION_ID": execution["execution-id"],
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0",
        "SCHEDULED_TIME": execution["scheduled-time"],
        "SCHEDULE_ARN": schedule["Arn"],
        "TARGET_ARN": schedule["Target"]["Arn"],
    }
    try:
        client("sqs", get_region(), credentials).send_message(
            QueueUrl=_queue_url(arn),
            MessageBody=text,
            MessageAttributes={k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()},
        )
    except (ClientError, ValueError) as lost:
        logger.warning("Dead letter of schedule %s lost: %s", schedule["Arn"], lost)


@patch(
    "ministack.services.eventbridge",
    "_invoke_target",
    because="MiniStack's Scheduler calls its targets as EventBridge does, past the schedule's role.",
)
def invoke_target(
    original: Original, target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None
) -> None:
    """Call a schedule's target under its role; a rule's as EventBridge does."""
    if ":scheduler:" in rule.get("Arn", ""):
        invoke(rule)
    else:
        original(target, event, rule, view)
