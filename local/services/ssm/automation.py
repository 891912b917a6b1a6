"""Automation documents: their parameters, the placeholders in `{{ }}`, and the actions that this cloud runs.

https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html
"""

from __future__ import annotations

import datetime
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]

from local.services import events

Document = dict[str, Any]
Values = Mapping[str, Any]
"""The values of `{{ name }}`."""
ClientOf = Callable[[str], Any]
"""Returns the client of a service with the execution's permissions."""

PLACEHOLDER = re.compile(r"\{\{\s*([\w:.\-]+)\s*\}\}")

# https://docs.aws.amazon.com/systems-manager-automation-runbooks/latest/userguide/automation-aws-publishsnsnotification.html
OWNED: dict[str, Document] = {
    "AWS-PublishSNSNotification": {
        "schemaVersion": "0.3",
        "description": "Publish a notification to Amazon SNS.",
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": {
            "AutomationAssumeRole": {"type": "AWS::IAM::Role::Arn", "default": ""},
            "TopicArn": {"type": "AWS::SNS::Topic::Arn"},
            "Message": {"type": "String"},
        },
        "mainSteps": [
            {
                "name": "PublishSNSNotification",
                "action": "aws:executeAwsApi",
                "inputs": {
                    "Service": "sns",
                    "Api": "Publish",
                    "TopicArn": "{{ TopicArn }}",
                    "Message": "{{ Message }}",
                },
            }
        ],
    }
}
"""Documents that AWS owns."""


STATUS_CHANGE = "EC2 Automation Execution Status-change Notification"


class StepFailed(Exception):
    """A step that did not succeed. The message says why."""


def parse(content: str) -> Document:
    """Parse a document from JSON or YAML. Raise ValueError if it is not an automation of schema 0.3."""
    document = yaml.safe_load(content)
    if not isinstance(document, dict) or str(document.get("schemaVersion")) != "0.3" or not document.get("mainSteps"):
        raise ValueError("The document is not an Automation document of schema version 0.3.")
    return document


def problem(document: Document, given: Mapping[str, list[str]]) -> str:
    """Return what is wrong with parameters for a document; empty if nothing is."""
    known = document.get("parameters") or {}
    for name in given:
        if name not in known:
            return f"Parameter {name} is not defined in the document."
    for name, wanted in known.items():
        values = given.get(name)
        if values is None and "default" not in wanted:
            return f"Parameter {name} is required."
        allowed, pattern = wanted.get("allowedValues"), wanted.get("allowedPattern")
        for value in values or []:
            if (allowed and value not in map(str, allowed)) or (pattern and not re.fullmatch(pattern, value)):
                return f"Parameter {name} has a value that the document does not allow: {value}."
    return ""


def values_of(
    document: Document, given: Mapping[str, list[str]], execution_id: str, account: str, region: str
) -> dict[str, Any]:
    """Return the values of a document's placeholders at its start."""
    now = datetime.datetime.now(datetime.UTC)
    values: dict[str, Any] = {
        "automation:EXECUTION_ID": execution_id,
        "global:ACCOUNT_ID": account,
        "global:DATE": now.strftime("%Y-%m-%d"),
        "global:DATE_TIME": now.strftime("%Y-%m-%d_%H.%M.%S"),
        "global:REGION": region,
    }
    for name, wanted in (document.get("parameters") or {}).items():
        if name not in given:
            values[name] = wanted["default"]
        elif wanted["type"] == "StringList":
            values[name] = list(given[name])
        elif wanted["type"] in {"Boolean", "Integer", "StringMap", "MapList"}:
            values[name] = json.loads(given[name][0]) if wanted["type"] != "Boolean" else given[name][0] == "true"
        else:
            values[name] = given[name][0]
    return values


