"""volume_alarms without one permission at a time, refused alarms, and the destroy of its alarms."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.terraform import Terraform
from local.settings import REGION, ROOT
from scenarios.operations import volume_alarms as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("operations/volume_alarms")

INSTANCE = "i-00000000000000001"
NEEDED = ["ReadInstancesAndMetrics", "WriteReports", "EncryptReports", "ListAlarms", "WriteAlarms"]


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("volume_alarms")
    return found


def role(stack: scenario.Stack) -> str:
    """Return the name of the function's role."""
    return str(stack.outputs["function_role_arn"].rpartition("/")[2])


def foreign(stack: scenario.Stack, name: str = f"{INSTANCE} X: 0 warning", account: str = "") -> str:
    """Write an alarm of an instance that does not exist, which the next run must delete."""
    full = str(stack.outputs["alarm_prefix"] + name)
    stack.client("cloudwatch", account=account).put_metric_alarm(
        AlarmName=full,
        Namespace="CWAgent",
        MetricName=subject.PERCENT,
        Dimensions=[{"Name": "InstanceId", "Value": INSTANCE}, {"Name": "instance", "Value": "X:"}],
        Statistic="Average",
        Period=300,
        EvaluationPeriods=1,
        ComparisonOperator="LessThanThreshold",
        Threshold=10,
    )
    return full


def error(stack: scenario.Stack) -> str:
    return str(subject.invoke(stack, {}).get("errorMessage", ""))


@contextlib.contextmanager
def other_workers(stack: scenario.Stack) -> Iterator[None]:
    """Within the block, the function has new workers, which have no sessions of roles."""
    functions, name = stack.client("lambda"), stack.outputs["function_names"]["reconcile"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    changed = {**before, "POWERTOOLS_LOG_LEVEL": "DEBUG"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


# ReceiveStarts is Lambda's own use of the role, and AssumeRolesOfTargets needs other workers: see below.
@pytest.mark.parametrize("sid", NEEDED)
def test_the_function_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack, sid: str) -> None:
    assert sids(cloud, role(stack))[:4] == [
        "ReadInstancesAndMetrics",
        "WriteReports",
        "EncryptReports",
        "ReceiveStarts",
    ]
    foreign(stack)
    with without(cloud, role(stack), sid):
        assert "AccessDenied" in error(stack) or "UnauthorizedOperation" in error(stack), f"works without {sid}"
    assert error(stack) == ""
    assert subject.alarms(stack, INSTANCE) == []


def test_it_assumes_the_roles_of_targets(cloud: Cloud, stack: scenario.Stack) -> None:
    with without(cloud, role(stack), "AssumeRolesOfTargets"), other_workers(stack):
        assert "other: AccessDenied at AssumeRole" in error(stack)
    assert error(stack) == ""


def test_the_role_that_target_role_makes_is_enough_and_no_more(
    cloud: Cloud, stack: scenario.Stack, tmp_path: Path
) -> None:
    iam = stack.client("iam", account=subject.OTHER_ACCOUNT)
    iam.delete_role_policy(RoleName=subject.ROLE, PolicyName="volume-alarms")
    iam.delete_role(RoleName=subject.ROLE)
    inputs = {
        "role_name": subject.ROLE,
        "function_role_arn": stack.outputs["function_role_arn"],
        "alarm_prefix": stack.outputs["alarm_prefix"],
        "regions": [REGION],
        "external_id": "volumes",
    }
    made = Terraform(cloud, tmp_path / "role", inputs, root=ROOT / "modules/operations/volume_alarms/target_role")
    made.environment |= {"AWS_ACCESS_KEY_ID": subject.OTHER_ACCOUNT, "AWS_REGION": REGION}
    made.init()
    made.apply()
    try:
        with other_workers(stack):
            assert error(stack) == ""
            for sid in sids(cloud, subject.ROLE, "volume-alarms", subject.OTHER_ACCOUNT):
                foreign(stack, account=subject.OTHER_ACCOUNT)
                with without(cloud, subject.ROLE, sid, "volume-alarms", subject.OTHER_ACCOUNT):
                    assert re.search("other: (AccessDenied|Unauthorized)", error(stack)), f"works without {sid}"
            assert error(stack) == ""
    finally:
        made.destroy()
        subject.other_role(stack)


def test_messages_are_received_with_the_role(cloud: Cloud, stack: scenario.Stack) -> None:
    functions, name = stack.client("lambda"), stack.outputs["function_names"]["reconcile"]

    def result() -> str:
        mappings = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        return str(mappings[0].get("LastProcessingResult"))

    subject.idle(stack)
    with without(cloud, role(stack), "ReceiveStarts"):
        instance = subject.launch(stack, f"volumes-{stack.token}-later")
        scenario.wait_until("the refusal", lambda: "sqs:ReceiveMessage" in result())
        assert subject.waiting(stack) >= 1
    subject.idle(stack)
    stack.client("ec2").terminate_instances(InstanceIds=[instance])


def test_one_refused_alarm_does_not_hold_up_the_others(stack: scenario.Stack) -> None:
    names = [foreign(stack, f"{INSTANCE} {letter}: 0 warning") for letter in "XY"]
    refused = {"principal": "volume-alarms", "operation": "DeleteAlarms", "kind": "error"}
    with stack.faults({**refused, "status": 400, "code": "ValidationError", "count": 2}):
        answer = subject.invoke(stack, {})
    assert "1 alarms refused (ValidationError)" in answer["errorMessage"]
    assert len(subject.alarms(stack, INSTANCE)) == len(names) - 1
    assert error(stack) == ""
    assert subject.alarms(stack, INSTANCE) == []


def test_terraform_deletes_and_writes_all_alarms(stack: scenario.Stack) -> None:
    there = len(subject.alarms(stack, account=subject.OTHER_ACCOUNT))
    assert there == 2
    answer = subject.invoke(stack, {"tf": {"action": "delete", "prev_input": None}, "targets": []})
    assert answer["totals"]["targets_with_errors"] == 0
    assert (subject.alarms(stack), subject.alarms(stack, account=subject.OTHER_ACCOUNT)) == ([], [])
    subject.invoke(stack, {"tf": {"action": "update", "prev_input": {}}, "targets": []})
    assert len(subject.alarms(stack, account=subject.OTHER_ACCOUNT)) == there
