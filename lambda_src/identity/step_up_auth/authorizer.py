"""API Gateway REQUEST authorizer: decide whether a token may call an operation at this time.

A decision takes two table reads at most; a refusal writes that it happened. A warm function makes no network call for
keys, and caches nothing but keys. Each decision applies to one method of one request, so the policy names only that
method.
"""

import functools
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, settings
from common.observability import begin, count, logger

from . import sessions, tokens
from .sessions import StepUp


class Unauthorized(Exception):
    """API Gateway returns 401 when an authorizer fails with exactly this message."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


@dataclass(frozen=True)
class Settings:
    """The function's environment, in addition to that of `tokens.Trust`."""

    setting_table: str
    session_table: str
    session_table_item_ttl: int
    default_step_up_state: str = sessions.NOT_REQUIRED
    acr_values: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.default_step_up_state not in sessions.SETTING_STATES:
            raise ValueError(f"DEFAULT_STEP_UP_STATE must be one of {', '.join(sorted(sessions.SETTING_STATES))}")


def decide(
    token: tokens.Token, operation: str, operations: sessions.Settings, shown: sessions.Sessions, conf: Settings
) -> str:
    """Return the state that applies to this token and operation ("POST /transfer"): one of the four states.

    The setting is checked first, so that a completed session does not open a denied operation, and a pending session
    does not close an open one. An unknown state denies.
    """
    setting = operations.get(operation) or sessions.Setting(conf.default_step_up_state)
    if setting.state == sessions.NOT_REQUIRED:
        return sessions.NOT_REQUIRED
    if setting.state != sessions.REQUIRED:
        return sessions.DENY
    if token.acr in conf.acr_values and shown.clock() < token.auth_time + conf.session_table_item_ttl:
        return sessions.COMPLETED  # the issuer itself has just requested a second factor (RFC 9470)
    if shown.step_up(token.jti, setting.group) is StepUp.COMPLETED:
        return sessions.COMPLETED
    _note(token, setting.group, shown)
    return sessions.REQUIRED


def _note(token: tokens.Token, group: str, shown: sessions.Sessions) -> None:
    """Record a refused call. The call is refused in any case, so a failed record is logged only."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        shown.require(token, group)
    except (BotoCoreError, ClientError) as error:
        logger().warning("The refusal was not recorded", extra={"reason": aws_errors.name(error)})
        count("RefusalNotRecorded", 1)


def policy(token: tokens.Token, arn: str, state: str) -> dict[str, Any]:
    """Return the policy for one method ARN. The back end reads `context` in requestContext.authorizer."""
    effect = "Deny" if state == sessions.DENY else "Allow"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
    return {
        "principalId": token.sub,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"sub": token.sub, "clientId": token.client_id, "scope": token.scope, "stepUpState": state},
    }


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Allow or deny the method of `event`. Raise Unauthorized for a 401. Any other error is a 500, which denies too."""
    # …:api-id/stage/METHOD/path: the method as API Gateway routed it, which no header of the caller changes.
    conf, operation = _conf(), f"{event['methodArn'].split('/')[2]} {event['resource']}"
    try:
        token = tokens.verifier().verify(tokens.bearer(event))
    except tokens.TokenRefused as refused:
        begin(context, operation=operation).warning("Token refused", extra={"reason": refused.reason})
        count("TokenRefused", 1)
        raise Unauthorized from None
    dynamodb = clients.client("dynamodb")
    operations = sessions.Settings(dynamodb, conf.setting_table)
    state = decide(token, operation, operations, sessions.Sessions(dynamodb, conf.session_table), conf)
    if state == sessions.REQUIRED:
        begin(context, operation=operation).info("Step-up required")
        raise Unauthorized
    if state == sessions.DENY:
        begin(context, operation=operation).warning("Denied by setting")
    return policy(token, event["methodArn"], state)