def resolve(value: Any, values: Values) -> Any:
    """Fill in the placeholders of `value`. One that is the whole text keeps its type. Raise StepFailed if unknown."""
    if isinstance(value, dict):
        return {key: resolve(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return [resolve(one, values) for one in value]
    if not isinstance(value, str):
        return value

    def known(name: str) -> Any:
        if name not in values:
            raise StepFailed(f"{{{{ {name} }}}} is not known.")
        return values[name]

    if whole := PLACEHOLDER.fullmatch(value.strip()):
        return known(whole[1])
    return PLACEHOLDER.sub(lambda found: _text(known(found[1])), value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def select(answer: Any, selector: str) -> Any:
    """Return the part of an answer that a selector such as `$.Items[0].Id` names. Raise StepFailed if there is none."""
    found = answer
    for name, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", selector.removeprefix("$")):
        try:
            found = found[name] if name else found[int(index)]
        except (KeyError, IndexError, TypeError):
            raise StepFailed(f"The answer has nothing at {selector}.") from None
    return found


def _execute_api(inputs: dict[str, Any], client_of: ClientOf) -> dict[str, Any]:
    from botocore import xform_name

    arguments = {name: value for name, value in inputs.items() if name not in ("Service", "Api")}
    client = client_of(inputs["Service"])
    return dict(getattr(client, xform_name(inputs["Api"]))(**arguments))


def _invoke_function(inputs: dict[str, Any], client_of: ClientOf) -> dict[str, Any]:
    payload = inputs.get("Payload", inputs.get("InputPayload", {}))
    answer = client_of("lambda").invoke(
        FunctionName=inputs["FunctionName"],
        InvocationType=inputs.get("InvocationType", "RequestResponse"),
        Payload=_text(payload),
        **({"Qualifier": inputs["Qualifier"]} if inputs.get("Qualifier") else {}),
    )
    said = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise StepFailed(f"Lambda function returned {answer['FunctionError']} error. Message: {said}")
    return {"StatusCode": answer["StatusCode"], "Payload": said}


Action = Callable[[dict[str, Any], ClientOf], dict[str, Any]]
"""(resolved inputs, clients) -> answer"""
ACTIONS: dict[str, Action] = {
    "aws:executeAwsApi": _execute_api,
    "aws:invokeLambdaFunction": _invoke_function,
}
"""The actions that this cloud runs."""


def _action(name: str) -> Action:
    if name not in ACTIONS:
        raise StepFailed(f"The local cloud does not implement {name}.")
    return ACTIONS[name]


def _shown(at: float) -> str:
    return time.strftime("%b %d, %Y %I:%M:%S %p", time.gmtime(at))


class Execution:
    """One run of a document."""

    def __init__(
        self,
        execution_id: str,
        name: str,
        version: str,
        document: Document,
        given: dict[str, list[str]],
        scope: tuple[str, str],
        executed_by: str,
        caller: dict[str, str],
    ) -> None:
        self.id, self.name, self.version, self.document, self.given = execution_id, name, version, document, given
        self.account, self.region = scope
        self.executed_by, self._caller = executed_by, caller
        self.status, self.failure, self.started, self.ended = "InProgress", "", time.time(), 0.0
        self.steps: list[dict[str, Any]] = []
        self.values = values_of(document, given, execution_id, self.account, self.region)

    @property
    def arn(self) -> str:
        """The execution's ARN, which Automation presents to the role that it assumes."""
        return f"arn:aws:ssm:{self.region}:{self.account}:automation-execution/{self.id}"

    def start(self) -> None:
        """Run in a thread of its own."""
        threading.Thread(target=self.run, name=f"automation {self.id}", daemon=True).start()

    def run(self) -> None:
        """Run the steps. An error becomes the execution's failure."""
        self._tell()
        try:
            self._run_steps(self._clients())
        except StepFailed as failed:
            self.failure = str(failed)
        self.ended = time.time()
        self.status = "Failed" if self.failure else "Success"
        self._tell()

    def _tell(self) -> None:
        """Send the event of a change of status: "Event patterns and types" for Systems Manager in the user guide."""
        ended = {"EndTime": _shown(self.ended), "Time": round(self.ended - self.started, 1)} if self.ended else {}
        detail = {
            "ExecutionId": self.id,
            "Definition": self.name,
            "DefinitionVersion": float(self.version),
            "Status": self.status,
            "StartTime": _shown(self.started),
            **ended,
            "ExecutedBy": self.executed_by,
        }
        events.emit("aws.ssm", STATUS_CHANGE, detail, [self.arn], self.account, self.region)

    def _clients(self) -> ClientOf:
        from local.permissions import client, role_session

        role = resolve(self.document.get("assumeRole", ""), self.values)
        if not role:
            return lambda service: client(service, self.region, self._caller)
        try:
            credentials = role_session(role, f"Automation-{self.id}", "ssm.amazonaws.com", self.arn)
        except (PermissionError, IndexError):
            raise StepFailed(f"The defined assume role is unable to be assumed: {role}.") from None
        return lambda service: client(service, self.region, credentials)

    def _run_steps(self, client_of: ClientOf) -> None:
        planned = {step["name"]: step for step in self.document["mainSteps"]}
        order = list(planned)
        name: str | None = order[0]
        while name:
            step = planned[name]
            failure = self._run_step(step, client_of)
            then = step.get("onFailure", "Abort")
            if failure and then == "Abort":
                raise StepFailed(
                    f"Step fails when it is Execute/Cancelling action. {failure} Please refer to Automation Service "
                    "Troubleshooting Guide for more diagnosis details."
                )
            if step.get("isEnd"):
                return
            following = order[order.index(name) + 1 :]
            name = step.get("nextStep") or (following[0] if following else None)
            if failure and then.startswith("step:"):
                name = then.removeprefix("step:")

    def _run_step(self, step: dict[str, Any], client_of: ClientOf) -> str:
        """Try a step as often as it allows. Return why it failed, or an empty string."""
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        shown = {
            "StepName": step["name"],
            "Action": step["action"],
            "StepExecutionId": f"{self.id}-{len(self.steps) + 1}",
            "ExecutionStartTime": time.time(),
            "StepStatus": "InProgress",
            "OnFailure": step.get("onFailure", "Abort"),
            "MaxAttempts": step.get("maxAttempts", 1),
        }
        self.steps.append(shown)
        failure = ""
        for _ in range(int(step.get("maxAttempts", 1))):
            try:
                inputs = resolve(step.get("inputs") or {}, self.values)
                shown["Inputs"] = {key: _text(value) for key, value in inputs.items()}
                self._keep(step, _action(step["action"])(inputs, client_of), shown)
                failure = ""
                break
            except (StepFailed, ClientError, BotoCoreError, ParamValidationError, AttributeError, KeyError) as error:
                failure = str(error)
        shown |= {"ExecutionEndTime": time.time(), "StepStatus": "Failed" if failure else "Success"}
        if failure:
            shown["FailureMessage"] = failure
        return failure

    def _keep(self, step: dict[str, Any], answer: dict[str, Any], shown: dict[str, Any]) -> None:
        """Make a step's outputs available to later steps."""
        outputs = {"Payload": answer["Payload"]} if "Payload" in answer else {}
        outputs |= {one["Name"]: select(answer, one["Selector"]) for one in step.get("outputs", [])}
        self.values |= {f"{step['name']}.{name}": value for name, value in outputs.items()}
        shown["Outputs"] = {name: [_text(value)] for name, value in outputs.items()}

    def described(self) -> dict[str, Any]:
        """Return the execution as GetAutomationExecution shows it."""
        current = self.steps[-1] if self.steps and self.status == "InProgress" else {}
        told = {
            "AutomationExecutionId": self.id,
            "DocumentName": self.name,
            "DocumentVersion": self.version,
            "AutomationExecutionStatus": self.status,
            "ExecutionStartTime": self.started,
            "ExecutionEndTime": self.ended,
            "ExecutedBy": self.executed_by,
            "FailureMessage": self.failure,
            "Mode": "Auto",
            "CurrentStepName": current.get("StepName"),
            "CurrentAction": current.get("Action"),
        }
        return {name: value for name, value in told.items() if value}
