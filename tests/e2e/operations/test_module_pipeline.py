"""module_pipeline beyond its scenario: its permissions one by one, the sandbox, and a module of this repository."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.harness.terraform import Terraform
from local.settings import REGION, ROOT
from scenarios.operations import module_pipeline as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("operations/module_pipeline")

PIPELINE = f"switchyard-module-pipeline-{REGION}"
NO_MODULE = {"README.md": "no Terraform files"}  # the gate refuses it at once
BUILD = ["WriteOwnLogs", "ReadArtifacts", "KeepReports", "UseKeyThroughServices"]
IMAGE = ["PullImage", "LogInToEcr"]


@pytest.fixture(scope="module")
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("module_pipeline")
    return found


def role_of(build: str) -> str:
    """Return the role of a build."""
    return f"switchyard-module-{build}-build-{REGION}"


@contextlib.contextmanager
def session(stack: scenario.Stack, name: str, policy: str) -> Iterator[Any]:
    """Yield S3's client as a principal with this policy and nothing else."""
    iam, role = stack.client("iam"), f"{name}-{stack.token}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(
        RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy)
    try:
        made = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]
        yield stack.client(
            "s3",
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
            aws_session_token=made["SessionToken"],
        )
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="p")
        iam.delete_role(RoleName=role)


class Builder:
    """Starts builds as a pipeline does, without the stages before."""

    def __init__(self, stack: scenario.Stack) -> None:
        self.stack, self.api, self.s3 = stack, stack.client("codebuild"), stack.client("s3")
        self.bucket = stack.outputs["reports_bucket"]
        pipeline = stack.client("codepipeline").get_pipeline(name=stack.outputs["pipeline_names"]["topic"])["pipeline"]
        gate = next(a["configuration"] for a in pipeline["stages"][0]["actions"] if a["name"] == "Gate")
        self.gate = self.s3.get_object(Bucket=gate["S3Bucket"], Key=gate["S3ObjectKey"])["Body"].read()

    def _artifact(self, name: str, content: bytes) -> str:
        key = f"switchyard-module-to/{name}/{self.stack.token}.zip"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"{self.bucket}/{key}"

    def run(self, build: str, files: Mapping[str, str], **variables: str) -> dict[str, Any]:
        """Run a build of these files. Return it when it has ended."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        given = {"MODULE": "built", "EXECUTION": self.stack.token, **variables}
        started = self.api.start_build(
            projectName=f"switchyard-module-{build}",
            sourceTypeOverride="S3",
            sourceLocationOverride=self._artifact("Module", content.getvalue()),
            secondarySourcesOverride=[
                {"type": "S3", "location": self._artifact("Gate", self.gate), "sourceIdentifier": "Gate"}
            ],
            environmentVariablesOverride=[{"name": name, "value": value} for name, value in given.items()],
        )["build"]["id"]
        found: dict[str, Any] = wait_until(
            f"the end of {started}",
            lambda: (b := self.api.batch_get_builds(ids=[started])["builds"][0])["buildComplete"] and b,
            240,
        )
        return found

    def log(self, build: Mapping[str, Any]) -> str:
        """Return a build's log."""
        where = build["logs"]
        if build["currentPhase"] == "COMPLETED" and len(build["phases"]) < 5:
            return json.dumps(build["phases"], default=str)
        events = self.stack.client("logs").get_log_events(
            logGroupName=where["groupName"], logStreamName=where["streamName"], startFromHead=True
        )["events"]
        return "\n".join(event["message"] for event in events)

    def report(self, file: str) -> dict[str, Any]:
        """Return a report of this run of the tests."""
        key = f"reports/built/{self.stack.token}/{file}"
        found: dict[str, Any] = json.load(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"])
        return found


@pytest.fixture(scope="module")
def builder(stack: scenario.Stack) -> Builder:
    return Builder(stack)


def test_the_roles_have_these_statements(cloud: Cloud) -> None:
    """The tests below take them away, those that all builds share from Release."""
    reports, releases = ["PublishTestReports"], ["Release", "SeeReleases"]
    assert sids(cloud, role_of("check")) == [*BUILD, *reports, *IMAGE, "SeeReleases", "FindReleases"]
    assert sids(cloud, role_of("test")) == [*BUILD, *reports, *IMAGE]
    assert sids(cloud, role_of("integration")) == [*BUILD, *reports, *IMAGE, "UseSandbox"]
    assert sids(cloud, role_of("release")) == [*BUILD, *IMAGE, *releases]
    wanted = ["ReadSources", "SeeVersioning", "KeepArtifacts", "RunBuilds", "UseKeyThroughServices", "AskForApproval"]
    assert sids(cloud, PIPELINE) == wanted


def test_the_release_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack, builder: Builder) -> None:
    files = subject.module(f"2.0.0-t{stack.token}")
    for sid in (*BUILD, *IMAGE, "Release"):
        with without(cloud, role_of("release"), sid):
            assert builder.run("release", files)["buildStatus"] == "FAILED", f"works without {sid}"
    done = builder.run("release", files)
    assert done["buildStatus"] == "SUCCEEDED", builder.log(done)
    with without(cloud, role_of("release"), "SeeReleases"):  # which a repeated build looks at
        assert builder.run("release", files)["buildStatus"] == "FAILED"
    assert builder.run("release", files)["buildStatus"] == "SUCCEEDED"


