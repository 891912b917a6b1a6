"""Executions of a pipeline: their way through the stages, and the events that they send.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html and, for the events,
https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.services import events

from . import neighbours
from .actions import Abandoned, ActionFailed, Artifacts, Run

Data = dict[str, Any]
_VARIABLE = re.compile(r"#\{(\w[\w@-]*)\.([\w@-]+)\}")


class StageFailed(Exception):
    """A stage that ended the execution."""


class Superseded(Exception):
    """A newer execution waits for the same stage."""


class Gate:
    """Lets one execution at a time into each stage of a pipeline, in their order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: dict[str, str] = {}
        self._waiting: dict[str, list[str]] = {}

    def enter(self, stage: str, execution: Execution) -> None:
        """Wait for the stage. Raise Superseded or Abandoned."""
        with self._changed:
            queue = self._waiting.setdefault(stage, [])
            queue.append(execution.id)
            self._changed.notify_all()
            try:
                while stage in self._inside or (queue[0] != execution.id and execution.mode == "QUEUED"):
                    if execution.stopping.is_set():
                        raise Abandoned
                    if execution.mode == "SUPERSEDED" and queue[-1] != execution.id:
                        raise Superseded
                    self._changed.wait(0.2)
                self._inside[stage] = execution.id
            finally:
                queue.remove(execution.id)
                self._changed.notify_all()

    def leave(self, stage: str) -> None:
        """Free the stage."""
        with self._changed:
            self._inside.pop(stage, None)
            self._changed.notify_all()

    def waiting(self, stage: str) -> list[str]:
        """Return the executions that wait for a stage."""
        return list(self._waiting.get(stage, ()))


