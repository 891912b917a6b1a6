"""Step Functions tasks as the service runs them: signed calls under the state machine's role.

MiniStack calls its services in-process for a task, past IAM. Here every Lambda, `states:startExecution`,
optimised and `aws-sdk` task is a real request to the gateway with a session of the execution role, so that
the role's policy is enforced, the call is recorded, and faults can hit it.
"""

from __future__ import annotations

import contextvars
import json
import re
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore.exceptions
from ministack.core.responses import error_response_json, json_response
from ministack.services import stepfunctions
from ministack.services.stepfunctions import _ExecutionError

from local.patches.registry import Original, patch
from local.permissions import Checked, client, permitted, role_session
from local.settings import patience

TARGET = "ministack.services.stepfunctions"
_role: contextvars.ContextVar[tuple[str, str, str] | None] = contextvars.ContextVar("switchyard_sfn_role", default=None)

# Step Functions' service names that are not botocore's.
_SERVICES = {
    "sfn": "stepfunctions",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "cognitoidentityprovider": "cognito-idp",
}

_OPTIMISED = {
    "lambda:invoke": ("lambda", "invoke"),
    "states:startExecution": ("stepfunctions", "start_execution"),
    "sqs:sendMessage": ("sqs", "send_message"),
    "sns:publish": ("sns", "publish"),
    "events:putEvents": ("events", "put_events"),
    "dynamodb:getItem": ("dynamodb", "get_item"),
    "dynamodb:putItem": ("dynamodb", "put_item"),
    "dynamodb:updateItem": ("dynamodb", "update_item"),
    "dynamodb:deleteItem": ("dynamodb", "delete_item"),
}


