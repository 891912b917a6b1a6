"""CodePipeline, CodeBuild and CodeArtifact with MiniStack's roles; executions and builds that EventBridge starts."""

from __future__ import annotations

import contextvars
import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_region, request_scope
from ministack.services import cloudwatch, eventbridge

from local.patches.eventbridge import refusals
from local.patches.registry import Original, patch
from local.permissions import caller, client, role_session
from local.services.codeartifact import neighbours as packages
from local.services.codebuild import neighbours as builds
from local.services.codepipeline import neighbours as pipelines

_rules: dict[str, str] = {}
"""Access key of a rule's session -> the rule's ARN."""


def _may(
    credentials: dict[str, Any], action: str, arn: str, account: str, region: str, keys: dict[str, str] | None = None
) -> bool:
    """Return what IAM says of a call that these credentials did not make."""

    def asked() -> bool:
        with request_scope(account, region):
            service, key = action.partition(":")[0], credentials["aws_access_key_id"]
            return iam_evaluator.enforce(key, action, service, region, arn, keys) is None

    return contextvars.Context().run(asked)


class Builds(builds.Neighbours):
    """CodeBuild's roles, and its metric."""

    def session(self, role_arn: str, name: str, project_arn: str) -> dict[str, Any]:
        """Return credentials of the project's role."""
        return role_session(role_arn, name, builds.PRINCIPAL, project_arn)

    def client(self, service: str, region: str, credentials: dict[str, Any]) -> Any:
        """Return a client of this cloud."""
        return client(service, region, credentials)

    def may(self, credentials: dict[str, Any], action: str, arn: str, account: str, region: str) -> bool:
        """Ask IAM as if the role had called."""
        return _may(credentials, action, arn, account, region)

    def failed(self, project: str, account: str, region: str) -> None:
        """Count a failed build, as "Monitoring CodeBuild with CloudWatch" of the user guide says."""

        def count() -> None:
            with request_scope(account, region):
                cloudwatch.record_metric("AWS/CodeBuild", "FailedBuilds", 1, "Count", {"ProjectName": project})

        contextvars.copy_context().run(count)


class Packages(packages.Neighbours):
    """The principals for whom CodeArtifact's tokens act."""

    def caller(self) -> dict[str, Any]:
        """Return the credentials of the request."""
        return caller()[1]

    def may(
        self,
        credentials: dict[str, Any],
        action: str,
        arn: str,
        account: str,
        region: str,
        keys: dict[str, str] | None = None,
    ) -> bool:
        """Ask IAM as if the principal had called."""
        return _may(credentials, action, arn, account, region, keys)


class Pipelines(pipelines.Neighbours):
    """CodePipeline's roles."""

    def session(self, role_arn: str, name: str, pipeline_arn: str) -> dict[str, Any]:
        """Return credentials of the pipeline's role."""
        return role_session(role_arn, name, pipelines.PRINCIPAL, pipeline_arn)

    def client(self, service: str, region: str, credentials: dict[str, Any]) -> Any:
        """Return a client of this cloud."""
        return client(service, region, credentials)

    def rule(self) -> str:
        """Return the rule whose session makes the request."""
        return _rules.get(caller()[1]["aws_access_key_id"], "")


@patch(
    "ministack.services.eventbridge",
    "_invoke_target",
    because="MiniStack has no pipelines and no builds as targets.",
)
def invoke_target(
    original: Original, target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None
) -> None:
    """Start a pipeline or a build under the target's role; what is refused goes to the target's dead-letter queue."""
    try:
        spec = parse_arn(target.get("Arn", ""))
    except ArnParseError:
        spec = None
    if spec is None or spec.service not in ("codepipeline", "codebuild"):
        original(target, event, rule, view)
        return
    view = view or eventbridge._pattern_event_view(event)
    payload = json.dumps(view.event_with_detail())
    if target.get("InputTransformer"):
        payload = eventbridge._apply_input_transformer(target["InputTransformer"], rule, view)
    elif target.get("Input"):
        payload = target["Input"]
    with refusals(target, rule, payload):
        rule_arn = rule.get("Arn", "")
        session = spec.resource.replace("/", "-")
        credentials = role_session(target.get("RoleArn", ""), session, "events.amazonaws.com", rule_arn)
        if spec.service == "codebuild":
            client("codebuild", get_region(), credentials).start_build(projectName=spec.resource.rpartition("/")[2])
            return
        _rules[credentials["aws_access_key_id"]] = rule_arn
        asked = json.loads(payload)
        revisions = asked.get("sourceRevisions") or []
        client("codepipeline", get_region(), credentials).start_pipeline_execution(
            name=spec.resource, **({"sourceRevisions": revisions} if revisions else {})
        )


def start() -> None:
    """Let the services use MiniStack's roles."""
    builds.current, packages.current, pipelines.current = Builds(), Packages(), Pipelines()
