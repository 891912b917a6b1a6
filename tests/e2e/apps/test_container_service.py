"""container_service without one permission at a time: the pipeline or the task fails, and works with all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import REGION
from scenarios.apps import container_service as subject
from scenarios.issuers import Issuer
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("apps/container_service")

DEPLOY = f"switchyard-container-deploy-{REGION}"
EXECUTION = f"switchyard-container-execution-{REGION}"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("container_service")
    return found


class Pipeline:
    """The pipeline's role, and a call for each of its statements."""

    def __init__(self, stack: scenario.Stack) -> None:
        github = Issuer()
        github.publish(stack.cloud)
        self.stack, self.token = stack, github.token(subject.SUBJECT.format("main"))
        credentials = subject.assume(stack, self.token)
        self.ecr, self.ecs = (stack.client(name, attempts=1, **credentials) for name in ("ecr", "ecs"))
        self.service = {"cluster": stack.outputs["cluster_name"], "service": stack.outputs["service_name"]}

    def push(self) -> None:
        """Push an image with a tag of its own."""
        tag = scenario.Stack(self.stack.cloud, {}).token
        subject.image(f"e2e-{tag}", tag).push(self.ecr, self.stack.outputs["repository_name"], f"e2e-{tag}")

    def register(self) -> None:
        """Register the newest revision again, with its tags."""
        described = self.stack.client("ecs").describe_task_definition(
            taskDefinition=self.service["service"], include=["TAGS"]
        )
        definition, names = described["taskDefinition"], ("family", "networkMode", "cpu", "memory")
        assert described["tags"], "the revision has no tags to test with"
        self.ecs.register_task_definition(
            **{name: definition[name] for name in names},
            **{name: definition[name] for name in ("containerDefinitions", "volumes", "taskRoleArn")},
            executionRoleArn=definition["executionRoleArn"],
            requiresCompatibilities=["FARGATE"],
            tags=described["tags"],
        )

    def probes(self) -> dict[str, Callable[[], Any]]:
        """Return a call for each statement, in the policy's order."""
        repository, cluster = self.stack.outputs["repository_name"], self.service["cluster"]
        task = f"arn:aws:ecs:{REGION}:123456789012:task/{cluster}/0123456789abcdef0123456789abcdef"
        return {
            "SignInToRegistry": self.push,
            "PushImages": self.push,
            "FindImages": lambda: self.ecr.describe_images(repositoryName=repository),
            "ReadRevisions": lambda: self.ecs.describe_task_definition(taskDefinition=self.service["service"]),
            "RegisterRevisions": self.register,
            "TagRevisions": self.register,
            "GiveRolesToTasks": self.register,
            "Deploy": lambda: self.ecs.describe_services(cluster=cluster, services=[self.service["service"]]),
            "FindStoppedTasks": lambda: self.ecs.list_tasks(cluster=cluster),
            "ReadWhyTasksStopped": lambda: self.ecs.describe_tasks(cluster=cluster, tasks=[task]),
        }


def test_the_pipeline_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    pipeline = Pipeline(stack)
    probes = pipeline.probes()
    assert sids(cloud, DEPLOY, "deploy") == list(probes)
    for sid, probe in probes.items():
        with without(cloud, DEPLOY, sid, "deploy"), pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            probe()
        probe()


def test_what_the_pipeline_may_not_do(stack: scenario.Stack) -> None:
    pipeline = Pipeline(stack)
    cluster, service = pipeline.service["cluster"], pipeline.service["service"]
    definition = {"containerDefinitions": [{"name": "a", "image": "b"}], "networkMode": "awsvpc"}
    admin = "arn:aws:iam::123456789012:role/admin"
    refused = [
        subject.refusal(pipeline.ecs.update_service, cluster=cluster, service="other", desiredCount=0),
        subject.refusal(pipeline.ecs.delete_service, cluster=cluster, service=service),
        subject.refusal(pipeline.ecs.register_task_definition, family="other", **definition),
        subject.refusal(pipeline.ecs.register_task_definition, family=service, taskRoleArn=admin, **definition),
        subject.refusal(pipeline.ecs.run_task, cluster=cluster, taskDefinition=service),
        subject.refusal(pipeline.ecr.batch_delete_image, repositoryName=service, imageIds=[{"imageTag": "x"}]),
        subject.refusal(pipeline.ecr.describe_images, repositoryName="other"),
    ]
    assert set(refused) == {"AccessDeniedException"}, refused


def run_task(stack: scenario.Stack) -> dict[str, Any]:
    """Start a task of the newest revision, and return it once it runs or has stopped. Stop it."""
    ecs, cluster = stack.client("ecs"), stack.outputs["cluster_name"]
    started = ecs.run_task(cluster=cluster, taskDefinition=stack.outputs["service_name"], launchType="FARGATE")
    arn = started["tasks"][0]["taskArn"]

    def settled() -> dict[str, Any]:
        task: dict[str, Any] = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]
        return task if task["lastStatus"] in ("RUNNING", "STOPPED") else {}

    task = wait_until("the task", settled)
    ecs.stop_task(cluster=cluster, task=arn)
    return task


def test_a_task_needs_each_permission_of_its_execution_role(cloud: Cloud, stack: scenario.Stack) -> None:
    pipeline = Pipeline(stack)
    tag = f"task-{scenario.Stack(cloud, {}).token}"
    subject.image(tag, tag).push(pipeline.ecr, stack.outputs["repository_name"], tag)
    assert subject.deploy(stack, pipeline.token, tag)[0] == 0
    reasons = {
        "SignInToRegistry": "ecr:GetAuthorizationToken",
        "PullImages": "ecr:BatchGetImage",
        "WriteLog": "logs:CreateLogStream",
        "ReadSecrets": "secretsmanager:GetSecretValue",
        "ReadParameters": "ssm:GetParameters",
    }
    assert sids(cloud, EXECUTION, "tasks") == list(reasons)
    for sid, action in reasons.items():
        with without(cloud, EXECUTION, sid, "tasks"):
            task = run_task(stack)
            assert task["lastStatus"] == "STOPPED", f"a task runs without {sid}"
            assert action in task["stoppedReason"], task["stoppedReason"]
    assert run_task(stack)["lastStatus"] == "RUNNING"


def test_a_token_of_another_branch_ends_the_pipelines_program_with_a_refusal(stack: scenario.Stack) -> None:
    github = Issuer()
    github.publish(stack.cloud)
    code, report = subject.deploy(stack, github.token(subject.SUBJECT.format("feature")), "x")
    assert code == 2
    assert "AccessDenied" in json.dumps(report)


def test_a_task_that_fails_its_health_checks_is_replaced(stack: scenario.Stack) -> None:
    ecs, cluster = stack.client("ecs"), stack.outputs["cluster_name"]

    def running() -> set[str]:
        found = ecs.list_tasks(cluster=cluster, serviceName=stack.outputs["service_name"])["taskArns"]
        return set(found)

    before = wait_until("tasks", running)
    assert subject.get(stack, "/break")[0] == 200
    (gone,) = wait_until("the end of one task", lambda: before - running())
    task = ecs.describe_tasks(cluster=cluster, tasks=[gone])["tasks"][0]
    assert task["stoppedReason"].startswith("Task failed ELB health checks in (target-group arn:")
    wait_until("another task in its place", lambda: len(running()) == len(before))
    assert subject.get(stack, "/")[0] == 200