class Execution:
    """One execution of a pipeline, as the pipeline was at its start."""

    def __init__(
        self, pipeline: Data, scope: tuple[str, str], gate: Gate, trigger: Data, revisions: list[Data], variables: Data
    ) -> None:
        self.account, self.region = scope
        self.pipeline, self._gate, self.trigger = pipeline, gate, trigger
        self.id, self.mode = str(uuid.uuid4()), pipeline.get("executionMode", "SUPERSEDED")
        self.arn = f"arn:aws:codepipeline:{self.region}:{self.account}:{pipeline['name']}"
        self.status, self.summary, self.started, self.changed = "InProgress", "", time.time(), time.time()
        self.stopping, self.abandoning, self.reason = threading.Event(), threading.Event(), ""
        self.stages: dict[str, str] = {}
        self.runs: list[Run] = []
        self.artifacts: Artifacts = {}
        self._revisions = revisions
        self.variables = {
            one["name"]: variables.get(one["name"], one.get("defaultValue", ""))
            for one in pipeline.get("variables", [])
        }
        self._values: dict[str, dict[str, str]] = {
            "codepipeline": {"PipelineExecutionId": self.id},
            "variables": self.variables,
        }

    def start(self) -> None:
        """Run in a thread."""
        threading.Thread(target=self.run, name=f"pipeline {self.pipeline['name']} {self.id}", daemon=True).start()

    def stop(self, abandon: bool, reason: str) -> None:
        """Stop: now, with `abandon`, or when the actions that run have ended."""
        self.reason, self.status = reason, "Stopping"
        self.stopping.set()
        if abandon:
            self.abandoning.set()

    def run(self) -> None:
        """Go through the stages. Whatever happens becomes the execution's status."""
        self._tell("Pipeline", "STARTED")
        try:
            credentials = self._session()
            for stage in self.pipeline["stages"]:
                self._gate.enter(stage["name"], self)
                try:
                    self._stage(stage, credentials)
                finally:
                    self._gate.leave(stage["name"])
            self.status = "Succeeded"
        except StageFailed as failed:
            self.status, self.summary = "Failed", str(failed)
        except Superseded:
            self.status = "Superseded"
        except Abandoned:
            self.status = "Stopped"
        except Exception as error:
            self.status, self.summary = "Failed", f"{type(error).__name__}: {error}"
        self.changed = time.time()
        self._tell("Pipeline", self.status.upper())

    def _session(self) -> Data:
        try:
            return neighbours.current.session(self.pipeline["roleArn"], self.id, self.arn)
        except PermissionError:
            raise StageFailed(
                f"CodePipeline is not authorized to perform AssumeRole on role {self.pipeline['roleArn']}"
            ) from None

    # Stages

    def _stage(self, stage: Data, credentials: Data) -> None:
        name = stage["name"]
        if not self._may_enter(stage):
            self.stages[name] = "Skipped"
            return
        self.stages[name] = "InProgress"
        self._tell("Stage", "STARTED", {"stage": name})
        try:
            for order in sorted({action.get("runOrder", 1) for action in stage["actions"]}):
                self._check_stopped()
                self._actions(stage, [one for one in stage["actions"] if one.get("runOrder", 1) == order], credentials)
        except Abandoned:
            self.stages[name] = "Stopped"
            self._tell("Stage", "STOPPED", {"stage": name})
            raise
        except StageFailed:
            self.stages[name] = "Failed"
            self._tell("Stage", "FAILED", {"stage": name})
            raise
        self.stages[name] = "Succeeded"
        self._tell("Stage", "SUCCEEDED", {"stage": name})

    def _check_stopped(self) -> None:
        if self.stopping.is_set():
            raise Abandoned

    def _may_enter(self, stage: Data) -> bool:
        """Return whether the entry condition holds. If not, its result is to skip the stage, or to fail."""
        for condition in (stage.get("beforeEntry") or {}).get("conditions", []):
            if all(self._holds(rule) for rule in condition["rules"]):
                continue
            if condition.get("result") == "SKIP":
                return False
            self.stages[stage["name"]] = "Failed"
            raise StageFailed(f"The entry condition of the stage {stage['name']} does not hold.")
        return True

    def _holds(self, rule: Data) -> bool:
        """Return whether a rule holds.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-VariableCheck.html
        """
        if rule["ruleTypeId"]["provider"] != "VariableCheck":
            raise StageFailed(f"The local cloud does not run the rule {rule['ruleTypeId']['provider']}.")
        given = rule["configuration"]
        value, wanted = self._resolved(given["Variable"]), given["Value"]
        operators = {"EQ": value == wanted, "NE": value != wanted, "CONTAINS": wanted in value}
        if given["Operator"] not in operators:
            raise StageFailed(f"The local cloud does not run the operator {given['Operator']}.")
        return bool(operators[given["Operator"]])

    def _actions(self, stage: Data, declared: list[Data], credentials: Data) -> None:
        runs = [self._prepared(stage["name"], action, credentials) for action in declared]
        self.runs += runs
        with ThreadPoolExecutor(len(runs)) as pool:
            list(pool.map(self._action, runs))
        for run in runs:
            self.artifacts |= run.outputs
            if run.declared.get("namespace"):
                self._values[run.declared["namespace"]] = run.variables
        if any(run.status == "Abandoned" for run in runs):
            raise Abandoned
        failed = [run for run in runs if run.status == "Failed"]
        if failed:
            raise StageFailed("; ".join(f"{run.name}: {run.error['message']}" for run in failed))

    def _prepared(self, stage: str, declared: Data, credentials: Data) -> Run:
        revisions = {
            one["revisionType"]: one["revisionValue"]
            for one in self._revisions
            if one["actionName"] == declared["name"]
        }
        return Run(
            self.pipeline["name"],
            self.id,
            stage,
            declared,
            self.pipeline["artifactStore"],
            lambda service: neighbours.current.client(service, self.region, credentials),
            self.stopping if declared["actionTypeId"]["category"] == "Approval" else self.abandoning,
            revisions,
            {one["name"]: self.artifacts[one["name"]] for one in declared.get("inputArtifacts", [])},
        )

    def _action(self, run: Run) -> None:
        self._tell("Action", "STARTED", self._of(run))
        try:
            run.configuration = {name: self._resolved(value) for name, value in run.declared["configuration"].items()}
            run.execute()
            run.status = "Succeeded"
        except ActionFailed as failed:
            run.status, run.error = "Failed", {"code": failed.code, "message": failed.message}
        except Abandoned:
            run.status = "Abandoned"
        except Exception as error:
            run.status, run.error = "Failed", {"code": "InternalError", "message": f"{type(error).__name__}: {error}"}
        run.changed = time.time()
        self._tell("Action", run.status.upper(), self._of(run))

    def _resolved(self, text: str) -> str:
        """Fill in the variables `#{namespace.name}` of a text. Raise ActionFailed for an unknown one."""

        def value(found: re.Match[str]) -> str:
            try:
                return self._values[found[1]][found[2]]
            except KeyError:
                raise ActionFailed("ConfigurationError", f"The variable {found[0]} cannot be resolved.") from None

        return _VARIABLE.sub(value, text)

    # Events

    def _of(self, run: Run) -> Data:
        category, provider = run.kind
        kind = {"owner": "AWS", "provider": provider, "category": category, "version": "1"}
        result = {"external-execution-summary": run.summary, "external-execution-id": run.external_id}
        more = {"execution-result": {name: text for name, text in result.items() if text}}
        if run.error:
            more["execution-result"]["error-code"] = run.error["code"]
        return {
            "stage": run.stage,
            "action": run.name,
            "type": kind,
            "region": self.region,
            "action-execution-id": run.id,
            **more,
        }

    def _tell(self, level: str, state: str, more: Mapping[str, Any] | None = None) -> None:
        detail = {
            "pipeline": self.pipeline["name"],
            "execution-id": self.id,
            "start-time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self.started)),
            "state": state,
            "version": float(self.pipeline["version"]),
            "pipeline-execution-attempt": 1.0,
            **(more or {}),
        }
        if level == "Pipeline":
            trigger = {"trigger-type": self.trigger["triggerType"], "trigger-detail": self.trigger["triggerDetail"]}
            detail["execution-trigger"] = trigger
        kind = f"CodePipeline {level} Execution State Change"
        events.emit("aws.codepipeline", kind, detail, [self.arn], self.account, self.region)

    # What the API shows

    def described(self) -> Data:
        """Return the execution as GetPipelineExecution shows it."""
        return {
            "pipelineName": self.pipeline["name"],
            "pipelineVersion": self.pipeline["version"],
            "pipelineExecutionId": self.id,
            "status": self.status,
            "statusSummary": self.summary or self.reason,
            "artifactRevisions": [
                {"name": artifact, "revisionId": run.revision, "created": run.started}
                for run in self.runs
                if run.revision
                for artifact in run.outputs
            ],
            "variables": [{"name": name, "resolvedValue": value} for name, value in self.variables.items()],
            "trigger": self.trigger,
            "executionMode": self.mode,
            "executionType": "STANDARD",
        }

    def summarized(self) -> Data:
        """Return the execution as ListPipelineExecutions shows it."""
        return {
            "pipelineExecutionId": self.id,
            "status": self.status,
            "statusSummary": self.summary or self.reason,
            "startTime": self.started,
            "lastUpdateTime": self.changed,
            "sourceRevisions": [
                {"actionName": run.name, "revisionId": run.revision} for run in self.runs if run.revision
            ],
            "trigger": self.trigger,
            "executionMode": self.mode,
            "executionType": "STANDARD",
            **({"stopTrigger": {"reason": self.reason}} if self.reason else {}),
        }
