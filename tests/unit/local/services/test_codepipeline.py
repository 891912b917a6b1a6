"""CodePipeline of the local cloud: executions, approvals, conditions, modes, and what they send."""

from __future__ import annotations

import functools
import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import events, install_all
from local.services.bridge import RESOURCE_ARNS
from local.services.codepipeline import neighbours

ROLE = "arn:aws:iam::123456789012:role/pipeline"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:approvals"


class Cloud(neighbours.Neighbours):
    """The services that a pipeline calls, and what they refuse."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.trusted = True
        self.versioning = "Enabled"
        self.put: list[dict[str, Any]] = []
        self.published: list[dict[str, Any]] = []
        self.builds: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.result = {
            "buildStatus": "SUCCEEDED",
            "buildComplete": True,
            "phases": [],
            "exportedEnvironmentVariables": [{"name": "RELEASE", "value": "new"}],
        }

    def session(self, role_arn: str, name: str, pipeline_arn: str) -> dict[str, Any]:
        if not self.trusted:
            raise PermissionError
        return {}

    def client(self, service: str, region: str, credentials: dict[str, Any]) -> Any:
        return self

    def _check(self, action: str) -> None:
        if action in self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, action)

    def get_bucket_versioning(self, **_: Any) -> dict[str, Any]:
        return {"Status": self.versioning}

    def get_object(self, **given: Any) -> dict[str, Any]:
        self._check("GetObject")
        return {"Body": io.BytesIO(b"zip"), "VersionId": given.get("VersionId", "newest"), "ETag": '"e"'}

    def put_object(self, **given: Any) -> None:
        self.put.append(given)

    def start_build(self, **given: Any) -> dict[str, Any]:
        self.builds.append(given)
        return {"build": {"id": "one:1", **self.result}}

    def batch_get_builds(self, **_: Any) -> dict[str, Any]:
        return {"builds": [{"id": "one:1", **self.result}]}

    def stop_build(self, **given: Any) -> None:
        self.stopped.append(given["id"])

    def publish(self, **given: Any) -> None:
        self._check("Publish")
        self.published.append(given)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr(neighbours, "current", made)
    return made


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, cloud: Cloud) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    from local.services.codepipeline.models import codepipeline_backends

    with mock_aws():
        codepipeline_backends.clear()
        events.sent.clear()
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        yield session.client("codepipeline")
        for backend in (codepipeline_backends["123456789012"]["eu-west-1"],):
            for name in list(backend.pipelines):
                backend.delete_pipeline(name)
        codepipeline_backends.clear()


def action(name: str, category: str, provider: str, **more: Any) -> dict[str, Any]:
    """Return the declaration of an action."""
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, **more}


SOURCE = action(
    "Module",
    "Source",
    "S3",
    outputArtifacts=[{"name": "Module"}],
    configuration={"S3Bucket": "src", "S3ObjectKey": "m.zip"},
)
CHECK = action(
    "Check",
    "Build",
    "CodeBuild",
    namespace="Check",
    inputArtifacts=[{"name": "Module"}],
    configuration={
        "ProjectName": "check",
        "EnvironmentVariables": '[{"name": "E", "value": "#{codepipeline.PipelineExecutionId}", "type": "PLAINTEXT"}]',
    },
)
APPROVE = action(
    "Approve", "Approval", "Manual", configuration={"NotificationArn": TOPIC, "CustomData": "Release #{Check.RELEASE}?"}
)


def create(api: Any, *stages: dict[str, Any], name: str = "p", mode: str = "QUEUED") -> None:
    """Create a pipeline; its first execution begins."""
    key = {"id": "arn:aws:kms:eu-west-1:123456789012:key/1", "type": "KMS"}
    api.create_pipeline(
        pipeline={
            "name": name,
            "roleArn": ROLE,
            "pipelineType": "V2",
            "executionMode": mode,
            "artifactStore": {"type": "S3", "location": "artifacts", "encryptionKey": key},
            "stages": [{"name": "Source", "actions": [SOURCE]}, *stages],
        }
    )


def stage(one: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a stage of one action."""
    return {"name": one["name"], "actions": [one], **more}


def until(probe: Callable[[], Any]) -> Any:
    """Return the first truthy answer."""
    for _ in range(600):
        if found := probe():
            return found
        time.sleep(0.05)
    raise AssertionError("not in time")


def executions(api: Any, name: str = "p") -> list[dict[str, Any]]:
    """Return the executions, oldest first."""
    return list(reversed(api.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]))


def ended(api: Any, index: int = 0) -> dict[str, Any]:
    """Wait for the end of an execution."""
    until(lambda: executions(api)[index]["status"] not in ("InProgress", "Stopping"))
    return executions(api)[index]


def actions(api: Any) -> dict[str, dict[str, Any]]:
    """Return the actions of all executions by name."""
    return {one["actionName"]: one for one in api.list_action_executions(pipelineName="p")["actionExecutionDetails"]}


