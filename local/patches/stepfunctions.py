"""Step Functions tasks as the service runs them: signed calls under the state machine's role.

MiniStack calls its services in-process for a task, past IAM. Here every Lambda, `states:startExecution`,
optimised and `aws-sdk` task is a real request to the gateway with a session of the execution role, so that
the role's policy is enforced, the call is recorded, and faults can hit it.
"""

from __future__ import annotations

import contextvars
import json
import re
from typing import Any

from local.permissions import client, role_session

_role: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("switchyard_sfn_role", default=None)

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
    import botocore.exceptions
    from ministack.services.stepfunctions import _ExecutionError

    role, execution = _role.get() or ("", "")
    try:
        credentials = role_session(role, execution.rsplit(":", 1)[-1], "states.amazonaws.com")
        api = client(service, execution.split(":")[3], credentials, attempts=1)
        answer = getattr(api, operation)(**_parameters(api, operation, arguments))
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
    from ministack.services.stepfunctions import _ExecutionError

    text = answer["Payload"].read().decode()
    payload = json.loads(text) if text else None
    if answer.get("FunctionError"):
        error = payload.get("errorType") if isinstance(payload, dict) else None
        raise _ExecutionError(error or "Lambda.Unknown", text)
    return {
        "StatusCode": answer["StatusCode"],
        "ExecutedVersion": answer.get("ExecutedVersion"),
        "Payload": payload,
    }


def install() -> None:
    """Replace MiniStack's in-process task dispatch; activities and callback tokens stay MiniStack's."""
    from ministack.services import stepfunctions as engine

    dispatch, run = engine._invoke_resource, engine._run_execution
    nested_sync = "states:startExecution.sync"

    def run_execution(execution_arn: str) -> Any:
        execution = engine._executions.get(execution_arn) or {}
        machine = engine._state_machines.get(execution.get("stateMachineArn", "")) or {}
        _role.set((machine.get("roleArn", ""), execution_arn))
        return run(execution_arn)

    def invoke_resource(resource: str, arguments: Any) -> Any:
        if re.match(r"arn:aws:lambda:[^:]+:\d+:function:", resource):
            return _call("lambda", "invoke", {"FunctionName": resource, "Payload": arguments})["Payload"]
        integration = resource.partition(":states:::")[2]
        if integration.startswith("aws-sdk:"):
            _, service, action = integration.split(":")[:3]
            operation = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
            return _call(_SERVICES.get(service, service), operation, arguments)
        if integration in _OPTIMISED and nested_sync not in integration:
            return _call(*_OPTIMISED[integration], arguments)
        return dispatch(resource, arguments)

    _keep_tracing(engine)
    _give_succeed_its_output(engine)
    engine._run_execution = run_execution
    engine._invoke_resource = invoke_resource


def _give_succeed_its_output(engine: Any) -> None:
    """The Output of a Succeed state in JSONata is the execution's output; MiniStack passes the input on."""
    apply_output_path = engine._apply_output_path

    def apply(state: dict[str, Any], data: Any, context: Any = None) -> Any:
        if state.get("Type") == "Succeed" and engine._state_query_language(state, context) == "JSONata":
            return engine._apply_jsonata_output(state, data, context, default=data)
        return apply_output_path(state, data, context)

    engine._apply_output_path = apply


def _keep_tracing(engine: Any) -> None:
    """DescribeStateMachine tells the tracing configuration; without it every plan wants to set it again."""
    create, update, describe = (
        engine._create_state_machine,
        engine._update_state_machine,
        engine._describe_state_machine,
    )

    def keep(arn: str, data: dict[str, Any]) -> None:
        if "tracingConfiguration" in data and arn in engine._state_machines:
            engine._state_machines[arn]["tracingConfiguration"] = data["tracingConfiguration"]

    def create_state_machine(data: dict[str, Any]) -> Any:
        answer = create(data)
        keep(json.loads(answer[2]).get("stateMachineArn", ""), data)
        return answer

    def update_state_machine(data: dict[str, Any]) -> Any:
        answer = update(data)
        keep(data.get("stateMachineArn", ""), data)
        return answer

    def describe_state_machine(data: dict[str, Any]) -> Any:
        status, headers, body = describe(data)
        machine = engine._state_machines.get(data.get("stateMachineArn", "")) or {}
        if status == 200 and "tracingConfiguration" in machine:
            body = json.dumps({**json.loads(body), "tracingConfiguration": machine["tracingConfiguration"]}).encode()
        return status, headers, body

    engine._create_state_machine = create_state_machine
    engine._update_state_machine = update_state_machine
    engine._describe_state_machine = describe_state_machine