def test_a_release_never_changes(stack: scenario.Stack, builder: Builder) -> None:
    version = f"3.0.0-t{stack.token}"
    assert builder.run("release", subject.module(version))["buildStatus"] == "SUCCEEDED"
    again = builder.run("release", subject.module(version, readme="# other\n"))
    assert again["buildStatus"] == "FAILED"
    assert "raise the version" in builder.log(again)
    bucket, key = stack.outputs["registry_bucket"], f"registry/built/{version}.zip"
    every = [{"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}]
    with session(stack, "administrator", json.dumps({"Version": "2012-10-17", "Statement": every})) as s3:
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"other")
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"other", IfNoneMatch="*")


def test_reports_need_their_permission(cloud: Cloud, builder: Builder) -> None:
    for build in ("check", "test", "integration"):
        refused = builder.run(build, NO_MODULE)
        phases = {phase["phaseType"]: phase.get("phaseStatus") for phase in refused["phases"]}
        assert (phases.get("BUILD"), phases.get("UPLOAD_ARTIFACTS")) == ("FAILED", "SUCCEEDED"), refused["phases"]
        assert refused["reportArns"]
        with without(cloud, role_of(build), "PublishTestReports"):
            refused = builder.run(build, NO_MODULE)
        assert {p["phaseType"]: p.get("phaseStatus") for p in refused["phases"]}["UPLOAD_ARTIFACTS"] == "FAILED"


def ends(stack: scenario.Stack, started: str, name: str = "open") -> tuple[str, dict[str, dict[str, Any]]]:
    """Wait for the end of an execution. Return its status and its actions."""
    api, pipeline = stack.client("codepipeline"), stack.outputs["pipeline_names"][name]
    where = {"pipelineName": pipeline, "pipelineExecutionId": started}

    def status() -> str:
        found = str(api.get_pipeline_execution(**where)["pipelineExecution"]["status"])
        return found if found != "InProgress" else ""

    ended = wait_until(f"the end of {pipeline}", status, 240)
    found = api.list_action_executions(pipelineName=pipeline, filter={"pipelineExecutionId": started})
    return ended, {one["actionName"]: one for one in found["actionExecutionDetails"]}


def error_of(action: Mapping[str, Any]) -> str:
    """Return the code of an action's error."""
    return str(action["output"]["executionResult"].get("errorDetails", {}).get("code", ""))


def test_the_pipeline_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    version = subject.upload(stack, "open", NO_MODULE)
    first = subject.Execution(stack, "open", version)
    assert (first.ended(), error_of(first.actions()["Check"])) == ("Failed", "JobFailed")
    api, pipeline = stack.client("codepipeline"), stack.outputs["pipeline_names"]["open"]
    for sid, action in {
        "ReadSources": "Module",
        "SeeVersioning": "Module",
        "KeepArtifacts": "Module",
        "UseKeyThroughServices": "Module",
        "RunBuilds": "Check",
    }.items():
        with without(cloud, PIPELINE, sid):
            started = api.start_pipeline_execution(name=pipeline)["pipelineExecutionId"]
            _, actions = ends(stack, started)
            assert error_of(actions[action]) == "PermissionError", f"works without {sid}: {actions}"


