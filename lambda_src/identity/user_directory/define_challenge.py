"""Define auth challenge trigger: which step of a custom sign-in comes next.

First the password where PASSWORD_FIRST says so, then a one-time code; after ATTEMPTS wrong answers, or when the
code has expired, the sign-in fails. A user that does not exist goes the same way and never gets tokens.
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
    """Sets challengeName, issueTokens or failAuthentication. Raises Unavailable."""
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
    """The step after `rounds` ({challengeName, challengeResult, challengeMetadata}, oldest first).

    Fails closed: tokens come only of a right code as the last of rounds that are all in their place.
    """
    steps: list[Step] = ["SRP_A", "PASSWORD_VERIFIER"] if config.password_first else []
    if config.password_first and not rounds:
        return "fail"  # the client began without a password; Cognito puts SRP_A first when it gives one
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
