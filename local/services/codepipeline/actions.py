"""The actions that this cloud runs: what each does with the permissions of the pipeline's role, and what it yields."""

from __future__ import annotations

import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

Data = dict[str, Any]
ClientOf = Callable[[str], Any]
"""Returns the client of a service with the permissions of the pipeline's role."""
Artifacts = dict[str, Data]
"""Artifact -> `bucket` and `key` of its object."""


class ActionFailed(Exception):
    """An action that did not succeed: CodePipeline's code, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Abandoned(Exception):
    """The execution was stopped."""


@dataclass
class Approval:
    """A manual approval that waits for its answer."""

    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    result: Data = field(default_factory=dict)
    answered: threading.Event = field(default_factory=threading.Event)


@dataclass
class Run:
    """One execution of an action."""

    pipeline: str
    execution: str
    stage: str
    declared: Data
    store: Data
    client_of: ClientOf
    stopping: threading.Event
    override: Mapping[str, str] = field(default_factory=dict)
    """Source revisions that the start of the execution named, by their type."""
    inputs: Artifacts = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.time)
    changed: float = field(default_factory=time.time)
    status: str = "InProgress"
    outputs: Artifacts = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    configuration: dict[str, str] = field(default_factory=dict)
    external_id: str = ""
    revision: str = ""
    summary: str = ""
    error: Data = field(default_factory=dict)
    approval: Approval | None = None

    @property
    def name(self) -> str:
        """Return the action's name."""
        return str(self.declared["name"])

    @property
    def kind(self) -> tuple[str, str]:
        """Return the category and the provider."""
        declared = self.declared["actionTypeId"]
        return declared["category"], declared["provider"]

    def execute(self) -> None:
        """Run the action. Raise ActionFailed or Abandoned."""
        act = ACTIONS.get(self.kind)
        if not act:
            raise ActionFailed("ConfigurationError", f"The local cloud does not run {'/'.join(self.kind)} actions.")
        try:
            act(self)
        except (ClientError, BotoCoreError) as error:
            denied = any(code in str(error) for code in ("AccessDenied", "AuthorizationError"))
            code = "PermissionError" if denied else "ConfigurationError"
            raise ActionFailed(code, str(error)) from error

    def wait(self, seconds: float) -> None:
        """Wait. Raise Abandoned if the execution is stopped."""
        if self.stopping.wait(seconds):
            raise Abandoned


def _s3_source(run: Run) -> None:
    """Copy the object, in its newest version or that of the start's override, into the artifact store."""
    s3, bucket = run.client_of("s3"), run.configuration["S3Bucket"]
    key = run.override.get("S3_OBJECT_KEY") or run.configuration["S3ObjectKey"]
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        raise ActionFailed("ConfigurationError", f"The Amazon S3 bucket {bucket} does not have versioning enabled.")
    version = run.override.get("S3_OBJECT_VERSION_ID")
    found = s3.get_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
    run.revision = str(found["VersionId"])
    run.variables = {
        "BucketName": bucket,
        "ObjectKey": key,
        "VersionId": run.revision,
        "ETag": found["ETag"].strip('"'),
    }
    [artifact] = run.declared["outputArtifacts"]
    # "pipeline name / artifact name / random", each cut.
    target = f"{run.pipeline[:20]}/{artifact['name'][:10]}/{secrets.token_hex(4)[:7]}.zip"
    encryption = run.store.get("encryptionKey") or {}
    sse = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption["id"]} if encryption else {}
    s3.put_object(Bucket=run.store["location"], Key=target, Body=found["Body"].read(), **sse)
    run.outputs = {artifact["name"]: {"bucket": run.store["location"], "key": target}}


def _code_build(run: Run) -> None:
    """Start a build on the input artifacts, and wait until it has ended."""
    builds = run.client_of("codebuild")
    primary = run.configuration.get("PrimarySource") or run.declared["inputArtifacts"][0]["name"]
    locations = {name: f"{where['bucket']}/{where['key']}" for name, where in run.inputs.items()}
    started = builds.start_build(
        projectName=run.configuration["ProjectName"],
        sourceTypeOverride="S3",
        sourceLocationOverride=locations.pop(primary),
        secondarySourcesOverride=[
            {"type": "S3", "location": location, "sourceIdentifier": name} for name, location in locations.items()
        ],
        environmentVariablesOverride=json.loads(run.configuration.get("EnvironmentVariables", "[]")),
    )["build"]
    run.external_id = started["id"]
    while not started.get("buildComplete"):
        try:
            run.wait(0.5)
        except Abandoned:
            builds.stop_build(id=run.external_id)
            raise
        try:
            [started] = builds.batch_get_builds(ids=[run.external_id])["builds"]
        except ClientError as error:  # CodePipeline asks again
            if not _passes(error):
                raise
    run.variables = {one["name"]: one["value"] for one in started.get("exportedEnvironmentVariables", [])}
    if started["buildStatus"] != "SUCCEEDED":
        failed = [phase for phase in started["phases"] if phase.get("phaseStatus") == "FAILED"]
        why = "; ".join(context["message"] for phase in failed for context in phase.get("contexts", []))
        raise ActionFailed("JobFailed", f"Build terminated with state: {started['buildStatus']}. {why}".strip())


def _passes(error: ClientError) -> bool:
    """Return whether the same call may succeed later."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or "Throttling" in error.response["Error"]["Code"]


def _approval(run: Run) -> None:
    """Ask, and wait for the answer.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-json-format.html
    """
    ends = time.time() + 60.0 * int(run.declared.get("timeoutInMinutes") or 10080)
    approval = Approval()
    topic = run.configuration.get("NotificationArn")
    if topic:
        region = topic.split(":")[3]
        link = f"https://console.aws.amazon.com/codepipeline/home?region={region}#/view/{run.pipeline}"
        asked = {
            "pipelineName": run.pipeline,
            "stageName": run.stage,
            "actionName": run.name,
            "token": approval.token,
            "expires": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(ends)),
            "externalEntityLink": run.configuration.get("ExternalEntityLink"),
            "approvalReviewLink": f"{link}/{run.stage}/{run.name}/approve/{approval.token}",
            "customData": run.configuration.get("CustomData"),
        }
        run.client_of("sns").publish(
            TopicArn=topic,
            Subject=f"APPROVAL NEEDED: AWS CodePipeline {run.pipeline} for action {run.name}"[:100],
            Message=json.dumps({"region": region, "consoleLink": link, "approval": asked}),
        )
    run.approval = approval
    while not approval.answered.wait(0.1):
        run.wait(0.0)
        if time.time() > ends:
            approval.answered.set()
            raise ActionFailed("JobTimedOut", "The approval was not answered in time.")
    run.summary = approval.result["summary"]
    if approval.result["status"] != "Approved":
        raise ActionFailed("Rejected", f"Rejected: {run.summary}")


ACTIONS: dict[tuple[str, str], Callable[[Run], None]] = {
    ("Source", "S3"): _s3_source,
    ("Build", "CodeBuild"): _code_build,
    ("Test", "CodeBuild"): _code_build,
    ("Approval", "Manual"): _approval,
}
"""(category, provider) -> what it does."""
