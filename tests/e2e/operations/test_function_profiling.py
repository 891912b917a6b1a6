"""function_profiling without one permission at a time: the function fails, and works again with the permission."""

from __future__ import annotations

from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.settings import REGION
from scenarios.operations import function_profiling as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("operations/function_profiling")

ROLE = f"switchyard-function-profiling-function-{REGION}"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("function_profiling")
    return found


def start_over(stack: scenario.Stack) -> str:
    """Make the account as before the first review, with one recommendation. Return the group."""
    group: str = stack.outputs["group_names"]["orders"]
    stack.cloud.command("codeguruprofiler/settle", {"group": group})
    stack.cloud.command("codeguruprofiler/reported", {"group": group, "days_ago": 0})
    subject.settled(stack)
    return group


def reviewed(stack: scenario.Stack) -> dict[str, Any]:
    """Return the answer of a review. An event may start another at the same time: of two, the second to write fails."""

    def alone() -> dict[str, Any]:
        answer = subject.review(stack)
        return {} if answer.get("errorType") == "ReportChanged" else answer

    return scenario.wait_until("a review while no other runs", alone)


def test_the_review_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    wanted = ["SeeGroups", "ReadRecommendations", "TellMissingFromDenied", "ReadReport", "WriteReport", "SendNotices"]
    assert sids(cloud, ROLE) == wanted
    events, group = stack.client("events"), start_over(stack)
    for key in stack.outputs["group_names"].values():  # both groups have profiles, so that both are asked
        stack.cloud.command("codeguruprofiler/reported", {"group": key, "days_ago": 0})
    subject.settled(stack)
    rule = next(r["Name"] for r in events.list_rules()["Rules"] if r["Name"].endswith("-function-profiling"))
    events.disable_rule(Name=rule)  # only this test calls the function
    s3, bucket = stack.client("s3"), stack.outputs["bucket_name"]
    try:
        for sid in wanted:
            if sid == "TellMissingFromDenied":
                continue  # The local cloud, unlike S3, needs no permission for it.
            s3.delete_object(Bucket=bucket, Key="report.json")
            if sid == "ReadReport":
                assert "errorType" not in reviewed(stack)
            stack.cloud.command(
                "codeguruprofiler/recommend", {"group": group, "pattern": subject.PATTERN | {"id": sid}}
            )
            with without(cloud, ROLE, sid):
                answer = reviewed(stack)
                said = answer.get("errorMessage", "")
                assert "AccessDenied" in said or "AuthorizationError" in said, f"works without {sid}: {answer}"
            assert reviewed(stack)["changes"] > 0, sid
    finally:
        events.enable_rule(Name=rule)
        start_over(stack)


def test_the_agent_needs_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    group, api = stack.outputs["group_names"]["orders"], subject.agent(stack)
    assert subject.send_profile(api, group) is True
    iam, name = stack.client("iam"), f"{group}-profiling"
    document = iam.get_role_policy(RoleName=subject.ROLE, PolicyName=name)["PolicyDocument"]
    assert [statement["Sid"] for statement in document["Statement"]] == ["SendProfiles"]
    with without(cloud, subject.ROLE, "SendProfiles", name):
        assert subject.send_profile(api, group) == "AccessDeniedException"


def test_a_group_that_was_deleted_by_hand_is_a_row_and_a_notice(stack: scenario.Stack) -> None:
    start_over(stack)
    api, group = stack.client("codeguruprofiler"), stack.outputs["group_names"]["invoices"]
    tags = api.describe_profiling_group(profilingGroupName=group)["profilingGroup"]["tags"]
    api.delete_profiling_group(profilingGroupName=group)
    try:
        assert reviewed(stack)["groups"] == 2
        found = subject.rows(stack)
        assert (found["invoices"]["status"], found["orders"]["status"]) == ("missing", "profiled")
    finally:
        api.create_profiling_group(
            profilingGroupName=group, computePlatform="AWSLambda", clientToken="again", tags=tags
        )
        subject.settled(stack)
