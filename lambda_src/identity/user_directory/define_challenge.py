"""Define auth challenge trigger: decide the next step of a custom sign-in.

With PASSWORD_FIRST, the password comes first. Then comes a one-time code. After ATTEMPTS wrong answers, or when the
code has expired, the sign-in fails. A user who does not exist passes through the same steps and never gets tokens.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from common import observability, settings

from . import codes
from .shown import trigger

Step = Literal["SRP_A", "PASSWORD_VERIFIER", "CUSTOM_CHALLENGE", "issue", "fail"]


@dataclass(frozen=True)
class Settings:
    """The environment."""

    attempts: int = 3
    password_first: bool = False


@trigger
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Set challengeName, issueTokens or failAuthentication. Raise Unavailable on failure."""
    config = settings.load(Settings)
    request = event["request"]
    step = decide(request.get("session") or [], bool(request.get("userNotFound")), config, time.time())
    observability.begin(context).info("sign-in step", extra={"step": step})
    challenge = step if step not in ("issue", "fail") else None
    event["response"] = {"issueTokens": step == "issue", "failAuthentication": step == "fail"}
    if challenge:
        event["response"]["challengeName"] = challenge
    return event


def decide(rounds: Sequence[Mapping[str, Any]], user_not_found: bool, config: Settings, now: float) -> Step:
    """Return the step after `rounds` ({challengeName, challengeResult, challengeMetadata}, oldest first).

    The decision fails closed: tokens are issued only for a right code in the last round, after the right earlier ones.
    """
    steps: list[Step] = ["SRP_A", "PASSWORD_VERIFIER"] if config.password_first else []
    if config.password_first and not rounds:
        return "fail"  # the client began without a password; otherwise Cognito adds SRP_A as the first round
    for place, step in enumerate(steps):
        if place == len(rounds):
            return step
        if rounds[place].get("challengeName") != step or rounds[place].get("challengeResult") is not True:
            return "fail"
    answers = rounds[len(steps) :]
    if any(answer.get("challengeName") != "CUSTOM_CHALLENGE" for answer in answers):
        return "fail"
    if any(answer.get("challengeResult") is True for answer in answers[:-1]) or len(answers) > config.attempts:
        return "fail"
    if answers and answers[-1].get("challengeResult") is True:
        return "fail" if user_not_found else "issue"
    if len(answers) == config.attempts:
        return "fail"
    if answers:
        sealed = codes.unseal(answers[-1].get("challengeMetadata"))
        if sealed is None or now >= sealed.expires:
            return "fail"
    return "CUSTOM_CHALLENGE"
