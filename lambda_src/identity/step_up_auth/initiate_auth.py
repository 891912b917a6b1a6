"""POST /initiate-auth: return which second factor the caller must give, and send the code if it is by SMS."""

import functools
from dataclasses import dataclass
from typing import Any

from common import aws_errors, clients, http, settings
from common.observability import begin, count

from . import factors, sessions, tokens

CHALLENGE_SECONDS = 300


@dataclass(frozen=True)
class Settings:
    """The function's environment, in addition to that of `tokens.Trust`."""

    setting_table: str
    session_table: str
    factor_table: str


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def group_of(
    token: tokens.Token, operation: str | None, operations: sessions.Settings, shown: sessions.Sessions
) -> str:
    """Return the group to unlock: that of the named operation, else of the latest refused call, else the default.

    Raise HttpError for an operation that a step-up cannot open.
    """
    if operation is None:
        asked = [item for item in shown.live(token.jti) if item["state"]["S"] == sessions.REQUIRED]
        latest = max(asked, key=lambda item: int(item.get("requestedAt", {"N": "0"})["N"]), default=None)
        return str(latest["group"]["S"]) if latest else sessions.DEFAULT_GROUP
    setting = operations.get(operation)
    if setting is not None and setting.state == sessions.DENY:
        raise http.HttpError(403, "This operation is closed.", "denied")
    if setting is None or setting.state != sessions.REQUIRED:
        raise http.HttpError(409, "This operation needs no step-up.", "not_required")
    return setting.group


def initiate(
    token: tokens.Token,
    operation: str | None,
    operations: sessions.Settings,
    shown: sessions.Sessions,
    guard: factors.Guard,
    cognito: factors.Cognito,
) -> str:
    """Return the requested method and record it in the session. Raise HttpError, or boto's ClientError."""
    from botocore.exceptions import ClientError

    group = group_of(token, operation, operations, shown)
    if guard.changed_since(token):
        raise http.HttpError(403, "The second factor has changed since this sign-in: sign in again.", "factor_changed")
    try:
        method = factors.choose(cognito.user(token))
        if method == factors.SMS:
            cognito.send(token)
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
    """Return 200 with `challengeType`. The optional body is `{"operation": "/transfer"}`."""
    log, conf = begin(context), _conf()
    try:
        # API Gateway's Cognito authorizer has checked the pool and the scope, but not the client: verify in full here.
        token = tokens.verifier().verify(tokens.bearer(event))
        operation = http.json_body(event).get("operation")
        if operation is not None and not (isinstance(operation, str) and 0 < len(operation) <= 1024):
            raise http.HttpError(400, "operation must be the path of an operation.", "bad_request")  # noqa: TRY301
        dynamodb = clients.client("dynamodb")
        operations = sessions.Settings(dynamodb, conf.setting_table)
        shown = sessions.Sessions(dynamodb, conf.session_table)
        guard = factors.Guard(dynamodb, conf.factor_table)
        method = initiate(token, operation, operations, shown, guard, factors.cognito())
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
