"""Universal targets of EventBridge Scheduler: the API call under the schedule's role, and nothing without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness.cloud import Cloud, LocalCloudError, free_port, start, stop
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.patches.test_waf_logging import iam_role

SERVICE = "scheduler.amazonaws.com"
TARGET = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    started, pid = start(free_port(), tmp_path_factory.mktemp("cloud") / "data")
    yield started
    stop(pid)


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
    [("poor", "sqs:ReceiveMessage", SERVICE), ("untrusted", "sqs:SendMessage", "events.amazonaws.com")],
)
def test_the_role_decides(cloud: Cloud, name: str, action: str, service: str) -> None:
    url = schedule(cloud, name, action, service)
    with pytest.raises(LocalCloudError, match=r"is not trusted to assume|AccessDenied"):
        fire(cloud, name)
    assert messages(cloud, url) == []
