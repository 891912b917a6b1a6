"""Step Functions and Lambda in a burst: tokens, Distributed Maps, asynchronous calls that are throttled."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from typing import Any

import pytest

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from tests.unit.local.gateway.test_gateway import trust

CODE = """
import json, os, time
import boto3

def handler(event, context):
    if event.get("fail"):
        raise ValueError("no")
    if "token" in event:
        boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output=json.dumps({"n": 1}))
    if "key" in event:
        time.sleep(0.3)
        boto3.client("s3").put_object(Bucket="distributed", Key=event["key"], Body=b"")
    return event.get("n")
"""


@pytest.fixture(scope="module")
def cloud(cloud: Cloud) -> Cloud:
    place: Any = {"LocationConstraint": cloud.client("s3").meta.region_name}
    cloud.client("s3").create_bucket(Bucket="distributed", CreateBucketConfiguration=place)
    allow(cloud, "worker", "lambda.amazonaws.com", ["states:SendTaskSuccess", "s3:PutObject"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr("code.py", CODE)
    cloud.client("lambda").create_function(
        FunctionName="worker",
        Runtime="python3.13",
        Handler="code.handler",
        Role=role(cloud, "worker"),
        Code={"ZipFile": buffer.getvalue()},
        Timeout=30,
    )
    wait_until(
        "the function",
        lambda: cloud.client("lambda").get_function(FunctionName="worker")["Configuration"]["State"] == "Active",
    )
    return cloud


def role(cloud: Cloud, name: str) -> str:
    return str(cloud.client("iam").get_role(RoleName=name)["Role"]["Arn"])


def allow(cloud: Cloud, name: str, service: str, actions: list[str]) -> None:
    """Give a role some actions, and create it if need be."""
    iam = cloud.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="grants", PolicyDocument=document)


def execute(cloud: Cloud, name: str, state: dict[str, Any], actions: list[str]) -> dict[str, Any]:
    """Run a machine of one state whose role has some actions. Return the execution at its end."""
    allow(cloud, name, "states.amazonaws.com", actions)
    states = cloud.client("stepfunctions")
    definition = {"QueryLanguage": "JSONata", "StartAt": "Only", "States": {"Only": {**state, "End": True}}}
    machine = states.create_state_machine(name=name, roleArn=role(cloud, name), definition=json.dumps(definition))
    arn = states.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"file": "items"}')["executionArn"]

    def ended() -> dict[str, Any]:
        found: dict[str, Any] = states.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else {}

    return wait_until("the end", ended)


def token(**payload: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": "worker", "Payload": payload},
        "TimeoutSeconds": 2,
    }


def test_a_state_waits_for_its_token_and_not_for_a_call_that_failed(cloud: Cloud) -> None:
    lambdas = ["lambda:InvokeFunction"]
    done = execute(cloud, "told", token(token="{% $states.context.Task.Token %}"), lambdas)
    assert (done["status"], done["output"]) == ("SUCCEEDED", '{"n": 1}')
    assert execute(cloud, "silent", token(n=1), lambdas)["error"] == "States.Timeout"
    assert execute(cloud, "failing", token(fail=True), lambdas)["error"] == "ValueError"
    assert execute(cloud, "refused", token(n=1), ["sqs:SendMessage"])["error"] == "Lambda.AccessDeniedException"


def test_an_answer_that_breaks_off_is_an_error_of_the_task(cloud: Cloud) -> None:
    call = {**token(n=7), "Resource": "arn:aws:states:::lambda:invoke", "Output": "{% $states.result.Payload %}"}
    again = {"ErrorEquals": ["Lambda.SdkClientException"], "IntervalSeconds": 1, "MaxAttempts": 1}
    reset = {"kind": "reset", "principal": "broken", "operation": "InvokeFunction"}
    for name, retry, expected in (("broken-once", [again], "7"), ("broken-off", [], "Lambda.SdkClientException")):
        with cloud.faults({**reset, "count": 1}):
            done = execute(cloud, name, {**call, "Retry": retry}, ["lambda:InvokeFunction"])
        assert done.get("error", done.get("output")) == expected


MAP = {
    "Type": "Map",
    "MaxConcurrency": "{% 1 + 1 %}",
    "ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Arguments": {"Bucket": "distributed", "Key": "{% $states.input.file %}"},
    },
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "Double",
        "States": {"Double": {"Type": "Pass", "Output": "{% $states.input.n * 2 %}", "End": True}},
    },
    "Output": "{% $sum($states.result) %}",
}
ACTIONS = ["states:StartExecution", "states:DescribeExecution", "states:StopExecution", "s3:GetObject"]


def test_a_distributed_map_of_jsonata_reads_its_items(cloud: Cloud) -> None:
    lines = "".join(f'{{"n": {number}}}   \n' for number in range(5))
    cloud.client("s3").put_object(Bucket="distributed", Key="items", Body=lines.encode())
    assert execute(cloud, "map", MAP, ACTIONS)["output"] == "20"


@pytest.mark.parametrize("count", [1, 3])
def test_a_distributed_map_of_jsonata_makes_its_items(cloud: Cloud, count: int) -> None:
    state = {name: value for name, value in MAP.items() if name != "ItemReader"}
    items = f"{{% [[0..{count - 1}].{{'n': $ + 1, 'file': $states.input.file}}] %}}"
    done = execute(cloud, f"made-{count}", {**state, "Items": items}, ACTIONS)
    assert done["output"] == str(sum(2 * (number + 1) for number in range(count)))


@pytest.mark.parametrize("missing", ACTIONS)
def test_a_distributed_map_runs_under_its_role(cloud: Cloud, missing: str) -> None:
    name = f"no-{missing.replace(':', '-')}"
    done = execute(cloud, name, MAP, [action for action in ACTIONS if action != missing])
    assert done["error"] == ("States.ItemReaderFailed" if missing == "s3:GetObject" else "States.Permissions")


def test_asynchronous_calls_that_are_throttled_wait(cloud: Cloud) -> None:
    functions, s3 = cloud.client("lambda"), cloud.client("s3")
    functions.put_function_concurrency(FunctionName="worker", ReservedConcurrentExecutions=1)
    for number in range(8):
        event = json.dumps({"key": f"async/{number}"})
        functions.invoke(FunctionName="worker", InvocationType="Event", Payload=event)

    def written() -> bool:
        return len(s3.list_objects_v2(Bucket="distributed", Prefix="async/").get("Contents", ())) == 8

    assert wait_until("all eight calls, one at a time", written)
