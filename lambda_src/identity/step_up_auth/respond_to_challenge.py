"""POST /respond-to-challenge: checks the second factor, and completes the token's session."""

import functools
import re
from dataclasses import dataclass
from typing import Any

from common import clients, settings
from common.observability import begin, count

from . import factors, http, sessions, tokens

_CODE = re.compile(r"[0-9]{6}")


@dataclass(frozen=True)
class Settings:
    """The function's environment, beside that of `tokens.Trust`."""

    session_table: str
    factor_table: str
    session_table_item_ttl: int
    maximum_attempts: int = 5


def wrong() -> http.Refused:
    """The one answer to every wrong answer: which of the checks failed is nobody's business."""
    return http.Refused(401, "challenge_failed", "The answer is not right, or came too late.")


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def respond(
    token: tokens.Token,
    method: str,
    code: str,
    request: str,
    tables: sessions.Tables,
    guard: factors.Guard,
    cognito: factors.Cognito,
    seconds: int,
) -> int:
    """When the completed session ends, in epoch seconds. Raises Refused; the session is then as it was."""
    from botocore.exceptions import BotoCoreError, ClientError

    now = tables.clock()
    asked = [item for item in tables.live(token.jti) if "challenge" in item]
    challenge = max(asked, key=lambda item: float(item["challengedAt"]["N"]), default=None)
    # Only what was asked for is taken: the caller cannot choose a weaker method, nor MAYBE_…, which is never asked.
    if not challenge or challenge["challenge"]["S"] != method or int(challenge["challengeEnds"]["N"]) <= now:
        raise wrong()
    if guard.changed_since(token):
        raise http.Refused(403, "factor_changed", "The second factor has changed since this sign-in: sign in again.")
    if not guard.try_once(token):
        raise http.Refused(429, "too_many_attempts", "Too many wrong answers: try again later.")
    try:
        # Asked again, right before: a phone that was changed after the challenge is not verified now.
        right = factors.choose(cognito.user(token)) == method and cognito.right(token, method, code)
    except (BotoCoreError, ClientError) as error:
        if not (isinstance(error, ClientError) and error.response["Error"]["Code"] in factors.LIMITED):
            guard.forgive(token)  # nobody can tell whether it was right
        raise
    if not right:
        raise wrong()
    guard.forgive(token)
    if not guard.use_up(token, code, request):
        raise wrong()
    ends = tables.complete(token, challenge, seconds)
    if ends is None:
        raise wrong()
    return ends


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """200 when the second factor is right; body `{"challengeType": …, "code": "123456"}`."""
    from botocore.exceptions import BotoCoreError, ClientError

    log, conf = begin(context), _conf()
    try:
        token = tokens.verifier().verify(tokens.bearer(event))
        body = http.body_of(event)
        method, code = body.get("challengeType"), body.get("code")
        if method not in factors.METHODS or not isinstance(code, str) or not _CODE.fullmatch(code):
            raise http.Refused(400, "bad_request", "challengeType and a code of six digits are needed.")  # noqa: TRY301
        dynamodb = clients.client("dynamodb")
        tables = sessions.Tables(dynamodb, "", conf.session_table)
        guard = factors.Guard(dynamodb, conf.factor_table, conf.maximum_attempts)
        request = event["requestContext"]["requestId"]
        ends = respond(token, method, code, request, tables, guard, factors.cognito(), conf.session_table_item_ttl)
    except tokens.TokenRefused as refused:
        log.warning("Token refused", extra={"reason": refused.reason})
        count("TokenRefused", 1)
        return http.refusal(http.Refused(401, "not_signed_in", "Sign in again."))
    except http.Refused as refused:
        log.warning("Step-up refused", extra={"reason": refused.reason})
        count("RefusedAfterFactorChange" if refused.reason == "factor_changed" else "ChallengeFailed", 1)
        return http.refusal(refused)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        log.exception("Step-up could not be decided", extra={"reason": code})
        unavailable = "The answer could not be checked: try again."
        return http.refusal(http.Refused(401, "temporarily_unavailable", unavailable))
    log.info("Step-up completed")
    return http.answer(200, {"message": "Step-up completed: repeat the operation.", "expiresAt": ends})
