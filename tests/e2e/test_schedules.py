"""Every schedule of the stack: its time comes once, and the role calls the target; without a right it does not.

The clock does not fire them: a day is long. They are read from Terraform's state, so that a new one is tested too.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness.cloud import Cloud, LocalCloudError
from local.harness.scenario import wait_until
from local.harness.terraform import Terraform
from local.settings import ACCOUNT_ID, REGION
from tests.e2e.permissions import sids, without

OPERATIONS = {"lambda": "InvokeFunction", "states": "StartExecution"}


@pytest.fixture(scope="module")
def schedules(cloud: Cloud, terraform: Terraform) -> Iterator[list[dict[str, Any]]]:
    """The schedules in the state; skips where the capabilities of the stack have none."""
    resources = terraform.state()["resources"]
    found = [one for one in resources if one["mode"] == "managed" and one["type"] == "aws_scheduler_schedule"]
    if not found:
        pytest.skip("The stack has no schedule.")
    made = [instance["attributes"] for one in found for instance in one["instances"]]
    for schedule in made:  # of tests before these
        dead_letters(cloud, schedule)
    pace(cloud, made, 0)
    yield made
    pace(cloud, made, 60)


def pace(cloud: Cloud, made: list[dict[str, Any]], seconds: int) -> None:
    """Set how often the rules that a schedule has evaluated can be: once a minute would refuse the second call."""
    inputs = [json.loads(schedule["target"][0]["input"]) for schedule in made]
    rules = [rule for given in inputs for rule in given.get("ConfigRuleNames", [])]
    if rules:
        cloud.command("config/set_reevaluation_interval", {"seconds": seconds, "rules": rules})


def fire(cloud: Cloud, schedule: dict[str, Any]) -> None:
    cloud.command("scheduler/fire", {"name": schedule["name"], "account": ACCOUNT_ID, "region": REGION})


def role_of(schedule: dict[str, Any]) -> str:
    return str(schedule["target"][0]["role_arn"].rpartition("/")[2])


def calls(cloud: Cloud, schedule: dict[str, Any], since: float) -> list[tuple[str, int]]:
    """Operation and status of what the schedule's role did."""
    role = role_of(schedule)
    found = cloud.calls(since, role)
    assert all(re.search(rf"assumed-role/{re.escape(role)}/", call["principal"]) for call in found)
    return [(call["operation"], call["status"]) for call in found]


def operation_of(schedule: dict[str, Any]) -> str:
    arn = schedule["target"][0]["arn"]
    universal = arn.rpartition(":")[2] if ":aws-sdk:" in arn else ""
    return universal[:1].upper() + universal[1:] if universal else OPERATIONS[arn.split(":")[2]]


def dead_letters(cloud: Cloud, schedule: dict[str, Any]) -> list[dict[str, str]]:
    """Take the dead letters: their attributes."""
    queue, arn = cloud.client("sqs"), schedule["target"][0]["dead_letter_config"][0]["arn"]
    url = queue.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    taken = queue.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
    messages = taken.get("Messages", [])
    for message in messages:
        queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [{k: v["StringValue"] for k, v in message["MessageAttributes"].items()} for message in messages]


def test_its_role_calls_the_target(cloud: Cloud, schedules: list[dict[str, Any]]) -> None:
    seen = {}
    for schedule in schedules:
        since = time.time()
        fire(cloud, schedule)
        seen[schedule["name"]] = wait_until("the call", functools.partial(calls, cloud, schedule, since), 10)
        assert dead_letters(cloud, schedule) == []
    expected = {one["name"]: operation_of(one) for one in schedules}
    assert {name: [operation for operation, _ in found] for name, found in seen.items()} == {
        name: [operation] for name, operation in expected.items()
    }
    assert {status // 100 for found in seen.values() for _, status in found} == {2}


@pytest.mark.parametrize(
    ("sid", "kept"), [("CallTarget", 1), ("ReadOwnSchedule", 1), ("UseKeyThroughServices", 0), ("KeepFailedCalls", 0)]
)
def test_each_right_is_needed(cloud: Cloud, schedules: list[dict[str, Any]], sid: str, kept: int) -> None:
    """Without the right to call or to read itself there is a dead letter; without those of its queue, none."""
    for schedule in schedules:
        role = role_of(schedule)
        assert sid in sids(cloud, role, "target")
        fails = "CallTarget" if not kept else sid
        with without(cloud, role, fails, "target"):
            if kept:
                refused(cloud, schedule)
            else:
                with without(cloud, role, sid, "target"):
                    refused(cloud, schedule)
        letters = dead_letters(cloud, schedule)
        assert [letter["SCHEDULE_ARN"] for letter in letters] == [schedule["arn"]] * kept


def refused(cloud: Cloud, schedule: dict[str, Any]) -> None:
    with pytest.raises(LocalCloudError, match=r"AccessDenied|may not do kms:Decrypt"):
        fire(cloud, schedule)