def token(api: Any) -> str:
    """Wait for the question of the approval."""

    def asked() -> str:
        [found] = [one for one in api.get_pipeline_state(name="p")["stageStates"] if one["stageName"] == "Approve"]
        return str(found["actionStates"][0].get("latestExecution", {}).get("token", ""))

    return str(until(asked))


def answer(api: Any, given: str, status: str = "Approved") -> None:
    """Answer the approval."""
    api.put_approval_result(
        pipelineName="p",
        stageName="Approve",
        actionName="Approve",
        result={"summary": "s", "status": status},
        token=given,
    )


def test_a_new_pipeline_runs_at_once(api: Any, cloud: Cloud) -> None:
    create(api, stage(CHECK))
    found = ended(api)
    assert (found["status"], found["trigger"]["triggerType"]) == ("Succeeded", "CreatePipeline")
    assert found["sourceRevisions"] == [{"actionName": "Module", "revisionId": "newest"}]
    [put] = cloud.put
    assert put["Key"].startswith("p/Module/")
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", "arn:aws:kms:eu-west-1:123456789012:key/1")
    [built] = cloud.builds
    assert built["sourceLocationOverride"] == f"artifacts/{put['Key']}"
    assert built["environmentVariablesOverride"][0]["value"] == found["pipelineExecutionId"]


def test_a_start_can_name_the_version(api: Any, cloud: Cloud) -> None:
    create(api, stage(CHECK))
    ended(api)
    revision = {"actionName": "Module", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "v7"}
    api.start_pipeline_execution(name="p", sourceRevisions=[revision])
    assert ended(api, 1)["sourceRevisions"][0]["revisionId"] == "v7"


def test_a_failed_build_ends_the_execution(api: Any, cloud: Cloud) -> None:
    cloud.result = {
        **cloud.result,
        "buildStatus": "FAILED",
        "phases": [{"phaseStatus": "FAILED", "contexts": [{"message": "exit status 1"}]}],
    }
    create(api, stage(CHECK), stage(APPROVE))
    assert ended(api)["status"] == "Failed"
    error = actions(api)["Check"]["output"]["executionResult"]["errorDetails"]
    assert (error["code"], "exit status 1" in error["message"]) == ("JobFailed", True)
    assert "Approve" not in actions(api)


def test_an_approval_asks_waits_and_continues(api: Any, cloud: Cloud) -> None:
    create(api, stage(CHECK), stage(APPROVE), stage({**CHECK, "name": "Release", "namespace": "R"}))
    given = token(api)
    [sent] = cloud.published
    asked = json.loads(sent["Message"])["approval"]
    assert (asked["token"], asked["customData"], asked["pipelineName"]) == (given, "Release new?", "p")
    with pytest.raises(ClientError, match="InvalidApprovalTokenException"):
        answer(api, "00000000-0000-0000-0000-000000000000")
    answer(api, given)
    assert ended(api)["status"] == "Succeeded"
    with pytest.raises(ClientError, match="ApprovalAlreadyCompletedException"):
        answer(api, given)


def test_a_rejection_ends_the_execution(api: Any, cloud: Cloud) -> None:
    create(api, stage(CHECK), stage(APPROVE))
    answer(api, token(api), "Rejected")
    assert ended(api)["status"] == "Failed"
    assert actions(api)["Approve"]["status"] == "Failed"


