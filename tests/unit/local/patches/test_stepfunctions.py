"""What Step Functions says of an execution in its status change events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness.cloud import Cloud, free_port, start, stop
from local.harness.scenario import wait_until
from tests.unit.local.gateway.test_gateway import trust

PASS = {"Type": "Pass", "End": True}
FAIL = {"Type": "Fail", "Error": "TooLate", "Cause": "It is too late."}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    started, pid = start(free_port(), tmp_path_factory.mktemp("cloud") / "data")
    yield started
    stop(pid)


def last_event(cloud: Cloud, name: str, state: dict[str, Any], encryption: dict[str, Any]) -> dict[str, Any]:
    """The detail of the event at the end of an execution of a machine with one state."""
    queue = cloud.client("sqs")
    url = queue.create_queue(QueueName=name)["QueueUrl"]
    arn = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]})
    queue.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    role = cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust("states.amazonaws.com"))
    states = cloud.client("stepfunctions")
    machine = states.create_state_machine(
        name=name,
        roleArn=role["Role"]["Arn"],
        definition=json.dumps({"StartAt": "Only", "States": {"Only": state}}),
        **({"encryptionConfiguration": encryption} if encryption else {}),
    )["stateMachineArn"]
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [machine], "status": ["SUCCEEDED", "FAILED"]}}
    cloud.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    cloud.client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    states.start_execution(stateMachineArn=machine, input='{"n": 1}')
    received = wait_until("the event", lambda: queue.receive_message(QueueUrl=url).get("Messages"), 30)
    detail: dict[str, Any] = json.loads(received[0]["Body"])["detail"]
    return detail


def data_of(detail: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(detail[name] for name in ("status", "input", "output", "error", "cause"))


def test_an_event_holds_the_executions_data(cloud: Cloud) -> None:
    assert data_of(last_event(cloud, "passes", PASS, {})) == ("SUCCEEDED", '{"n": 1}', '{"n": 1}', None, None)
    assert data_of(last_event(cloud, "fails", FAIL, {})) == ("FAILED", '{"n": 1}', None, "TooLate", "It is too late.")


@pytest.mark.parametrize(("name", "state", "status"), [("p", PASS, "SUCCEEDED"), ("f", FAIL, "FAILED")])
def test_under_a_customer_managed_key_it_does_not(cloud: Cloud, name: str, state: Any, status: str) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    encryption = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key, "kmsDataKeyReusePeriodSeconds": 300}
    detail = last_event(cloud, f"encrypted-{name}", state, encryption)
    assert data_of(detail) == (status, None, None, None, None)
    assert detail["inputDetails"] == {"included": False}
