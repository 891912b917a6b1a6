"""Post confirmation trigger: puts a new user into GROUPS.

The user is confirmed by then, and an error would only tell them otherwise: what fails here is handed to an
asynchronous call of the same function, which Lambda repeats and at last keeps in the dead-letter queue.
"""

import json
from dataclasses import dataclass
from typing import Any

from common import aws_errors, observability, settings

from . import aws
from .shown import trigger

ADDED = "user added to groups"
LATER = "groups not reachable, to be tried again"


@dataclass(frozen=True)
class Settings:
    """The environment."""

    groups: list[str]


@trigger
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Gives the event back. Raises Unavailable when nothing helps, which Lambda repeats
    when it was the asynchronous call.
    """
    log = observability.begin(context, trigger=event["triggerSource"])
    config = settings.load(Settings)
    if event["triggerSource"] != "PostConfirmation_ConfirmSignUp":  # a reset password
        return event
    again = bool(event.get("switchyard_again"))
    try:
        for group in config.groups:
            aws.client("cognito-idp", 2).admin_add_user_to_group(
                UserPoolId=event["userPoolId"], Username=event["userName"], GroupName=group
            )
    except Exception as error:
        if again:
            raise
        log.warning(LATER, extra={"cause": aws_errors.name(error)})
        later = {name: event[name] for name in ("triggerSource", "userPoolId", "userName")}
        aws.client("lambda").invoke(
            FunctionName=context.function_name,
            InvocationType="Event",
            Payload=json.dumps({**later, "switchyard_again": True}).encode(),
        )
        return event
    log.info(ADDED, extra={"groups": len(config.groups)})
    return event
