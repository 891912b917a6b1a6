"""What Step Functions says of an execution in its status change events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from tests.unit.local.gateway.test_gateway import trust

PASS = {"Type": "Pass", "End": True}
FAIL = {"Type": "Fail", "Error": "TooLate", "Cause": "It is too late."}


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


def machine(cloud: Cloud, name: str, kind: str, **definition: Any) -> str:
    """Create a state machine. Return its ARN."""
    role = cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust("states.amazonaws.com"))
    made = cloud.client("stepfunctions").create_state_machine(
        name=name, type=kind, roleArn=role["Role"]["Arn"], definition=json.dumps({"StartAt": "Only", **definition})
    )
    return str(made["stateMachineArn"])


def test_a_caller_can_wait_for_express_workflows_only(cloud: Cloud) -> None:
    states = cloud.client("stepfunctions")
    arn = machine(cloud, "standard", "STANDARD", States={"Only": PASS})
    with pytest.raises(states.exceptions.StateMachineTypeNotSupported):
        states.start_sync_execution(stateMachineArn=arn, input="{}")
    arn = machine(cloud, "express", "EXPRESS", States={"Only": PASS})
    with pytest.raises(states.exceptions.InvalidExecutionInput):
        states.start_sync_execution(stateMachineArn=arn, input="{")
    records = [states.start_sync_execution(stateMachineArn=arn, input='{"n": 1}', name="same") for _ in range(2)]
    assert [(r["status"], r["output"], r["name"]) for r in records] == [("SUCCEEDED", '{"n": 1}', "same")] * 2
    assert records[0]["executionArn"] != records[1]["executionArn"]
    assert records[0]["executionArn"].startswith(arn.replace(":stateMachine:", ":express:") + ":same:")


def test_a_failed_run_is_a_success_of_the_call(cloud: Cloud) -> None:
    arn = machine(cloud, "failing-express", "EXPRESS", States={"Only": FAIL})
    record = cloud.client("stepfunctions").start_sync_execution(stateMachineArn=arn)
    assert record["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert (record["status"], record["error"], record["cause"]) == ("FAILED", "TooLate", "It is too late.")
    assert "output" not in record


def test_a_run_ends_with_its_time(cloud: Cloud) -> None:
    states = {"Only": {"Type": "Wait", "Seconds": 600, "Next": "Last"}, "Last": PASS}
    arn = machine(cloud, "endless", "EXPRESS", TimeoutSeconds=1, States=states)
    record = cloud.client("stepfunctions").start_sync_execution(stateMachineArn=arn)
    assert (record["status"], record["error"]) == ("TIMED_OUT", "States.Timeout")
    assert "output" not in record
