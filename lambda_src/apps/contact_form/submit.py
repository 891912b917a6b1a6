"""Answer a submission: check it, run the workflow, and answer with what came of it.

StartSyncExecution succeeds (200) even if the execution failed. A visitor gets a ticket ID only if the execution
succeeded and returned one; every other outcome is an error status, without ARNs, causes or the visitor's input.
"""

import functools
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, http, observability, settings

from . import forms
from .errors import RequestConflict

TRY_AGAIN = "Your message was not stored. Send it again in a moment."
ANSWERED = "request answered"
_TICKET_ID = re.compile(r"[a-z0-9]{6,32}")


@dataclass(frozen=True)
class Settings:
    """The environment. CLIENT_IDS: app clients of the user pool whose tokens are accepted; [] if none are needed."""

    state_machine_arn: str
    maximum_characters: int
    client_ids: list[str] = field(default_factory=list)


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer POST /tickets. The log has outcomes, and nothing that the visitor wrote."""
    log = observability.begin(context)
    try:
        answer = http.answer(200, respond(event, _conf(), clients.client("stepfunctions", attempts=4)))
    except forms.Invalid as refused:
        answer = http.answer(400, {"message": str(refused), "reason": "invalid", "errors": refused.errors})
    except forms.Trapped:
        observability.count("HoneypotHits", 1)
        answer = http.refusal(http.HttpError(400, "This form was filled in by a program.", "refused"))
    except http.HttpError as refused:
        answer = http.refusal(refused)
        if refused.status == 503:
            answer["headers"]["Retry-After"] = "5"
    log.info(ANSWERED, extra={"status": answer["statusCode"]})
    return answer


def respond(event: Mapping[str, Any], conf: Settings, workflow: Any) -> dict[str, Any]:
    """Return {"ticketId", "sentiment", "language"}. Raise Invalid, Trapped or HttpError."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    _check_client(event, conf)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        # A page of another site can send text/plain or a form without asking; not application/json.
        raise http.HttpError(415, "Send the form as application/json.", "media_type")
    submission = forms.parse(http.json_body(event), conf.maximum_characters)
    request_id = forms.request_id(headers.get("idempotency-key"), uuid.uuid4().hex)
    arguments = {
        "requestId": request_id,
        "digest": submission.digest,
        "message": submission.message,
        "name": submission.name,
        "email": submission.email,
        "sample": submission.sample,
    }
    try:
        record = workflow.start_sync_execution(
            stateMachineArn=conf.state_machine_arn, name=request_id, input=json.dumps(arguments)
        )
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None:
            raise
        observability.logger().error("workflow not started", extra={"code": failure.code})
        if failure.transient:
            raise http.HttpError(503, TRY_AGAIN, "unavailable") from None
        raise http.HttpError(500, TRY_AGAIN, "not_started") from None
    return ticket_of(record)


def ticket_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ticket in the answer of StartSyncExecution. Raise HttpError for every execution without one."""
    status = record.get("status")
    if status != "SUCCEEDED":
        if record.get("error") == RequestConflict.__name__:
            raise http.HttpError(422, "This Idempotency-Key belongs to another message.", "key_reused")
        # Not the cause: it can contain the input.
        observability.logger().error("workflow failed", extra={"outcome": status, "code": record.get("error")})
        raise http.HttpError(504 if status == "TIMED_OUT" else 502, TRY_AGAIN, "failed")
    try:
        output = json.loads(record["output"])
        ticket = {name: output[name] for name in ("ticketId", "sentiment", "language")}
        stored = all(isinstance(value, str) for value in ticket.values()) and _TICKET_ID.fullmatch(ticket["ticketId"])
    except (KeyError, TypeError, ValueError):
        stored = None
    if not stored:
        observability.logger().error("workflow returned no ticket")
        raise http.HttpError(502, TRY_AGAIN, "failed")
    return ticket


def _check_client(event: Mapping[str, Any], conf: Settings) -> None:
    """Refuse tokens of other app clients: API Gateway checks the user pool, but not the client."""
    if not conf.client_ids:
        return
    claims = ((event.get("requestContext") or {}).get("authorizer") or {}).get("claims") or {}
    if claims.get("client_id") not in conf.client_ids:
        raise http.HttpError(403, "Tokens of this app client are not accepted.", "client")