def _pascal(value: Any) -> Any:
    """Keys as Step Functions returns them: PascalCase at every level."""
    if isinstance(value, dict):
        return {k[:1].upper() + k[1:]: _pascal(v) for k, v in value.items() if k != "ResponseMetadata"}
    if isinstance(value, list):
        return [_pascal(v) for v in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _parameters(client: Any, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """PascalCase arguments under the API's own member names, objects made JSON text where the API takes text."""
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape
    members = {name.lower(): (name, member) for name, member in (shape.members if shape else {}).items()}
    known: dict[str, Any] = {}
    for key, value in arguments.items():
        name, member = members.get(key.lower(), (key, None))
        as_text = member is not None and member.type_name in {"string", "blob"} and isinstance(value, (dict, list))
        known[name] = json.dumps(value) if as_text else value
    return known


def _error_name(service: str, code: str) -> str:
    names = {
        "lambda": "Lambda",
        "stepfunctions": "Sfn",
        "dynamodb": "DynamoDb",
        "sqs": "Sqs",
        "sns": "Sns",
        "s3": "S3",
    }
    prefix = names.get(service, "".join(part.capitalize() for part in service.split("-")))
    return code if "." in code else f"{prefix}.{code}"


def _call(service: str, operation: str, arguments: dict[str, Any]) -> Any:
    role, machine, execution = _role.get() or ("", "", "")
    try:
        credentials = role_session(role, execution.rsplit(":", 1)[-1], "states.amazonaws.com", machine)
        api = client(service, execution.split(":")[3], credentials, attempts=1)
        answer = getattr(api, operation)(**_parameters(api, operation, arguments))
        for name in ("Payload", "Body"):  # an answer can break off while it is read
            if hasattr(answer.get(name), "read"):
                answer[name] = answer[name].read()
    except PermissionError as error:
        raise _ExecutionError("States.Permissions", str(error)) from error
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        raise _ExecutionError(_error_name(service, code), error.response["Error"].get("Message", str(error))) from error
    except botocore.exceptions.BotoCoreError as error:
        raise _ExecutionError(_error_name(service, "SdkClientException"), str(error)) from error
    if service == "lambda" and operation == "invoke":
        return _lambda_result(answer)
    return _pascal(answer)


def _lambda_result(answer: dict[str, Any]) -> dict[str, Any]:
    text = answer["Payload"].decode()
    payload = json.loads(text) if text else None
    if answer.get("FunctionError"):
        error = payload.get("errorType") if isinstance(payload, dict) else None
        raise _ExecutionError(error or "Lambda.Unknown", text)
    return {
        "StatusCode": answer["StatusCode"],
        "ExecutedVersion": answer.get("ExecutedVersion"),
        "Payload": payload,
    }


@patch(
    TARGET,
    "_run_execution",
    because="MiniStack's tasks do not know in which role's name they run.",
)
def run_execution(original: Original, exec_arn: str) -> Any:
    """Remember the state machine's role for the tasks of this execution."""
    execution = stepfunctions._executions.get(exec_arn) or {}
    machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", "")) or {}
    _role.set((machine.get("roleArn", ""), execution.get("stateMachineArn", ""), exec_arn))
    return original(exec_arn)


@patch(
    TARGET,
    "_invoke_resource",
    because="MiniStack calls its services in-process for a task, past IAM.",
)
def invoke_resource(original: Original, resource: str, input_data: Any) -> Any:
    """Make a task's call as a signed request; activities and callback tokens stay MiniStack's."""
    if re.match(r"arn:aws:lambda:[^:]+:\d+:function:", resource):
        return _call("lambda", "invoke", {"FunctionName": resource, "Payload": input_data})["Payload"]
    integration = resource.partition(":states:::")[2]
    if integration.startswith("aws-sdk:"):
        _, service, action = integration.split(":")[:3]
        operation = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
        return _call(_SERVICES.get(service, service), operation, input_data)
    if integration in _OPTIMISED:
        return _call(*_OPTIMISED[integration], input_data)
    return original(resource, input_data)


@patch(
    TARGET,
    "_invoke_with_callback",
    because="MiniStack calls a function that gets a task token past IAM, and waits even if the call failed.",
)
def invoke_with_callback(
    original: Original, resource: str, input_data: Any, token: str, state_def: dict[str, Any]
) -> Any:
    """Call a function under the role, then wait for its token. A call that fails is an error of the state."""
    if ":::lambda:invoke" not in resource:
        return original(resource, input_data, token, state_def)
    waiting: dict[str, Any] = {"event": threading.Event(), "result": None, "error": None, "heartbeat": None}
    stepfunctions._task_tokens[token] = waiting
    try:
        _call("lambda", "invoke", input_data)
        if not waiting["event"].wait(state_def.get("TimeoutSeconds", 99999999) * patience()):
            raise _ExecutionError("States.Timeout", "")
    finally:
        stepfunctions._task_tokens.pop(token, None)
    if failure := waiting["error"]:
        raise _ExecutionError(failure["Error"], failure["Cause"])
    return json.loads(waiting["result"])


@patch(TARGET, "_s3_object_text", because="MiniStack reads the items of a Distributed Map past IAM.")
def s3_object_text(bucket: str, key: str) -> str:
    """Return an object with items, read under the role."""
    try:
        text: str = _call("s3", "get_object", {"Bucket": bucket, "Key": key})["Body"].decode()
    except _ExecutionError as error:
        raise _ExecutionError("States.ItemReaderFailed", f"{error.error}: {error.cause}") from error
    return text


@patch(
    TARGET,
    "_run_distributed_map",
    because="MiniStack starts child executions past IAM, and reads fields of a map as JSONPath in JSONata too.",
)
def run_distributed_map(
    original: Original,
    state_def: dict[str, Any],
    raw_input: Any,
    effective: Any,
    iterator: dict[str, Any],
    execution: dict[str, Any],
    ctx: dict[str, Any],
) -> Any:
    """Run a Distributed Map whose role may start and follow its child executions.

    https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    """
    role, machine, arn = _role.get() or ("", "", "")
    for action, resource in (("StartExecution", machine), ("DescribeExecution", arn), ("StopExecution", arn)):
        _require(role, f"states:{action}", resource)
    if stepfunctions._state_query_language(state_def, ctx) != "JSONata":
        return original(state_def, raw_input, effective, iterator, execution, ctx)
    fields = ("MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage", "ItemReader", "Items")
    given = {name: state_def[name] for name in fields if name in state_def}
    plain = {name: value for name, value in state_def.items() if name not in ("Output", "Assign")}
    evaluated = stepfunctions._apply_jsonata_template(given, raw_input, ctx)
    items = evaluated.pop("Items", effective)
    results, following = original({**plain, **evaluated}, raw_input, items, iterator, execution, ctx)
    output = stepfunctions._apply_jsonata_output(state_def, raw_input, ctx, result=results, default=results)
    stepfunctions._apply_state_assign(state_def, raw_input, ctx, result=results)
    return output, following


def _require(role: str, action: str, resource: str) -> None:
    account, region = role.split(":")[4], resource.split(":")[3]
    root = {"aws_access_key_id": account, "aws_secret_access_key": "test"}
    answer = client("iam", region, root).simulate_principal_policy(
        PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
    )
    if answer["EvaluationResults"][0]["EvalDecision"] != "allowed":
        raise _ExecutionError("States.Permissions", f"{role} is not authorized to perform {action} on {resource}")
    permitted.add(f"{account}:{role.rpartition('/')[2]}", Checked(action, resource, {}))


@patch(
    TARGET,
    "_apply_output_path",
    because="The Output of a Succeed state in JSONata is the execution's output; MiniStack passes the input on.",
)
def apply_output_path(original: Original, state_def: dict[str, Any], data: Any, ctx: Any = None) -> Any:
    """Return a state's output."""
    if state_def.get("Type") == "Succeed" and stepfunctions._state_query_language(state_def, ctx) == "JSONata":
        return stepfunctions._apply_jsonata_output(state_def, data, ctx, default=data)
    return original(state_def, data, ctx)


_TRACING = "MiniStack forgets the tracing configuration, and every plan wants to set it again."


@patch(TARGET, "_create_state_machine", because=_TRACING)
def create_state_machine(original: Original, data: dict[str, Any]) -> Any:
    """Keep the tracing configuration."""
    answer = original(data)
    _keep_tracing(json.loads(answer[2]).get("stateMachineArn", ""), data)
    return answer


@patch(TARGET, "_update_state_machine", because=_TRACING)
def update_state_machine(original: Original, data: dict[str, Any]) -> Any:
    """Keep the tracing configuration."""
    answer = original(data)
    _keep_tracing(data.get("stateMachineArn", ""), data)
    return answer


def _keep_tracing(arn: str, data: dict[str, Any]) -> None:
    if "tracingConfiguration" in data and arn in stepfunctions._state_machines:
        stepfunctions._state_machines[arn]["tracingConfiguration"] = data["tracingConfiguration"]


@patch(TARGET, "_describe_state_machine", because=_TRACING)
def describe_state_machine(original: Original, data: dict[str, Any]) -> Any:
    """Return the tracing configuration with the rest."""
    status, headers, body = original(data)
    machine = stepfunctions._state_machines.get(data.get("stateMachineArn", "")) or {}
    if status == 200 and "tracingConfiguration" in machine:
        body = json.dumps({**json.loads(body), "tracingConfiguration": machine["tracingConfiguration"]}).encode()
    return status, headers, body


@patch(
    TARGET,
    "_emit_execution_status_event",
    because="An event of a machine with a customer managed key has no data of its execution; MiniStack's has all.",
)
def emit_execution_status_event(original: Original, execution: dict[str, Any]) -> None:
    """Send the event of an execution's new status.

    "Execution Input, Output, Error, and Cause will not be included for execution status change events for workflows
    that are encrypted using your customer managed AWS KMS key."
    https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
    """
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
    if (machine.get("encryptionConfiguration") or {}).get("kmsKeyId"):
        # What is too long for an event MiniStack leaves out, and says so in inputDetails and outputDetails.
        too_long = " " * (stepfunctions._STATUS_EVENT_PAYLOAD_CAP + 1)
        execution = {**execution, "input": too_long, "output": too_long, "error": None, "cause": None}
    original(execution)


@patch(
    TARGET,
    "_start_sync_execution",
    because="Only Express workflows can be waited for, their time ends, and a failed one has no output.",
)
def start_sync_execution(original: Original, data: dict[str, Any]) -> Any:
    """Run an Express workflow to its end, or to the end of its time.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html
    """
    machine = stepfunctions._state_machines.get(data.get("stateMachineArn", "")) or {}
    if machine and machine.get("type", "STANDARD") != "EXPRESS":
        message = "This operation is not supported by this type of state machine"
        return error_response_json("StateMachineTypeNotSupported", message, 400)
    if not _is_json(data.get("input", "{}")):
        return error_response_json("InvalidExecutionInput", "Invalid State Machine Execution Input", 400)
    # Executions of Express workflows can share a name, and nothing describes them later.
    name, unique = data.get("name") or uuid.uuid4().hex, uuid.uuid4().hex
    seconds = json.loads(machine.get("definition") or "{}").get("TimeoutSeconds")
    began = time.time()
    run = _pool.submit(contextvars.copy_context().run, original, {**data, "name": unique})
    try:
        status, headers, body = run.result(seconds * patience() if seconds else None)
    except TimeoutError:
        status, headers, body = _timed_out(data, unique, began)
    if status != 200:
        return status, headers, body
    answer = json.loads(body)
    stepfunctions._executions.pop(answer["executionArn"], None)
    head, _, _ = answer["executionArn"].replace(":execution:", ":express:").rpartition(":")
    answer |= {"executionArn": f"{head}:{name}:{unique}", "name": name}
    if answer["status"] != "SUCCEEDED":
        answer = {key: value for key, value in answer.items() if not key.startswith("output")}
    return status, headers, json.dumps(answer).encode()


_pool = ThreadPoolExecutor(32, thread_name_prefix="switchyard-express")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _timed_out(data: dict[str, Any], name: str, began: float) -> tuple[int, dict[str, str], bytes]:
    """Return the answer for an execution whose time has ended. No further state of it begins."""
    arn, execution = next((arn, e) for arn, e in stepfunctions._executions.items() if e["name"] == name)
    execution["status"] = "TIMED_OUT"
    answer: tuple[int, dict[str, str], bytes] = json_response(
        {
            "executionArn": arn,
            "stateMachineArn": data["stateMachineArn"],
            "startDate": began,
            "stopDate": time.time(),
            "status": "TIMED_OUT",
            "error": "States.Timeout",
            "input": data.get("input", "{}"),
            "inputDetails": {"included": True},
        }
    )
    return answer