def test_the_question_needs_its_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    """A pipeline of a source and an approval, with the same role."""
    api = stack.client("codepipeline")
    whole = api.get_pipeline(name=stack.outputs["pipeline_names"]["open"])["pipeline"]
    stages = [stage for stage in whole["stages"] if stage["name"] in ("Source", "Approve")]
    stages[1].pop("beforeEntry")
    stages[1]["actions"][0]["configuration"]["CustomData"] = "Release?"
    name = f"switchyard-module-open-{stack.token}"
    began = time.time()
    with without(cloud, PIPELINE, "AskForApproval"):
        api.create_pipeline(pipeline={**whole, "name": name, "stages": stages})
        try:
            wait_until(
                "the refusal",
                lambda: (
                    api.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"][0]["status"]
                    == "Failed"
                ),
            )
            [asked] = [
                one
                for one in api.list_action_executions(pipelineName=name)["actionExecutionDetails"]
                if one["actionName"] == "Approve"
            ]
            assert error_of(asked) == "PermissionError"
        finally:
            api.delete_pipeline(name=name)
    assert not [text for text in subject.notices(stack, began) if name in text]


def own_module(version: str) -> dict[str, str]:
    """Return the block `topic` of this repository with its plan tests, as a module of its own."""
    block = ROOT / "modules" / "blocks" / "topic"
    tests = (ROOT / "tests" / "block_topic.tftest.hcl").read_text()
    return {
        **{path.name: path.read_text() for path in sorted(block.iterdir()) if path.is_file()},
        "VERSION": version,
        "tests/topic.tftest.hcl": re.sub(
            r'(?m)^  module \{\n    source = "\./modules/blocks/topic"\n  \}\n\n', "", tests
        ),
        "tests/shared.auto.tfvars": (ROOT / "tests" / "shared.auto.tfvars").read_text(),
        "tests/mocks/aws.tfmock.hcl": (ROOT / "tests" / "mocks" / "aws.tfmock.hcl").read_text(),
    }


