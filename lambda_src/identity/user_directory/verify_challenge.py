"""Verify auth challenge response trigger: check that an answer is the code, in time, within the limit, and unused."""

import time
from dataclasses import dataclass
from typing import Any

from common import observability, settings

from . import aws, codes
from .ledger import Ledger
from .shown import trigger

ANSWERED = "code answered"


@dataclass(frozen=True)
class Settings:
    """The environment."""

    table: str
    attempts: int = 3


@trigger
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Set answerCorrect. Raise Unavailable if the table does not answer."""
    log = observability.begin(context)
    config = settings.load(Settings)
    request = event["request"]
    sealed = codes.unseal((request.get("privateChallengeParameters") or {}).get("sealed"))
    correct = False
    if sealed is not None:
        right = codes.matches(sealed, request.get("challengeAnswer"), time.time()) and not request.get("userNotFound")
        ledger = Ledger(aws.client("dynamodb"), config.table)
        correct = ledger.settle(sealed.id, right, config.attempts, context.aws_request_id, sealed.expires)
    log.info(ANSWERED, extra={"correct": correct})
    observability.count("CodesAccepted" if correct else "CodesRefused", 1)
    event["response"] = {"answerCorrect": correct}
    return event
