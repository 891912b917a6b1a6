"""CodePipeline: pipelines of type V2, and executions that run their actions with the permissions of their role.

Runs the actions Source/S3, Build/CodeBuild, Test/CodeBuild and Approval/Manual, the entry condition with the rule
VariableCheck, variables, and the execution modes QUEUED and SUPERSEDED. Another action fails, with a message that names
it. A new pipeline is executed at once, as on AWS. Not here: triggers of connections, polling, retries and rollbacks.

`remember` makes pipelines and executions of the past, as if the account had had them all along, and `happen` sends the
events of changes of state as CodePipeline does: scenarios play pipelines with them.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import events, register
from local.settings import ACCOUNT_ID, REGION

from .models import codepipeline_backends


def install() -> None:
    """Serve CodePipeline from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


def remember(pipeline: str, executions: list[dict[str, Any]], account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Add executions to a pipeline's history: each in the shape of ListPipelineExecutions, with `actions` in that of
    ListActionExecutions. One with the id of a known execution replaces it.
    """
    codepipeline_backends[account][region].past.add(pipeline, executions)


def forget(pipeline: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Remove a pipeline and its history."""
    codepipeline_backends[account][region].past.remove(pipeline)


def happen(changes: list[dict[str, Any]]) -> None:
    """Send events: each has `detail-type` and `detail`, and can have `account`, `region` and `at` (Unix seconds)."""
    for change in changes:
        detail, account, region = change["detail"], change.get("account", ACCOUNT_ID), change.get("region", REGION)
        arn = f"arn:aws:codepipeline:{region}:{account}:{detail['pipeline']}"
        events.emit("aws.codepipeline", change["detail-type"], detail, [arn], account, region, change.get("at"))


COMMANDS: dict[str, Any] = {"remember": remember, "forget": forget, "happen": happen}
