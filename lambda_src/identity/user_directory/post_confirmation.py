"""Post confirmation trigger: add a new user to GROUPS.

The user is already confirmed at this point, and an error would suggest otherwise. So after a failure, the function
invokes itself asynchronously. Lambda retries that invocation and finally keeps it in the dead-letter queue.
"""

import json
from dataclasses import dataclass
from typing import Any

from common import aws_errors, observability, settings

from . import aws
from .shown import trigger

ADDED = "user added to groups"
LATER = "user not added to groups, will be retried"


@dataclass(frozen=True)
class Settings:
    """The environment."""

    groups: list[str]


@trigger
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event. Raise Unavailable if the retry fails too, or cannot be requested.

    Lambda retries the asynchronous call.
    """
    log = observability.begin(context, trigger=event["triggerSource"])
    config = settings.load(Settings)
    if event["triggerSource"] != "PostConfirmation_ConfirmSignUp":  # a reset password
        return event
    again = bool(event.get("switchyard_again"))
    failed: list[Exception] = []
    for group in config.groups:  # a group that no longer exists must not keep the user out of the others
        try:
            aws.client("cognito-idp", 2).admin_add_user_to_group(
                UserPoolId=event["userPoolId"], Username=event["userName"], GroupName=group
            )
        except Exception as error:  # noqa: BLE001 - raised below, or repeated later
            failed.append(error)
    if failed and again:
        raise failed[0]
    if failed:
        log.warning(LATER, extra={"cause": aws_errors.name(failed[0]), "groups": len(failed)})
        later = {name: event[name] for name in ("triggerSource", "userPoolId", "userName")}
        aws.client("lambda").invoke(
            FunctionName=context.function_name,
            InvocationType="Event",
            Payload=json.dumps({**later, "switchyard_again": True}).encode(),
        )
        return event
    log.info(ADDED, extra={"groups": len(config.groups)})
    return event
