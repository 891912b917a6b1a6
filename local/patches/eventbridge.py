"""EventBridge deliveries as the service makes them: permission checked, retried by Lambda, dead-lettered.

MiniStack delivers to a rule's target whatever the target's policy says and drops what fails. Here the target's
resource policy, the key policy behind an encrypted target, or the target's role must allow the delivery; an
asynchronous function call gets Lambda's own retries and destination; a refused delivery goes to the target's
dead-letter queue, with the attributes that EventBridge sets. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

import contextvars
import json
import logging
import time
from typing import Any

from local.permissions import client, role_session, service_may

logger = logging.getLogger("switchyard.events")

_source: contextvars.ContextVar[tuple[str, dict[str, Any]]] = contextvars.ContextVar(
    "switchyard_rule", default=("", {})
)


class Refused(Exception):
    """A delivery that AWS would refuse for want of permission."""


def _check(action: str, arn: str, policy: Any) -> None:
    from ministack.core.responses import get_account_id, get_region

    rule_arn, _ = _source.get()
    reason = service_may("events.amazonaws.com", action, arn, policy, rule_arn, get_account_id(), get_region())
    if reason:
        raise Refused(reason)


def _to_lambda(arn: str, payload: str) -> None:
    from ministack.services import lambda_svc

    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        raise Refused(f"{arn} does not exist")
    _check("lambda:InvokeFunction", arn, function.get("policy"))
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), json.loads(payload))


def _to_role_target(service: str, operation: str, arguments: dict[str, Any], role_arn: str) -> None:
    from ministack.core.responses import get_region

    try:
        credentials = role_session(role_arn, "events", "events.amazonaws.com")
        getattr(client(service, get_region(), credentials), operation)(**arguments)
    except Exception as error:  # a delivery failure of any kind goes to the dead-letter queue
        raise Refused(str(error)) from error


def _dead_letter(target: dict[str, Any], payload: str, reason: str) -> None:
    from ministack.services import eventbridge, sqs

    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    rule_arn, _ = _source.get()
    logger.warning("EventBridge target %s of %s not delivered: %s", target.get("Arn"), rule_arn, reason)
    queue = sqs._queue_by_arn(queue_arn) if queue_arn else None
    if not queue_arn or not queue:
        return
    try:
        _check("sqs:SendMessage", queue_arn, queue["attributes"].get("Policy"))
    except Refused as error:
        logger.warning("EventBridge dead letter lost: %s", error)
        return
    from ministack.core.arn import parse_arn

    eventbridge.__dict__["_engine_dispatch_to_sqs"](parse_arn(queue_arn), payload, {})
    queue["messages"][-1]["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value}
        for name, value in {
            "ERROR_CODE": "NO_PERMISSIONS",
            "ERROR_MESSAGE": reason,
            "RULE_ARN": rule_arn,
            "TARGET_ARN": str(target.get("Arn")),
        }.items()
    }


def _count_failure(rule: dict[str, Any]) -> None:
    from ministack.services import cloudwatch

    cloudwatch.record_metric("AWS/Events", "FailedInvocations", 1, "Count", {"RuleName": rule.get("Name", "")})


def install() -> None:
    """Replace MiniStack's dispatch to functions, queues, topics and state machines, and its target loop."""
    from ministack.services import eventbridge as engine
    from ministack.services import sns, sqs

    from local.services import events

    invoke_target, to_sqs, to_sns = engine._invoke_target, engine._dispatch_to_sqs, engine._dispatch_to_sns
    engine._engine_dispatch_to_sqs = to_sqs

    failures: contextvars.ContextVar[list[tuple[str, str]] | None] = contextvars.ContextVar("failures", default=None)

    def guarded(deliver: Any) -> Any:
        # MiniStack's _invoke_target swallows every exception: note the refusal for the caller instead.
        def wrapper(first: Any, payload: str, *rest: Any) -> None:
            try:
                deliver(first, payload, *rest)
            except Refused as error:
                if (noted := failures.get()) is None:
                    raise
                noted.append((payload, str(error)))

        return wrapper

    def dispatch_to_sqs(spec: Any, payload: str, parameters: dict[str, Any] | None = None) -> None:
        queue = sqs._queue_by_arn(str(spec))
        if not queue:
            raise Refused(f"{spec} does not exist")
        _check("sqs:SendMessage", str(spec), queue["attributes"].get("Policy"))
        to_sqs(spec, payload, parameters)

    def dispatch_to_sns(arn: str, payload: str) -> None:
        policy = sns.topic_policy_for_arn(arn)
        if policy is None:
            raise Refused(f"{arn} does not exist")
        _check("sns:Publish", arn, policy[0])
        to_sns(arn, payload)

    def dispatch_to_states(arn: str, payload: str) -> None:
        _, target = _source.get()
        _to_role_target(
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": arn, "input": payload},
            target.get("RoleArn", ""),
        )

    def dispatch_to_firehose(arn: str, payload: str) -> None:
        _, target = _source.get()
        record = {"DeliveryStreamName": arn.rsplit("/", 1)[-1], "Record": {"Data": payload.encode()}}
        _to_role_target("firehose", "put_record", record, target.get("RoleArn", ""))

    def invoke(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> None:
        _source.set((rule.get("Arn", ""), target))
        noted: list[tuple[str, str]] = []
        failures.set(noted)
        invoke_target(target, event, rule, view)
        for payload, reason in noted:
            _count_failure(rule)
            _dead_letter(target, payload, reason)

    engine._dispatch_to_lambda = guarded(_to_lambda)
    engine._dispatch_to_sqs = guarded(dispatch_to_sqs)
    engine._dispatch_to_sns = guarded(dispatch_to_sns)
    engine._dispatch_to_stepfunctions = guarded(dispatch_to_states)
    engine._invoke_target = invoke
    engine._dispatch_to_firehose = guarded(dispatch_to_firehose)
    events.set_sink(emit)


def emit(
    source: str, detail_type: str, detail: dict[str, Any], resources: list[str], account: str, region: str
) -> None:
    """Put an event on the default bus as the AWS service *source* does; `PutEvents` itself refuses `aws.*`."""
    from ministack.core.responses import set_request_account_id, set_request_region
    from ministack.services import eventbridge

    def put() -> None:
        set_request_account_id(account)
        set_request_region(region)
        entry = {
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": resources,
        }
        eventbridge._put_events({"Entries": [{**entry, "Time": int(time.time())}]}, allow_aws_source=True)

    contextvars.copy_context().run(put)
