"""POST /respond-to-challenge: check the second factor, and complete the token's session."""

import functools
import re
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, http, settings
from common.observability import begin, count

from . import factors, sessions, tokens

_CODE = re.compile(r"[0-9]{6}")


@dataclass(frozen=True)
class Settings:
    """The function's environment, in addition to that of `tokens.Trust`."""

    session_table: str
    factor_table: str
    session_table_item_ttl: int
    maximum_attempts: int = 5
    factors: list[str] = field(default_factory=lambda: list(factors.FACTORS))


def wrong() -> http.HttpError:
    """Return the error for every wrong answer. It does not reveal which check failed."""
    return http.HttpError(401, "The answer is not right, or came too late.", "challenge_failed")


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


@dataclass(frozen=True)
class Answer:
    """A caller's answer: the requested method, the code, and the id of the request."""

    method: str
    code: str = field(repr=False)
    request: str

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Answer":
        """Return the answer in a request. Raise HttpError 400 if it is malformed."""
        body = http.json_body(event)
        method, code = body.get("challengeType"), body.get("code")
        if not isinstance(method, str) or not isinstance(code, str):
            method = code = ""
        if method not in factors.METHODS or not _CODE.fullmatch(code):
            raise http.HttpError(400, "challengeType and a code of six digits are needed.", "bad_request")
        return cls(method, code, event["requestContext"]["requestId"])


def respond(
    token: tokens.Token,
    answer: Answer,
    shown: sessions.Sessions,
    guard: factors.Guard,
    cognito: factors.Cognito,
    conf: Settings,
) -> int:
    """Complete the session. Return when it ends, in epoch seconds. Raise HttpError, with the session unchanged."""
    from botocore.exceptions import BotoCoreError, ClientError

    challenge = max(shown.challenges(token.jti), key=lambda item: float(item["challengedAt"]["N"]), default=None)
    # Only the requested method is accepted: the caller can choose neither a weaker one nor MAYBE_….
    if not challenge or challenge["challenge"]["S"] != answer.method:
        raise wrong()
    if guard.changed_since(token):
        raise factors.changed()
    if not guard.try_once(token):
        raise http.HttpError(429, "Too many wrong answers: try again later.", "too_many_attempts")
    try:
        right = _check(token, answer, guard, cognito, conf.factors)
    except (BotoCoreError, ClientError) as error:
        if aws_errors.name(error) not in factors.LIMITED:
            guard.forgive(token)  # whether it was right is unknown
        raise
    if not right:
        raise wrong()
    guard.forgive(token)
    if not guard.use_up(token, answer.code, answer.request):
        raise wrong()
    ends = shown.complete(token, challenge, conf.session_table_item_ttl)
    if ends is None:
        raise wrong()
    return ends


def _check(
    token: tokens.Token, answer: Answer, guard: factors.Guard, cognito: factors.Cognito, accepted: list[str]
) -> bool:
    """Return true if the code is right. Raise HttpError if it is that of a factor which the token's bearer brought in.

    A pool can keep the old number or address until the user verifies a new one (`AttributesRequireVerification…`).
    Until then, GetUser shows the old one as verified, and `VerifyUserAttribute` accepts the code that was sent to the
    new one and replaces the old one. So the value is compared before and after.
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UserAttributeUpdateSettingsType.html
    """
    user = cognito.user(token)
    # Check again immediately before: a phone that was changed after the challenge is no longer verified, or another.
    if factors.choose(user, accepted) != answer.method:
        return False
    if answer.method not in factors.CONTACTS:
        return cognito.right(token, answer.method, answer.code)
    if not guard.accepts(token, answer.method, factors.contact(user, answer.method)):
        raise factors.changed()
    if not cognito.right(token, answer.method, answer.code):
        return False
    if not guard.accepts(token, answer.method, factors.contact(cognito.user(token), answer.method)):
        raise factors.changed()
    return True


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 200 if the second factor is right. The body is `{"challengeType": …, "code": "123456"}`."""
    from botocore.exceptions import BotoCoreError, ClientError

    log, conf = begin(context), _conf()
    try:
        token = tokens.verifier().verify(tokens.bearer(event))
        answer = Answer.of(event)
        dynamodb = clients.client("dynamodb")
        shown = sessions.Sessions(dynamodb, conf.session_table)
        guard = factors.Guard(dynamodb, conf.factor_table, conf.maximum_attempts)
        ends = respond(token, answer, shown, guard, factors.cognito(), conf)
    except tokens.TokenRefused as refused:
        log.warning("Token refused", extra={"reason": refused.reason})
        count("TokenRefused", 1)
        return http.refusal(http.HttpError(401, "Sign in again.", "not_signed_in"))
    except http.HttpError as refused:
        log.warning("Step-up refused", extra={"reason": refused.reason})
        count("RefusedAfterFactorChange" if refused.reason == "factor_changed" else "ChallengeFailed", 1)
        return http.refusal(refused)
    except (BotoCoreError, ClientError) as error:
        log.exception("Step-up could not be decided", extra={"reason": aws_errors.name(error)})
        unavailable = "The answer could not be checked: try again."
        return http.refusal(http.HttpError(401, unavailable, "temporarily_unavailable"))
    log.info("Step-up completed")
    return http.answer(200, {"message": "Step-up completed: repeat the operation.", "expiresAt": ends})
