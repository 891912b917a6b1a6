"""Create auth challenge trigger: send a one-time code, or keep the one that was sent.

The caller learns nothing about the user. A user who does not exist, has no verified address or has used up the codes
of this hour gets the same response after the same time, and a challenge that no answer passes.
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
    """Cognito requested a challenge that this pool does not have."""


@dataclass(frozen=True)
class Settings:
    """The environment. MESSAGE contains {code} and {minutes}. Codes go to TOPIC_ARN, else by email from SENDER."""

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
    """Set publicChallengeParameters {medium, length}, privateChallengeParameters {sealed} and challengeMetadata.

    Raise UnknownChallenge, or Unavailable if the table does not answer.
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
        # Sending an email takes time. The same time for all answers hides whether one was sent.
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
    """Return the code that the first round of this sign-in created, if any: a wrong answer gets no new code."""
    rounds = [r for r in request.get("session") or [] if r.get("challengeName") == "CUSTOM_CHALLENGE"]
    return codes.unseal(rounds[-1].get("challengeMetadata")) if rounds else None


def begin(
    event: Mapping[str, Any], config: Settings, client: Callable[[str], Any], now: float
) -> tuple[codes.Sealed, str]:
    """Create a challenge. Return it with the outcome of its code: CODE_SENT, NOT_SENT or DELIVERY_FAILED."""
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
    except Exception as error:  # noqa: BLE001 - an outage must not reveal which users exist; an alarm reports it
        observability.logger().error(DELIVERY_FAILED, extra={"cause": aws_errors.name(error)})
        return sealed, DELIVERY_FAILED
    return sealed, CODE_SENT


def send(address: str, code: str, config: Settings, client: Callable[[str], Any]) -> None:
    """Send a code to the topic or with SES. AWS's errors propagate."""
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
