"""EventBridge Scheduler: the target is called under the schedule's role, and not without it."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from local.harness.cloud import Cloud, LocalCloudError
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.gateway.test_gateway import Function
from tests.unit.local.patches.test_waf_logging import iam_role

SERVICE = "scheduler.amazonaws.com"
TARGET = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"


def schedule(cloud: Cloud, name: str, action: str, service: str = SERVICE, expression: str = "rate(1 day)") -> str:
    """Return the URL of a queue to which a schedule of its name sends a message, if `action` permits it."""
    url = str(cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"])
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    role = iam_role(cloud, name, trust, {"Action": action})
    cloud.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": TARGET, "RoleArn": role, "Input": json.dumps({"QueueUrl": url, "MessageBody": "now"})},
    )
    return url


def fire(cloud: Cloud, name: str) -> None:
    cloud.command("scheduler/fire", {"name": name, "account": ACCOUNT_ID, "region": REGION})


def messages(cloud: Cloud, url: str) -> list[Any]:
    found: list[Any] = cloud.client("sqs").receive_message(QueueUrl=url).get("Messages", [])
    return [message["Body"] for message in found]


def test_when_told(cloud: Cloud) -> None:
    url = schedule(cloud, "daily", "sqs:SendMessage")
    assert messages(cloud, url) == []
    fire(cloud, "daily")
    assert messages(cloud, url) == ["now"]


def test_by_the_clock(cloud: Cloud) -> None:
    url = schedule(cloud, "often", "sqs:SendMessage", expression="at(2020-01-01T00:00:00)")
    assert wait_until("the message", lambda: messages(cloud, url), 30) == ["now"]


@pytest.mark.parametrize(
    ("name", "action", "service"),
    [("receiver", "sqs:ReceiveMessage", SERVICE), ("untrusted", "sqs:SendMessage", "events.amazonaws.com")],
)
def test_the_role_decides(cloud: Cloud, name: str, action: str, service: str) -> None:
    url = schedule(cloud, name, action, service)
    with pytest.raises(LocalCloudError, match=r"is not trusted to assume|AccessDenied"):
        fire(cloud, name)
    assert messages(cloud, url) == []


STATEMENTS: dict[str, dict[str, Any]] = {
    "lambda": {"Action": "lambda:InvokeFunction"},
    "states": {"Action": "states:StartExecution"},
    "key": {"Action": ["kms:Decrypt", "kms:GenerateDataKey"]},
    "sqs": {"Action": "sqs:SendMessage"},
}
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": SERVICE},
    "Action": "sts:AssumeRole",
    "Condition": {
        "StringEquals": {
            "aws:SourceAccount": ACCOUNT_ID,
            "aws:SourceArn": f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule-group/default",
        }
    },
}
INPUT = '{"at": "<aws.scheduler.scheduled-time>", "by": "<aws.scheduler.schedule-arn>"}'


@dataclasses.dataclass
class Made:
    """An encrypted schedule of a test's own, with its dead-letter queue."""

    cloud: Cloud
    name: str
    dead_letters: str

    def letters(self) -> list[dict[str, Any]]:
        """What is in the dead-letter queue."""
        found = self.cloud.client("sqs").receive_message(QueueUrl=self.dead_letters, MessageAttributeNames=["All"])
        return list(found.get("Messages", []))


def encrypted(cloud: Cloud, name: str, target: str, *may: str, trust: dict[str, Any] = TRUST) -> Made:
    """A schedule under a customer managed key, as its dead-letter queue is."""
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    url = cloud.client("sqs").create_queue(QueueName=f"{name}-dlq", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    role = iam_role(cloud, name, trust, *(STATEMENTS[one] for one in may))
    cloud.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        KmsKeyArn=key,
        Target={
            "Arn": target,
            "RoleArn": role,
            "Input": INPUT,
            "DeadLetterConfig": {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}-dlq"},
        },
    )
    return Made(cloud, name, str(url))


