"""EventBridge deliveries as the service makes them: permission checked, retried by Lambda, dead-lettered.

MiniStack delivers to a rule's target whatever the target's policy says and drops what fails. Here the target's
resource policy, the key policy behind an encrypted target, or the target's role must allow the delivery; an
asynchronous function call gets Lambda's own retries and destination; a refused delivery goes to the target's
dead-letter queue, with the attributes that EventBridge sets. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region
from ministack.services import cloudwatch, eventbridge, lambda_svc, sns, sqs

from local.patches.registry import Original, patch
from local.permissions import client, role_session, service_may
from local.services import events

TARGET = "ministack.services.eventbridge"

logger = logging.getLogger("switchyard.events")

_source: contextvars.ContextVar[tuple[str, dict[str, Any]]] = contextvars.ContextVar(
    "switchyard_rule", default=("", {})
)
_refusals: contextvars.ContextVar[list[tuple[str, str]] | None] = contextvars.ContextVar("refusals", default=None)


class Refused(Exception):
    """A delivery that AWS would refuse for want of permission."""


def _check(action: str, arn: str, policy: Any) -> None:
    rule_arn, _ = _source.get()
    reason = service_may("events.amazonaws.com", action, arn, policy, rule_arn, get_account_id(), get_region())
    if reason:
        raise Refused(reason)


def _dead_letter(target: dict[str, Any], payload: str, reason: str) -> None:
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
    inspect.unwrap(eventbridge._dispatch_to_sqs)(parse_arn(queue_arn), payload, {})  # MiniStack's own
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
    cloudwatch.record_metric("AWS/Events", "FailedInvocations", 1, "Count", {"RuleName": rule.get("Name", "")})


_DELIVERY = "MiniStack delivers to a target whatever the target's policy, key or role says."


@patch(TARGET, "_invoke_target", because="MiniStack swallows every error of a delivery and knows no dead letters.")
def invoke_target(
    original: Original, target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None
) -> None:
    """Deliver; count what was refused, and send it to the target's dead-letter queue."""
    _source.set((rule.get("Arn", ""), target))
    noted: list[tuple[str, str]] = []
    _refusals.set(noted)
    original(target, event, rule, view)
    for payload, reason in noted:
        _count_failure(rule)
        _dead_letter(target, payload, reason)


@contextlib.contextmanager
def refusals(target: dict[str, Any], rule: dict[str, Any], payload: str) -> Iterator[None]:
    """Count an error of a delivery, and send the payload to the target's dead-letter queue."""
    _source.set((rule.get("Arn", ""), target))
    try:
        yield
    except Exception as error:  # a delivery that fails for any reason
        _count_failure(rule)
        _dead_letter(target, payload, str(error))


@contextlib.contextmanager
def _noting(payload: str) -> Iterator[None]:
    """Note a refusal for `invoke_target`: MiniStack's own swallows every exception on the way there."""
    try:
        yield
    except Refused as error:
        if (noted := _refusals.get()) is None:
            raise
        noted.append((payload, str(error)))


@patch(TARGET, "_dispatch_to_lambda", because=_DELIVERY)
def dispatch_to_lambda(arn: str, payload: str) -> None:
    """Call a function asynchronously, with Lambda's own retries and destination."""
    with _noting(payload):
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            raise Refused(f"{arn} does not exist")
        _check("lambda:InvokeFunction", arn, function.get("policy"))
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))


@patch(TARGET, "_dispatch_to_sqs", because=_DELIVERY)
def dispatch_to_sqs(original: Original, spec: Any, payload: str, sqs_parameters: dict[str, Any] | None = None) -> None:
    """Send to a queue that lets EventBridge send."""
    with _noting(payload):
        queue = sqs._queue_by_arn(str(spec))
        if not queue:
            raise Refused(f"{spec} does not exist")
        _check("sqs:SendMessage", str(spec), queue["attributes"].get("Policy"))
        original(spec, payload, sqs_parameters)


@patch(TARGET, "_dispatch_to_sns", because=_DELIVERY)
def dispatch_to_sns(original: Original, arn: str, payload: str) -> None:
    """Publish to a topic that lets EventBridge publish."""
    with _noting(payload):
        policy = sns.topic_policy_for_arn(arn)
        if policy is None:
            raise Refused(f"{arn} does not exist")
        _check("sns:Publish", arn, policy[0])
        original(arn, payload)


@patch(TARGET, "_dispatch_to_stepfunctions", because=_DELIVERY)
def dispatch_to_stepfunctions(arn: str, payload: str) -> None:
    """Start an execution under the target's role."""
    rule_arn, target = _source.get()
    with _noting(payload):
        try:
            credentials = role_session(target.get("RoleArn", ""), "events", "events.amazonaws.com", rule_arn)
            client("stepfunctions", get_region(), credentials).start_execution(stateMachineArn=arn, input=payload)
        except Exception as error:  # a delivery that fails for any reason goes to the dead-letter queue
            raise Refused(str(error)) from error


_at: contextvars.ContextVar[float | None] = contextvars.ContextVar("switchyard_event_time", default=None)


@patch(TARGET, "_now_ts", because="MiniStack gives each event the time at which it was put.")
def now_ts(original: Original) -> float:
    """Return the time of the event that is put, if it has one of its own, or the present."""
    own = _at.get()
    return float(original()) if own is None else own


def start() -> None:
    """Deliver the events of our own services too."""
    events.set_sink(emit)


def emit(
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    resources: list[str],
    account: str,
    region: str,
    at: float | None = None,
) -> None:
    """Put an event on the default bus as the AWS service `source` does; `PutEvents` itself refuses `aws.*`.

    `at` is its time in Unix seconds, if not now.
    """

    def put() -> None:
        _at.set(at)
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


COMMANDS = {"emit": emit}
