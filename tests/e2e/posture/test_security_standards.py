"""Create and destroy security_standards in a Region of its own, and run its functions without a permission."""

from __future__ import annotations

from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.terraform import Terraform
from scenarios import security_hub as hub
from scenarios.posture import security_standards as subject
from tests.e2e import permissions
from tests.e2e.conftest import only_with

pytestmark = only_with("posture/security_standards")


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("security_standards")
    return found


@pytest.mark.parametrize(
    ("which", "event"), [("check", {"controls": True}), ("suppress", {})], ids=["check", "suppress"]
)
def test_each_permission_is_needed(cloud: Cloud, stack: scenario.Stack, which: str, event: dict[str, Any]) -> None:
    api = stack.client("securityhub")
    role = stack.client("lambda").get_function_configuration(FunctionName=stack.outputs[f"{which}_function_name"])[
        "Role"
    ]
    role = role.rpartition("/")[2]
    control, resource = "S3.5", "arn:aws:s3:::website-permissions"
    subject.check(stack, control, "FAILED", resource)
    finding = subject.findings(stack, control)[resource]
    identifier = {"Id": finding["Id"], "ProductArn": finding["ProductArn"]}
    try:
        for sid in permissions.sids(cloud, role):
            # The function has work to do: a finding to suppress.
            api.batch_update_findings(FindingIdentifiers=[identifier], Workflow={"Status": "NEW"})
            with permissions.without(cloud, role, sid), pytest.raises(AssertionError, match="not authorized"):
                subject.invoke(stack, which, event)
            assert subject.workflow(stack, control, resource) == "NEW", sid
        subject.invoke(stack, which, event)
        assert subject.workflow(stack, control, resource) == ("SUPPRESSED" if which == "suppress" else "NEW")
    finally:
        subject.check(stack, control, "PASSED", resource)
        hub.archive(api, finding["Id"])


def test_each_permission_to_set_parameters_is_needed(cloud: Cloud, stack: scenario.Stack) -> None:
    name = stack.outputs["parameters_function_name"]
    role = stack.client("lambda").get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    event = {"controls": {"ACM.1": {"parameters": {"daysToExpiration": {"Integer": 60}}}}}
    for sid in permissions.sids(cloud, role):
        with permissions.without(cloud, role, sid), pytest.raises(AssertionError, match="not authorized"):
            subject.invoke(stack, "parameters", event)
    assert subject.invoke(stack, "parameters", event) == {"set": ["ACM.1"], "reset": []}


def test_state_names_no_secret(terraform: Terraform) -> None:
    """The functions' answers, which Terraform keeps in its state, contain no findings."""
    state = terraform.state()
    results = [
        i["attributes"]["result"]
        for r in state["resources"]
        if r["type"] == "aws_lambda_invocation"
        for i in r["instances"]
    ]
    assert results
    assert not [result for result in results if "arn:aws:s3" in result]