@pytest.fixture(scope="module")
def function(cloud: Cloud) -> str:
    """ARN of a function that keeps its events in its log."""
    cloud.client("logs").create_log_group(logGroupName="/aws/lambda/called")
    return str(Function(cloud, "called", "def handler(event, context):\n    print('called', event)\n").arn)


@pytest.fixture(scope="module")
def machine(cloud: Cloud) -> str:
    """ARN of a state machine that does nothing."""
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    definition = json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}})
    role = iam_role(cloud, "machine", trust, {"Action": "logs:PutLogEvents"})
    made = cloud.client("stepfunctions").create_state_machine(name="machine", roleArn=role, definition=definition)
    return str(made["stateMachineArn"])


def test_a_function_is_called_with_the_input(cloud: Cloud, function: str) -> None:
    made, logs = encrypted(cloud, "calls", function, "lambda", "key"), cloud.client("logs")
    fire(cloud, "calls")

    def logged() -> list[str]:
        lines = logs.filter_log_events(logGroupName="/aws/lambda/called")["events"]
        return [line["message"] for line in lines if "called" in line["message"]]

    (line,) = wait_until("the call", logged, 30)
    assert f"'by': 'arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/calls'" in line
    assert re.search(r"'at': '20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ'", line)
    assert made.letters() == []


def test_an_execution_is_started_with_the_input(cloud: Cloud, machine: str) -> None:
    encrypted(cloud, "starts", machine, "states", "key")
    fire(cloud, "starts")
    states = cloud.client("stepfunctions")
    (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
    given = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
    assert given["by"].endswith("/starts")


@pytest.mark.parametrize(
    ("name", "may", "reason"),
    [("no-call", ("key", "sqs"), "lambda:InvokeFunction"), ("no-start", ("key", "sqs"), "states:StartExecution")],
)
def test_what_fails_is_a_dead_letter(
    cloud: Cloud, function: str, machine: str, name: str, may: tuple[str, ...], reason: str
) -> None:
    target = function if name == "no-call" else machine
    made = encrypted(cloud, name, target, *may)
    with pytest.raises(LocalCloudError, match=reason):
        fire(cloud, name)
    (letter,) = made.letters()
    assert json.loads(letter["Body"])["by"].endswith(f"/{name}")
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert reason in attributes["ERROR_MESSAGE"]
    assert (attributes["ERROR_CODE"], attributes["TARGET_ARN"]) == ("AccessDeniedException", target)


@pytest.mark.parametrize(
    ("name", "may", "reason"),
    [
        ("no-key", ("lambda", "sqs"), "may not do kms:Decrypt"),
        ("no-queue", ("key",), "lambda:InvokeFunction"),
    ],
)
def test_the_dead_letter_queue_needs_the_roles_rights_too(
    cloud: Cloud, function: str, name: str, may: tuple[str, ...], reason: str
) -> None:
    """Without the key the schedule cannot be read, nor the queue be written."""
    made = encrypted(cloud, name, function, *may)
    with pytest.raises(LocalCloudError, match=reason):
        fire(cloud, name)
    assert made.letters() == []


def test_a_role_that_trusts_another_group_is_not_assumed(cloud: Cloud, function: str) -> None:
    arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/elsewhere"
    bound = {**TRUST, "Condition": {"StringEquals": {"aws:SourceArn": arn}}}
    made = encrypted(cloud, "elsewhere", function, "lambda", "key", "sqs", trust=bound)
    with pytest.raises(LocalCloudError, match="is not trusted to assume"):
        fire(cloud, "elsewhere")
    assert made.letters() == []


def test_a_disabled_schedule_has_no_time(cloud: Cloud) -> None:
    schedule(cloud, "off", "sqs:SendMessage")
    api = cloud.client("scheduler")
    kept = api.get_schedule(Name="off")
    api.update_schedule(
        State="DISABLED",
        **{name: kept[name] for name in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")},
    )
    with pytest.raises(LocalCloudError, match="is disabled"):
        fire(cloud, "off")