def test_a_module_of_this_repository_is_released_and_used(stack: scenario.Stack) -> None:
    version = f"9.0.0-t{stack.token}"
    uploaded = subject.upload(stack, "topic", own_module(version))
    execution = subject.Execution(stack, "topic", uploaded)
    execution.answer(execution.token())
    assert execution.ended() == "Succeeded", execution.described()
    passed = json.loads(execution.report("test.json"))["facts"]["tests"]
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed, 0 errored, 0 skipped", passed)
    with session(stack, "consumer", stack.outputs["consumer_policy_json"]) as s3:
        where = {"Bucket": stack.outputs["registry_bucket"], "Key": f"registry/topic/{version}.zip"}
        archive = zipfile.ZipFile(io.BytesIO(s3.get_object(**where)["Body"].read()))
        assert "main.tf" in archive.namelist()
        assert not [one for one in archive.namelist() if one.startswith("tests/")]
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=stack.outputs["registry_bucket"], Key="source/topic.zip")
    # The same version again: checked and tested, and neither asked about nor released.
    revision = {"actionName": "Module", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": uploaded}
    started = stack.client("codepipeline").start_pipeline_execution(
        name=execution.pipeline, sourceRevisions=[revision]
    )["pipelineExecutionId"]
    status, actions = ends(stack, started, "topic")
    assert status == "Succeeded"
    assert {"Check", "Test"} <= set(actions)
    assert not {"Approve", "Release"} & set(actions)
    state = stack.client("codepipeline").get_pipeline_state(name=execution.pipeline)["stageStates"]
    assert {s["stageName"]: s["latestExecution"]["status"] for s in state}["Release"] == "Skipped"


# --- the sandbox ------------------------------------------------------------------------------------------

SANDBOX_ROOT = """
provider "aws" {
  region     = "%(region)s"
  access_key = "%(account)s"
  secret_key = "test"
}
variable "build_dir" { default = "" }
resource "aws_iam_policy" "tests" {
  name = "module-tests"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["sns:*", "kms:*", "sts:GetCallerIdentity"]
      Resource = "*"
    }]
  })
}
module "sandbox_roles" {
  source                  = "./modules/operations/module_pipeline/sandbox_roles"
  name_prefix             = "switchyard"
  integration_role_arn    = "%(integration)s"
  sweep_function_role_arn = "%(sweep)s"
  external_id             = "%(external_id)s"
  test_policy_arns        = [aws_iam_policy.tests.arn]
}
"""
INTEGRATION = """\
run "topic_exists" {
  variables {
    topic_name = "mt-${var.test_run}-demo"
  }

  assert {
    condition     = endswith(output.topic_arn, "demo")
    error_message = "The topic has another name."
  }
}
"""


@pytest.fixture(scope="module")
def sandbox(stack: scenario.Stack) -> Iterator[Any]:
    """The sandbox account with its roles, and a client of its root."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "sandbox"
        root.mkdir()
        values = {
            "region": REGION,
            "account": subject.SANDBOX,
            "integration": stack.outputs["build_role_arns"]["integration"],
            "sweep": stack.outputs["sweep_role_arn"],
            "external_id": subject.EXTERNAL_ID,
        }
        (root / "main.tf").write_text(SANDBOX_ROOT % values)
        terraform = Terraform(stack.cloud, Path(name) / "applied", {}, root)
        terraform.init()
        terraform.apply()
        yield lambda service, **_: stack.client(service, account=subject.SANDBOX)
        terraform.destroy()


def applied() -> dict[str, str]:
    """Return a module with a test that creates a topic."""
    return {**subject.module("1.0.0"), "tests/integration/topic.tftest.hcl": INTEGRATION}


def topics(sandbox: Any) -> list[str]:
    """Return the names of the sandbox's topics."""
    return [one["TopicArn"].rpartition(":")[2] for one in sandbox("sns").list_topics()["Topics"]]


@contextlib.contextmanager
def unable_to_delete(sandbox: Any) -> Iterator[None]:
    """The tests' role may create but not delete."""
    deny = {"Effect": "Deny", "Action": "sns:DeleteTopic", "Resource": "*"}
    iam, where = sandbox("iam"), {"RoleName": "module-pipeline-test", "PolicyName": "deny"}
    iam.put_role_policy(**where, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    try:
        yield
    finally:
        iam.delete_role_policy(**where)


def test_tests_of_the_sandbox_leave_nothing(cloud: Cloud, builder: Builder, sandbox: Any) -> None:
    other = sandbox("sns").create_topic(Name="of-another-owner")["TopicArn"]
    done = builder.run("integration", applied())
    assert done["buildStatus"] == "SUCCEEDED", builder.log(done)
    assert builder.report("integration.json")["facts"]["tests"].startswith("1 passed, 0 failed")
    assert topics(sandbox) == ["of-another-owner"]
    with unable_to_delete(sandbox):
        failed = builder.run("integration", applied())
    assert failed["buildStatus"] == "FAILED"
    swept = builder.report("sweep.json")
    assert [note for note in swept["notes"] if "was left by a test, and removed" in note], swept
    assert topics(sandbox) == ["of-another-owner"]
    sandbox("sns").delete_topic(TopicArn=other)
    with without(cloud, role_of("integration"), "UseSandbox"):
        assert builder.run("integration", applied())["buildStatus"] == "FAILED"


def test_the_function_removes_what_a_stopped_build_left(cloud: Cloud, stack: scenario.Stack, sandbox: Any) -> None:
    function, sns, kms = stack.outputs["function_names"]["sweep"], sandbox("sns"), sandbox("kms")
    now = int(time.time())

    def leave(name: str, run: str, prefix: str = "switchyard") -> str:
        tags = [{"Key": "ModuleTest", "Value": f"{prefix}/e1/{run}"}]
        return str(sns.create_topic(Name=name, Tags=tags)["TopicArn"])

    def call() -> dict[str, Any]:
        found: dict[str, Any] = json.load(stack.client("lambda").invoke(FunctionName=function, Payload="{}")["Payload"])
        return found

    ended, running = f"{now - 60}1234", f"{now + 3600}1234"
    kept = [leave("goes-on", running), leave("of-another-stack", ended, "other")]
    leave("left", ended)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/mt-{ended}-demo", TargetKeyId=key)
    role = f"switchyard-module-sweep-function-{REGION}"
    assert sids(cloud, role) == ["UseSweepRole", "WriteReport"]
    for sid in ("UseSweepRole", "WriteReport"):
        with without(cloud, role, sid):
            assert "AccessDenied" in call().get("errorMessage", ""), f"works without {sid}"
    assert set(call()) <= {"removed"}
    assert sorted(topics(sandbox)) == ["goes-on", "of-another-stack"]
    assert [a["AliasName"] for a in kms.list_aliases()["Aliases"] if "mt-" in a["AliasName"]] == []
    leave("left", ended)
    with without(cast("Cloud", _Account(sandbox)), "module-pipeline-sweep", "RemoveTagged", "sweep"):
        assert "1 resources of tests remain" in call()["errorMessage"]
    assert call() == {"removed": 1}
    for arn in kept:
        sns.delete_topic(TopicArn=arn)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


class _Account:
    """The sandbox as `permissions.without` takes it."""

    def __init__(self, client: Any) -> None:
        self.client = client