def condition(value: str, result: str) -> dict[str, Any]:
    """Return an entry condition."""
    kind = {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"}
    settings = {"Variable": "#{Check.RELEASE}", "Value": value, "Operator": "EQ"}
    rule = {"name": "r", "ruleTypeId": kind, "configuration": settings}
    return {"conditions": [{"result": result, "rules": [rule]}]}


@pytest.mark.parametrize(
    ("value", "result", "status", "release"),
    [
        ("new", "SKIP", "Succeeded", "Succeeded"),
        ("old", "SKIP", "Succeeded", "Skipped"),
        ("old", "FAIL", "Failed", "Failed"),
    ],
)
def test_entry_conditions(api: Any, cloud: Cloud, value: str, result: str, status: str, release: str) -> None:
    last = stage({**CHECK, "name": "Release", "namespace": "R"}, beforeEntry=condition(value, result))
    create(api, stage(CHECK), last)
    assert ended(api)["status"] == status
    states = {
        one["stageName"]: one["latestExecution"]["status"] for one in api.get_pipeline_state(name="p")["stageStates"]
    }
    assert states["Release"] == release
    assert len(cloud.builds) == (2 if release == "Succeeded" else 1)


def test_queued_executions_wait_and_all_run(api: Any, cloud: Cloud) -> None:
    create(api, stage(CHECK), stage(APPROVE))
    first = token(api)
    api.start_pipeline_execution(name="p")
    until(lambda: api.get_pipeline_state(name="p")["stageStates"][2].get("inboundExecutions"))
    answer(api, first)
    assert ended(api)["status"] == "Succeeded"
    answer(api, str(until(lambda: (t := token(api)) != first and t)))
    assert ended(api, 1)["status"] == "Succeeded"


def built_since(cloud: Cloud, before: int) -> bool:
    """Return whether a build has begun."""
    return len(cloud.builds) > before


def test_a_newer_execution_supersedes_one_that_waits(api: Any, cloud: Cloud) -> None:
    create(api, stage(CHECK), stage(APPROVE), mode="SUPERSEDED")
    first = token(api)
    for _ in range(2):
        before = len(cloud.builds)
        api.start_pipeline_execution(name="p")
        until(functools.partial(built_since, cloud, before))
    assert ended(api, 1)["status"] == "Superseded"
    answer(api, first)
    assert ended(api)["status"] == "Succeeded"


def test_an_execution_can_be_stopped(api: Any, cloud: Cloud) -> None:
    cloud.result = {**cloud.result, "buildComplete": False}
    create(api, stage(CHECK))
    until(lambda: cloud.builds)
    one = executions(api)[0]["pipelineExecutionId"]
    api.stop_pipeline_execution(pipelineName="p", pipelineExecutionId=one, abandon=True, reason="r")
    assert ended(api)["status"] == "Stopped"
    assert (actions(api)["Check"]["status"], cloud.stopped) == ("Abandoned", ["one:1"])
    with pytest.raises(ClientError, match="PipelineExecutionNotStoppableException"):
        api.stop_pipeline_execution(pipelineName="p", pipelineExecutionId=one)


@pytest.mark.parametrize(("refused", "failed"), [("GetObject", "Module"), ("Publish", "Approve")])
def test_a_permission_that_is_missing_fails_its_action(api: Any, cloud: Cloud, refused: str, failed: str) -> None:
    cloud.refused.add(refused)
    create(api, stage(CHECK), stage(APPROVE))
    assert ended(api)["status"] == "Failed"
    assert actions(api)[failed]["output"]["executionResult"]["errorDetails"]["code"] == "PermissionError"


def test_a_source_without_versions_is_refused(api: Any, cloud: Cloud) -> None:
    cloud.versioning = "Suspended"
    create(api, stage(CHECK))
    assert "versioning" in ended(api)["statusSummary"]


def test_an_action_that_it_does_not_run_is_named(api: Any, cloud: Cloud) -> None:
    create(api, stage(action("Deploy", "Deploy", "CloudFormation", inputArtifacts=[{"name": "Module"}])))
    assert "does not run Deploy/CloudFormation" in ended(api)["statusSummary"]


def test_events_of_each_level(api: Any, cloud: Cloud) -> None:
    create(api, stage(CHECK))
    ended(api)
    until(
        lambda: events.sent and events.sent[-1].detail["state"] == "SUCCEEDED" and "stage" not in events.sent[-1].detail
    )
    found = [
        (e.detail_type.split()[1], e.detail["state"], e.detail.get("action") or e.detail.get("stage", ""))
        for e in events.sent
    ]
    assert found[0] == ("Pipeline", "STARTED", "")
    assert found[-1] == ("Pipeline", "SUCCEEDED", "")
    assert ("Action", "SUCCEEDED", "Check") in found
    assert ("Stage", "STARTED", "Source") in found
    assert {event.detail["execution-id"] for event in events.sent} == {executions(api)[0]["pipelineExecutionId"]}


def test_pipelines(api: Any, cloud: Cloud) -> None:
    create(api, stage(CHECK))
    with pytest.raises(ClientError, match="PipelineNameInUseException"):
        create(api, stage(CHECK))
    declared = api.get_pipeline(name="p")["pipeline"]
    assert api.update_pipeline(pipeline=declared)["pipeline"]["version"] == 2
    arn = api.get_pipeline(name="p")["metadata"]["pipelineArn"]
    api.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}])
    assert api.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "b"}]
    api.delete_pipeline(name="p")
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        api.get_pipeline(name="p")


def test_structures_that_are_refused(api: Any, cloud: Cloud) -> None:
    for stages in ([], [stage({**CHECK, "inputArtifacts": [{"name": "Other"}]})]):
        with pytest.raises(ClientError, match="InvalidStructureException"):
            create(api, *stages)
    cloud.trusted = False
    with pytest.raises(ClientError, match="not authorized to perform AssumeRole"):
        create(api, stage(CHECK))


@pytest.mark.parametrize(
    ("operation", "asked", "arn"),
    [
        ("StartPipelineExecution", {"name": "p"}, "p"),
        ("CreatePipeline", {"pipeline": {"name": "p"}}, "p"),
        ("PutApprovalResult", {"pipelineName": "p", "stageName": "S", "actionName": "A"}, "p/S/A"),
    ],
)
def test_resources_for_iam(operation: str, asked: dict[str, Any], arn: str) -> None:
    found = RESOURCE_ARNS["codepipeline"](
        operation, "POST", "/", json.dumps(asked).encode(), "eu-west-1", "123456789012"
    )
    assert found == f"arn:aws:codepipeline:eu-west-1:123456789012:{arn}"
