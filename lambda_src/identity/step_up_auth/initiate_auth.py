"""POST /initiate-auth: return which second factor the caller must give, and send the code if it is by message."""

import functools
import re
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, http, settings
from common.observability import begin, count

from . import factors, sessions, tokens

CHALLENGE_SECONDS = 300
_OPERATION = re.compile(r"([A-Z]{1,16} )?/[!-~]{0,1000}")  # short enough to be a key of the setting table


@dataclass(frozen=True)
class Settings:
    """The function's environment, in addition to that of `tokens.Trust`."""

    setting_table: str
    session_table: str
    factor_table: str
    default_step_up_state: str = sessions.NOT_REQUIRED
    factors: list[str] = field(default_factory=lambda: list(factors.FACTORS))


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def group_of(
    token: tokens.Token,
    operation: str | None,
    operations: sessions.Settings,
    shown: sessions.Sessions,
    default_state: str = sessions.NOT_REQUIRED,
) -> str:
    """Return the group to unlock: that of the named operation, else of the latest refused call, else the default.

    Raise HttpError for an operation that a step-up cannot open.
    """
    if operation is None:
        asked = [item for item in shown.live(token.jti) if item["state"]["S"] == sessions.REQUIRED]
        latest = max(asked, key=lambda item: float(item.get("requestedAt", {"N": "0"})["N"]), default=None)
        return str(latest["group"]["S"]) if latest else sessions.DEFAULT_GROUP
    setting = operations.get(operation) or sessions.Setting(default_state)  # as the authorizer decides
    if setting.state == sessions.NOT_REQUIRED:
        raise http.HttpError(409, "This operation needs no step-up.", "not_required")
    if setting.state != sessions.REQUIRED:
        raise http.HttpError(403, "This operation is closed.", "denied")
    return setting.group


def initiate(
    token: tokens.Token,
    group: str,
    shown: sessions.Sessions,
    guard: factors.Guard,
    cognito: factors.Cognito,
    accepted: list[str],
) -> str:
    """Return the requested method and record it in the group's session. Raise HttpError, or boto's ClientError."""
    from botocore.exceptions import ClientError

    if guard.changed_since(token):
        raise factors.changed()
    try:
        user = cognito.user(token)
        method = factors.choose(user, accepted)
        if method in factors.CONTACTS:
            if not guard.accepts(token, method, factors.contact(user, method)):
                raise factors.changed()
            cognito.send(token, method)
    except ClientError as error:
        code = aws_errors.name(error)
        if code in factors.LIMITED:
            raise http.HttpError(429, "Too many codes were requested: try again later.", "too_many_requests") from error
        if code in factors.REJECTED:
            raise http.HttpError(401, "This sign-in has ended: sign in again.", "not_signed_in") from error
        raise
    if method != factors.MAYBE_SOFTWARE_TOKEN:  # without a factor, there is no challenge to answer
        shown.challenge(token, group, method, CHALLENGE_SECONDS)
    return method


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 200 with `challengeType`. The optional body is `{"operation": "POST /transfer"}`."""
    log, conf = begin(context), _conf()
    try:
        # API Gateway's Cognito authorizer has checked the pool and the scope, but not the client: verify in full here.
        token = tokens.verifier().verify(tokens.bearer(event))
        operation = http.json_body(event).get("operation")
        if operation is not None and not (isinstance(operation, str) and _OPERATION.fullmatch(operation)):
            message = 'operation must be a method and a path, such as "POST /transfer".'
            raise http.HttpError(400, message, "bad_request")  # noqa: TRY301
        dynamodb = clients.client("dynamodb")
        operations = sessions.Settings(dynamodb, conf.setting_table)
        shown = sessions.Sessions(dynamodb, conf.session_table)
        guard = factors.Guard(dynamodb, conf.factor_table)
        group = group_of(token, operation, operations, shown, conf.default_step_up_state)
        method = initiate(token, group, shown, guard, factors.cognito(), conf.factors)
    except tokens.TokenRefused as refused:
        log.warning("Token refused", extra={"reason": refused.reason})
        count("TokenRefused", 1)
        return http.refusal(http.HttpError(401, "Sign in again.", "not_signed_in"))
    except http.HttpError as refused:
        log.warning("Challenge refused", extra={"reason": refused.reason})
        if refused.reason == "factor_changed":
            count("RefusedAfterFactorChange", 1)
        return http.refusal(refused)
    log.info("Challenge given", extra={"challengeType": method})
    enrolment = {"enrolmentRequired": True} if method == factors.MAYBE_SOFTWARE_TOKEN else {}
    return http.answer(200, {"challengeType": method, **enrolment})
