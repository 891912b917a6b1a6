"""Create auth challenge trigger: sends a one-time code, or keeps the one that was sent.

Whoever asks learns nothing about the user: one that does not exist, has no verified address or has had its
codes for this hour gets the same answer, after the same time, and a challenge that no answer passes.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common import aws_errors, observability, settings

from . import aws, codes
from .ledger import Ledger
from .shown import Shown, trigger

CODE_SENT = "code sent"
NOT_SENT = "no code sent"
DELIVERY_FAILED = "code could not be sent"


class UnknownChallenge(Shown):
    """Cognito asks for a challenge that this pool does not have."""


@dataclass(frozen=True)
class Settings:
    """The environment; MESSAGE holds {code} and {minutes}. Codes go to TOPIC_ARN, else by e-mail from SENDER."""

    table: str
    sender: str | None = None
    identity_arn: str | None = None
    configuration_set: str | None = None
    topic_arn: str | None = None
    subject: str = "Your sign-in code"
    message: str = "Your sign-in code is {code}. It is valid for {minutes} minutes."
    code_length: int = 8
    lifetime_seconds: int = 180
    codes_per_hour: int = 5
    answer_after_seconds: float = 1.5

    def __post_init__(self) -> None:
        if not self.topic_arn and not (self.sender and self.identity_arn):
            raise ValueError("SENDER and IDENTITY_ARN, or TOPIC_ARN, must be set")


@trigger
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fills publicChallengeParameters {medium, length}, privateChallengeParameters {sealed} and challengeMetadata.

    Raises UnknownChallenge, and Unavailable when the table does not answer.
    """
    began = time.monotonic()
    log = observability.begin(context)
    config = settings.load(Settings)
    request = event["request"]
    if request.get("challengeName") != "CUSTOM_CHALLENGE":
        raise UnknownChallenge("This sign-in has no such challenge.")
    sealed = kept(request)
    if sealed is None:
        sealed, outcome = begin(event, config, aws.client, time.time())
        (log.info if outcome == CODE_SENT else log.warning)(outcome)
        observability.count({CODE_SENT: "CodesSent", DELIVERY_FAILED: "CodeDeliveryFailed"}.get(outcome, "NoCode"), 1)
        # A mail takes longer to hand over than none does: the same time for all hides which it was.
        time.sleep(max(0.0, config.answer_after_seconds - (time.monotonic() - began)))
    event["response"] = {
        "publicChallengeParameters": {
            "medium": "TOPIC" if config.topic_arn else "EMAIL",
            "length": str(config.code_length),
        },
        "privateChallengeParameters": {"sealed": str(sealed)},
        "challengeMetadata": str(sealed),
    }
    return event


def kept(request: Mapping[str, Any]) -> codes.Sealed | None:
    """The code of this sign-in, when its first round has made one: a wrong answer gets no new code."""
    rounds = [r for r in request.get("session") or [] if r.get("challengeName") == "CUSTOM_CHALLENGE"]
    return codes.unseal(rounds[-1].get("challengeMetadata")) if rounds else None


def begin(
    event: Mapping[str, Any], config: Settings, client: Callable[[str], Any], now: float
) -> tuple[codes.Sealed, str]:
    """A new challenge and what became of its code: CODE_SENT, NOT_SENT or DELIVERY_FAILED."""
    code = codes.new_code(config.code_length)
    sealed = codes.seal(code, int(now) + config.lifetime_seconds)
    ledger = Ledger(client("dynamodb"), config.table)
    allowed = ledger.may_send(event["userPoolId"], event["userName"], config.codes_per_hour, now)
    attributes = event["request"].get("userAttributes") or {}
    reachable = attributes.get("email") and str(attributes.get("email_verified", "")).lower() == "true"
    if event["request"].get("userNotFound") or not allowed or not reachable:
        return codes.seal(codes.new_code(18), sealed.expires), NOT_SENT
    try:
        send(attributes["email"], code, config, client)
    except Exception as error:  # noqa: BLE001 - an outage must not tell users that exist from others; an alarm tells
        observability.logger().error(DELIVERY_FAILED, extra={"cause": aws_errors.name(error)})
        return sealed, DELIVERY_FAILED
    return sealed, CODE_SENT


def send(address: str, code: str, config: Settings, client: Callable[[str], Any]) -> None:
    """Hands a code over to the topic or to SES; AWS's errors pass."""
    minutes = -(-config.lifetime_seconds // 60)
    if config.topic_arn:
        message = {"email": address, "code": code, "minutes": minutes}
        client("sns").publish(TopicArn=config.topic_arn, Message=json.dumps(message))
        return
    text = config.message.replace("{code}", code).replace("{minutes}", str(minutes))
    options = {"ConfigurationSetName": config.configuration_set} if config.configuration_set else {}
    client("sesv2").send_email(
        FromEmailAddress=config.sender,
        FromEmailAddressIdentityArn=config.identity_arn,
        Destination={"ToAddresses": [address]},
        Content={"Simple": {"Subject": {"Data": config.subject}, "Body": {"Text": {"Data": text}}}},
        **options,
    )
