"""CodeBuild of the local cloud: buildspecs run as processes, phase by phase, with the role's permissions."""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import events, install_all
from local.services.bridge import RESOURCE_ARNS
from local.services.codebuild import neighbours
from local.services.codebuild.buildspec import BuildspecError, Shell, Stopped, parse

ROLE = "arn:aws:iam::123456789012:role/build"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/terraform@sha256:0"
GROUP = "arn:aws:codebuild:eu-west-1:123456789012:report-group/one-tests"
JUNIT = '<testsuite><testcase classname="s" name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>'


class Cloud(neighbours.Neighbours):
    """Logs and objects in memory, and what IAM refuses."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.lines: list[str] = []
        self.objects: dict[str, bytes] = {}
        self.counted: list[str] = []

    def session(self, role_arn: str, name: str, project_arn: str) -> dict[str, Any]:
        if "sts:AssumeRole" in self.refused:
            raise PermissionError
        return {"aws_access_key_id": "AKIDROLE", "aws_secret_access_key": "s"}

    def client(self, service: str, region: str, credentials: dict[str, Any]) -> Any:
        return self

    def may(self, credentials: dict[str, Any], action: str, arn: str, account: str, region: str) -> bool:
        return action not in self.refused

    def failed(self, project: str, account: str, region: str) -> None:
        self.counted.append(project)

    def create_log_stream(self, **_: Any) -> None:
        if "logs:CreateLogStream" in self.refused:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "CreateLogStream")

    def put_log_events(self, **given: Any) -> None:
        self.lines += [event["message"] for event in given["logEvents"]]

    def get_object(self, **given: Any) -> dict[str, Any]:
        if given["Key"] not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[given["Key"]])}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr(neighbours, "current", made)
    return made


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, cloud: Cloud) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    from local.services.codebuild.models import codebuild_backends

    with mock_aws():
        codebuild_backends.clear()
        events.sent.clear()
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        yield session.client("codebuild")
        codebuild_backends.clear()


def project(api: Any, spec: str, **more: Any) -> None:
    """Create a project with a buildspec."""
    image = {"type": "LINUX_CONTAINER", "image": ECR, "computeType": "BUILD_GENERAL1_SMALL"}
    environment = {
        **image,
        "imagePullCredentialsType": "SERVICE_ROLE",
        "environmentVariables": [{"name": "A", "value": "of the project"}],
    }
    settings = {"source": {"type": "NO_SOURCE", "buildspec": spec}, "artifacts": {"type": "NO_ARTIFACTS"}}
    api.create_project(name="one", serviceRole=ROLE, environment=environment, **{**settings, **more})


def build(api: Any, **given: Any) -> dict[str, Any]:
    """Run a build to its end."""
    started = api.start_build(projectName="one", **given)["build"]["id"]
    while True:
        [found] = api.batch_get_builds(ids=[started])["builds"]
        if found["buildComplete"]:
            return dict(found)
        time.sleep(0.05)


def spec(**phases: list[str]) -> str:
    """Return a buildspec with these commands."""
    return json.dumps({"version": 0.2, "phases": {name: {"commands": commands} for name, commands in phases.items()}})


def statuses(found: dict[str, Any]) -> dict[str, str]:
    """Return the status of each phase."""
    return {phase["phaseType"]: phase["phaseStatus"] for phase in found["phases"] if "phaseStatus" in phase}


def test_phases_share_folder_and_variables(api: Any, cloud: Cloud) -> None:
    project(api, spec(install=["export B='x y'", "mkdir d", "cd d"], build=['echo "$A|$B|$(basename "$PWD")|$C"']))
    found = build(api, environmentVariablesOverride=[{"name": "C", "value": "of the build"}])
    assert found["buildStatus"] == "SUCCEEDED"
    assert cloud.lines == ["of the project|x y|d|of the build"]


def test_a_failed_build_still_runs_post_build(api: Any, cloud: Cloud) -> None:
    project(api, spec(build=["exit 3", "echo never"], post_build=["echo succeeding=$CODEBUILD_BUILD_SUCCEEDING"]))
    found = build(api)
    assert found["buildStatus"] == "FAILED"
    assert cloud.lines == ["succeeding=0"]
    phases = statuses(found)
    assert (phases["BUILD"], phases["POST_BUILD"], phases["UPLOAD_ARTIFACTS"]) == ("FAILED", "SUCCEEDED", "SUCCEEDED")
    assert cloud.counted == ["one"]


def test_after_a_failed_pre_build_nothing_runs(api: Any, cloud: Cloud) -> None:
    project(api, spec(pre_build=["false"], build=["echo build"], post_build=["echo post"]))
    assert (build(api)["buildStatus"], cloud.lines) == ("FAILED", [])


def test_exported_variables(api: Any, cloud: Cloud) -> None:
    text = 'version: 0.2\nenv: {exported-variables: [V]}\nphases: {build: {commands: ["export V=1.0"]}}'
    project(api, text)
    assert build(api)["exportedEnvironmentVariables"] == [{"name": "V", "value": "1.0"}]


def test_processes_have_the_credentials_of_the_role_alone(
    api: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "x")
    project(api, spec(build=['echo "$AWS_ACCESS_KEY_ID|$MY_SECRET|$AWS_REGION"']))
    build(api)
    assert cloud.lines == ["AKIDROLE||eu-west-1"]


def test_sources_are_fetched_by_the_role(api: Any, cloud: Cloud) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a/x.txt", "hello")
    cloud.objects = {"p/Module/1.zip": content.getvalue(), "p/Gate/1.zip": content.getvalue()}
    project(api, spec(build=["cat a/x.txt", 'cat "$CODEBUILD_SRC_DIR_Gate/a/x.txt"']))
    sources = {
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": "b/p/Module/1.zip",
        "secondarySourcesOverride": [{"type": "S3", "location": "b/p/Gate/1.zip", "sourceIdentifier": "Gate"}],
    }
    assert build(api, **sources)["buildStatus"] == "SUCCEEDED"
    assert cloud.lines == ["hellohello"]
    found = build(api, **{**sources, "sourceLocationOverride": "b/gone.zip"})
    assert (found["buildStatus"], statuses(found)["DOWNLOAD_SOURCE"]) == ("FAILED", "FAILED")


@pytest.mark.parametrize(
    ("action", "phase"),
    [
        ("sts:AssumeRole", "QUEUED"),
        ("logs:CreateLogStream", "QUEUED"),
        ("ecr:GetAuthorizationToken", "PROVISIONING"),
        ("ecr:BatchGetImage", "PROVISIONING"),
        ("codebuild:CreateReport", "UPLOAD_ARTIFACTS"),
    ],
)
def test_a_permission_that_is_missing_fails_its_phase(api: Any, cloud: Cloud, action: str, phase: str) -> None:
    text = json.loads(spec(build=["true"]))
    project(api, json.dumps({**text, "reports": {GROUP: {"files": ["t.xml"]}}}))
    assert build(api)["buildStatus"] == "SUCCEEDED"
    cloud.refused.add(action)
    found = build(api)
    assert (found["buildStatus"], statuses(found)[phase]) == ("FAILED", "FAILED")


def test_reports_of_a_failed_build(api: Any, cloud: Cloud) -> None:
    text = json.loads(spec(build=[f"echo '{JUNIT}' > t.xml", "false"]))
    project(api, json.dumps({**text, "reports": {GROUP: {"files": ["*.xml"], "file-format": "JUNITXML"}}}))
    api.create_report_group(name="one-tests", type="TEST", exportConfig={"exportConfigType": "NO_EXPORT"})
    [report] = build(api)["reportArns"]
    cases = api.describe_test_cases(reportArn=report)["testCases"]
    assert [(case["name"], case["status"], case["message"]) for case in cases] == [
        ("a", "SUCCEEDED", ""),
        ("b", "FAILED", "no"),
    ]
    assert api.list_reports_for_report_group(reportGroupArn=GROUP)["reports"] == [report]
    with pytest.raises(api.exceptions.InvalidInputException):
        api.delete_report_group(arn=GROUP)
    api.delete_report_group(arn=GROUP, deleteReports=True)
    assert api.list_report_groups()["reportGroups"] == []


def test_a_stopped_build_ends_with_what_it_started(api: Any, cloud: Cloud) -> None:
    project(api, spec(build=["sleep 600"], post_build=["echo post"]))
    started = api.start_build(projectName="one")["build"]["id"]
    while api.batch_get_builds(ids=[started])["builds"][0]["currentPhase"] != "BUILD":
        time.sleep(0.05)
    api.stop_build(id=started)
    while not (found := api.batch_get_builds(ids=[started])["builds"][0])["buildComplete"]:
        time.sleep(0.05)
    assert (found["buildStatus"], cloud.lines) == ("STOPPED", [])


def test_a_build_that_is_stopped_while_a_process_starts_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, start = Shell(tmp_path, tmp_path / "state", os.environ, print), subprocess.Popen

    def stopped_too_early(*arguments: Any, **options: Any) -> Any:
        process = start(*arguments, **options)
        shell.stop()
        return process

    monkeypatch.setattr(subprocess, "Popen", stopped_too_early)
    with pytest.raises(Stopped):
        shell.run(["sleep 600"], {})


def test_events(api: Any, cloud: Cloud) -> None:
    project(api, spec(build=["true"]))
    build(api)
    while len(events.sent) < 2:
        time.sleep(0.02)
    assert [event.detail["build-status"] for event in events.sent] == ["IN_PROGRESS", "SUCCEEDED"]
    assert {event.detail_type for event in events.sent} == {"CodeBuild Build State Change"}


def test_projects(api: Any, cloud: Cloud) -> None:
    project(api, spec(build=["true"]), timeoutInMinutes=30)
    with pytest.raises(api.exceptions.ResourceAlreadyExistsException):
        project(api, "x")
    api.update_project(name="one", description="d")
    [found] = api.batch_get_projects(names=["one", "gone"])["projects"]
    assert (found["description"], found["timeoutInMinutes"]) == ("d", 30)
    assert api.batch_get_projects(names=["gone"])["projectsNotFound"] == ["gone"]
    with pytest.raises(api.exceptions.ResourceNotFoundException):
        api.start_build(projectName="gone")
    api.delete_project(name="one")
    assert api.list_projects()["projects"] == []


@pytest.mark.parametrize(
    "text",
    [
        "version: 0.1\nphases: {build: {commands: [ls]}}",
        "[",
        "version: 0.2",
        "version: 0.2\nphases: {deploy: {}}",
        "version: 0.2\nphases: {build: {commands: [[ls]]}}",
    ],
)
def test_buildspecs_that_are_refused(text: str) -> None:
    with pytest.raises(BuildspecError, match="YAML_FILE_ERROR"):
        parse(text)


def test_a_stopped_shell_runs_no_more(tmp_path: Path) -> None:
    shell = Shell(tmp_path, tmp_path / "state", {"PATH": "/usr/bin:/bin"}, lambda line: None)
    shell.stop()
    with pytest.raises(Stopped):
        shell.run(["true"], {})


@pytest.mark.parametrize(
    ("operation", "asked", "arn"),
    [
        ("StartBuild", {"projectName": "one"}, "project/one"),
        ("BatchGetBuilds", {"ids": ["one:1-2"]}, "project/one"),
        ("StopBuild", {"id": "one:1-2"}, "project/one"),
        ("BatchGetProjects", {"names": ["one"]}, "project/one"),
        ("DeleteProject", {"name": "one"}, "project/one"),
        ("CreateReportGroup", {"name": "one-tests"}, "report-group/one-tests"),
        ("DeleteReportGroup", {"arn": GROUP}, "report-group/one-tests"),
    ],
)
def test_resources_for_iam(operation: str, asked: dict[str, Any], arn: str) -> None:
    found = RESOURCE_ARNS["codebuild"](operation, "POST", "/", json.dumps(asked).encode(), "eu-west-1", "123456789012")
    assert found == f"arn:aws:codebuild:eu-west-1:123456789012:{arn}"
