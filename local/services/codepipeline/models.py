"""Pipelines of one account and Region, and their executions.

Source: CodePipeline API reference.
"""

from __future__ import annotations

import copy
import threading
import time
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import Pager, TokenError, operation

from . import neighbours
from .actions import Run
from .exceptions import (
    ActionNotFoundException,
    ApprovalAlreadyCompletedException,
    InvalidApprovalTokenException,
    InvalidNextTokenException,
    InvalidStructureException,
    PipelineExecutionNotFoundException,
    PipelineExecutionNotStoppableException,
    PipelineNameInUseException,
    PipelineNotFoundException,
    ResourceNotFoundException,
    StageNotFoundException,
)
from .executions import Execution, Gate
from .past import Past

Data = dict[str, Any]


class Pipeline:
    """A pipeline in its current version, with all its executions."""

    def __init__(self, declared: Data, arn: str, tags: list[dict[str, str]]) -> None:
        self.declared, self.arn = declared, arn
        self.tags = {tag["key"]: tag["value"] for tag in tags}
        self.created = self.updated = time.time()
        self.gate = Gate()
        self.executions: dict[str, Execution] = {}


class CodePipelineBackend(BaseBackend):
    """CodePipeline in one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.pipelines: dict[str, Pipeline] = {}
        self.past = Past()
        self._pager = Pager(lambda: 3600.0)
        self._lock = threading.RLock()

    def _found(self, name: str) -> Pipeline:
        try:
            return self.pipelines[name]
        except KeyError:
            raise PipelineNotFoundException(
                f"Account '{self.account_id}' does not have a pipeline with name '{name}'"
            ) from None

    def _arn(self, name: str) -> str:
        return f"arn:aws:codepipeline:{self.region_name}:{self.account_id}:{name}"

    def _check(self, declared: Data) -> None:
        """Raise InvalidStructureException for what AWS refuses."""
        if len(declared["stages"]) < 2:
            raise InvalidStructureException("Pipeline has only 1 stage(s). There should be a minimum of 2 stages")
        sources = [action["actionTypeId"]["category"] == "Source" for action in declared["stages"][0]["actions"]]
        if not all(sources):
            raise InvalidStructureException("The first stage must contain only Source actions")
        made: set[str] = set()
        for stage in declared["stages"]:
            for action in stage["actions"]:
                wanted = {one["name"] for one in action.get("inputArtifacts", [])}
                if wanted - made:
                    raise InvalidStructureException(
                        f"Input Artifact Bundle {min(wanted - made)} in action {action['name']} is not declared"
                    )
            made |= {one["name"] for action in stage["actions"] for one in action.get("outputArtifacts", [])}
        try:
            neighbours.current.session(declared["roleArn"], "create", self._arn(declared["name"]))
        except PermissionError:
            raise InvalidStructureException(
                f"CodePipeline is not authorized to perform AssumeRole on role {declared['roleArn']}"
            ) from None

    def _complete(self, pipeline: Data, version: int) -> Data:
        made = copy.deepcopy(pipeline) | {"version": version}
        made.setdefault("executionMode", "SUPERSEDED")
        made.setdefault("pipelineType", "V1")
        for stage in made["stages"]:
            for action in stage["actions"]:
                for name, value in {
                    "runOrder": 1,
                    "configuration": {},
                    "inputArtifacts": [],
                    "outputArtifacts": [],
                }.items():
                    action.setdefault(name, value)
        return made

    # Pipelines

    @operation(unchecked=["pipeline"])
    def create_pipeline(self, pipeline: Data, tags: list[dict[str, str]] | None = None) -> Data:
        """Create a pipeline, and execute it."""
        with self._lock:
            if pipeline["name"] in self.pipelines:
                raise PipelineNameInUseException(f"A pipeline with the name '{pipeline['name']}' already exists")
            self._check(pipeline)
            made = Pipeline(self._complete(pipeline, 1), self._arn(pipeline["name"]), tags or [])
            self.pipelines[pipeline["name"]] = made
        self._start(made, "CreatePipeline", "", [], {})
        return {"pipeline": made.declared, "tags": tags or []}

    @operation()
    def get_pipeline(self, name: str, version: int | None = None) -> Data:
        """Return the current version of a pipeline."""
        found = self._found(name)
        return {
            "pipeline": found.declared,
            "metadata": {"pipelineArn": found.arn, "created": found.created, "updated": found.updated},
        }

    @operation(unchecked=["pipeline"])
    def update_pipeline(self, pipeline: Data) -> Data:
        """Replace a pipeline. Executions that run keep the version that they began with."""
        found = self._found(pipeline["name"])
        self._check(pipeline)
        found.declared, found.updated = self._complete(pipeline, found.declared["version"] + 1), time.time()
        return {"pipeline": found.declared}

    @operation()
    def delete_pipeline(self, name: str) -> Data:
        """Delete a pipeline. AWS does not report one that does not exist."""
        gone = self.pipelines.pop(name, None)
        for execution in gone.executions.values() if gone else ():
            if execution.status == "InProgress":
                execution.stop(True, "deleted")
        return {}

    @operation()
    def list_pipelines(self, next_token: str | None = None, max_results: int = 1000) -> Data:
        """Return a page of the pipelines: those of the API, and those of the past."""
        known = {
            name: {"name": name, "version": one.declared["version"], "created": one.created, "updated": one.updated}
            for name, one in self.pipelines.items()
        }
        past = {name: {"name": name, "version": 1, "pipelineType": "V2"} for name in self.past.names()}
        shown = [one for _, one in sorted((past | known).items())]
        return self._page("pipelines", [], shown, max_results, next_token)

    def _page(self, name: str, asked: list[str | None], listed: list[Data], limit: int, token: str | None) -> Data:
        try:
            page, following = self._pager.page(asked, lambda: listed, limit, token)
        except TokenError as error:
            raise InvalidNextTokenException(str(error)) from None
        return {name: page, **({"nextToken": following} if following else {})}

    def _executions(self, name: str) -> list[Execution]:
        """Return the executions of a pipeline; none of one that has a past only."""
        if name not in self.pipelines and name in self.past.names():
            return []
        return list(self._found(name).executions.values())

    def _tagged(self, arn: str) -> Pipeline:
        for one in self.pipelines.values():
            if one.arn == arn:
                return one
        raise ResourceNotFoundException(f"There is no pipeline {arn}")

    @operation()
    def list_tags_for_resource(self, resource_arn: str, **_: Any) -> Data:
        """Return the tags of a pipeline."""
        return {"tags": [{"key": key, "value": value} for key, value in self._tagged(resource_arn).tags.items()]}

    @operation()
    def tag_resource(self, resource_arn: str, tags: list[dict[str, str]]) -> Data:
        """Set tags of a pipeline."""
        self._tagged(resource_arn).tags.update({tag["key"]: tag["value"] for tag in tags})
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        """Remove tags of a pipeline."""
        for key in tag_keys:
            self._tagged(resource_arn).tags.pop(key, None)
        return {}

    # Executions

    def _start(self, pipeline: Pipeline, kind: str, detail: str, revisions: list[Data], variables: Data) -> Execution:
        trigger = {"triggerType": kind, "triggerDetail": detail}
        scope = (self.account_id, self.region_name)
        execution = Execution(pipeline.declared, scope, pipeline.gate, trigger, revisions, variables)
        pipeline.executions[execution.id] = execution
        execution.start()
        return execution

    @operation()
    def start_pipeline_execution(
        self,
        name: str,
        variables: list[Data] | None = None,
        source_revisions: list[Data] | None = None,
        client_request_token: str = "",
    ) -> Data:
        """Start an execution with the newest sources, or those that are named."""
        rule, values = neighbours.current.rule(), {one["name"]: one["value"] for one in variables or []}
        kind = "CloudWatchEvent" if rule else "StartPipelineExecution"
        started = self._start(self._found(name), kind, rule, source_revisions or [], values)
        return {"pipelineExecutionId": started.id}

    def _execution(self, name: str, execution_id: str) -> Execution:
        try:
            return self._found(name).executions[execution_id]
        except KeyError:
            raise PipelineExecutionNotFoundException(f"Pipeline {name} has no execution {execution_id}") from None

    @operation()
    def get_pipeline_execution(self, pipeline_name: str, pipeline_execution_id: str) -> Data:
        """Return an execution."""
        return {"pipelineExecution": self._execution(pipeline_name, pipeline_execution_id).described()}

    @operation()
    def list_pipeline_executions(
        self, pipeline_name: str, max_results: int = 100, next_token: str | None = None, **_: Any
    ) -> Data:
        """Return a page of the executions, the newest first."""
        found = [one.summarized() for one in reversed(self._executions(pipeline_name))]
        found = sorted([*found, *self.past.executions(pipeline_name)], key=lambda one: -one["startTime"])
        return self._page("pipelineExecutionSummaries", ["executions", pipeline_name], found, max_results, next_token)

    @operation()
    def stop_pipeline_execution(
        self, pipeline_name: str, pipeline_execution_id: str, abandon: bool = False, reason: str = ""
    ) -> Data:
        """Stop an execution: when its actions have ended, or at once."""
        execution = self._execution(pipeline_name, pipeline_execution_id)
        if execution.status not in ("InProgress", "Stopping"):
            raise PipelineExecutionNotStoppableException(f"The execution is {execution.status}")
        execution.stop(abandon, reason)
        return {"pipelineExecutionId": pipeline_execution_id}

    @operation()
    def list_action_executions(
        self,
        pipeline_name: str,
        filter: Data | None = None,  # noqa: A002 - the API's name
        max_results: int = 100,
        next_token: str | None = None,
    ) -> Data:
        """Return a page of the actions of all executions, or of one, the newest first."""
        wanted = (filter or {}).get("pipelineExecutionId")
        runs = [(one, run) for one in self._executions(pipeline_name) if wanted in (None, one.id) for run in one.runs]
        found = [_detail(execution, run) for execution, run in reversed(runs)]
        found = sorted([*found, *self.past.actions(pipeline_name, wanted)], key=lambda one: -one["startTime"])
        return self._page("actionExecutionDetails", ["actions", pipeline_name, wanted], found, max_results, next_token)

    @operation()
    def get_pipeline_state(self, name: str) -> Data:
        """Return the newest state of each stage and action."""
        pipeline = self._found(name)
        stages = [_stage_state(pipeline, stage) for stage in pipeline.declared["stages"]]
        return {
            "pipelineName": name,
            "pipelineVersion": pipeline.declared["version"],
            "stageStates": stages,
            "created": pipeline.created,
            "updated": pipeline.updated,
        }

    @operation()
    def put_approval_result(
        self, pipeline_name: str, stage_name: str, action_name: str, result: Data, token: str
    ) -> Data:
        """Answer an approval."""
        pipeline = self._found(pipeline_name)
        stages = {stage["name"]: stage for stage in pipeline.declared["stages"]}
        if stage_name not in stages:
            raise StageNotFoundException(f"Pipeline {pipeline_name} has no stage {stage_name}")
        if action_name not in {action["name"] for action in stages[stage_name]["actions"]}:
            raise ActionNotFoundException(f"Stage {stage_name} has no action {action_name}")
        with self._lock:
            run = next((run for run in _runs(pipeline, stage_name, action_name) if run.approval), None)
            if not run or not run.approval or run.approval.token != token:
                raise InvalidApprovalTokenException("The token is not that of the approval that waits")
            if run.approval.answered.is_set():
                raise ApprovalAlreadyCompletedException("The approval action has already been answered")
            run.approval.result = result
            run.approval.answered.set()
        return {"approvedAt": time.time()}


def _runs(pipeline: Pipeline, stage: str, action: str) -> list[Run]:
    """Return the runs of an action, the newest first."""
    found = [run for one in pipeline.executions.values() for run in one.runs]
    return [run for run in reversed(found) if (run.stage, run.name) == (stage, action)]


def _stage_state(pipeline: Pipeline, stage: Data) -> Data:
    name = stage["name"]
    state: Data = {
        "stageName": name,
        "inboundTransitionState": {"enabled": True},
        "actionStates": [_action_state(pipeline, name, action["name"]) for action in stage["actions"]],
    }
    newest = next((one for one in reversed(pipeline.executions.values()) if name in one.stages), None)
    if newest:
        state["latestExecution"] = {"pipelineExecutionId": newest.id, "status": newest.stages[name]}
    if waiting := pipeline.gate.waiting(name):
        state["inboundExecutions"] = [{"pipelineExecutionId": one, "status": "InProgress"} for one in waiting]
        state["inboundExecution"] = state["inboundExecutions"][0]
    return state


def _action_state(pipeline: Pipeline, stage: str, action: str) -> Data:
    run = next(iter(_runs(pipeline, stage, action)), None)
    if not run:
        return {"actionName": action}
    latest: Data = {"actionExecutionId": run.id, "status": run.status, "lastStatusChange": run.changed}
    latest |= {"summary": run.summary} if run.summary else {}
    latest |= {"errorDetails": run.error} if run.error else {}
    latest |= {"externalExecutionId": run.external_id} if run.external_id else {}
    if run.approval and run.status == "InProgress":
        latest["token"] = run.approval.token
    return {"actionName": action, "latestExecution": latest}


def _detail(execution: Execution, run: Run) -> Data:
    result: Data = {"externalExecutionId": run.external_id, "externalExecutionSummary": run.summary}
    return {
        "pipelineExecutionId": execution.id,
        "actionExecutionId": run.id,
        "pipelineVersion": execution.pipeline["version"],
        "stageName": run.stage,
        "actionName": run.name,
        "startTime": run.started,
        "lastUpdateTime": run.changed,
        "status": run.status,
        "input": {
            "actionTypeId": run.declared["actionTypeId"],
            "configuration": run.declared["configuration"],
            "resolvedConfiguration": run.configuration,
            "region": execution.region,
            "inputArtifacts": [{"name": name, "s3location": where} for name, where in run.inputs.items()],
        },
        "output": {
            "outputArtifacts": [{"name": name, "s3location": where} for name, where in run.outputs.items()],
            "executionResult": result | ({"errorDetails": run.error} if run.error else {}),
            "outputVariables": run.variables,
        },
    }


codepipeline_backends = BackendDict(CodePipelineBackend, "codepipeline")
