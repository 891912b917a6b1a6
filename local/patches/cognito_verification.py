"""Cognito's verification of a signed-in user's phone number or e-mail address, which MiniStack lacks.

`GetUserAttributeVerificationCode` sends a code (seen with `Cloud.notifications(<number or address>)`) five times an
hour at most; `VerifyUserAttribute` checks it. Changing a number or address makes it unverified, as on AWS.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import error_response_json, json_response
from ministack.services import cognito

from local.patches import sns
from local.patches.cognito_triggers import TARGET
from local.patches.registry import Original, patch

CODES_PER_HOUR = 5
ATTRIBUTES = {"phone_number": "SMS", "email": "EMAIL"}


def _attribute(data: dict[str, Any]) -> tuple[dict[str, Any], str, str] | Any:
    """(user, attribute name, its value), or the error response."""
    user, _ = cognito._user_pool_for_access_token(data.get("AccessToken"))
    if not user:
        return error_response_json("NotAuthorizedException", "Invalid Access Token", 400)
    name = str(data.get("AttributeName"))
    if name not in ATTRIBUTES:
        return error_response_json("InvalidParameterException", f"Attribute {name} can not be verified.", 400)
    value = cognito._attr_list_to_dict(user["Attributes"]).get(name)
    if not value:
        return error_response_json("InvalidParameterException", f"User has no attribute {name}.", 400)
    return user, name, str(value)


def send_code(data: dict[str, Any]) -> Any:
    """GetUserAttributeVerificationCode."""
    found = _attribute(data)
    if not isinstance(found[0], dict):
        return found
    user, name, value = found
    sent = [at for at in user.get("_codes_sent", []) if at > time.time() - 3600]
    if len(sent) >= CODES_PER_HOUR:
        message = "Attempt limit exceeded, please try after some time."
        return error_response_json("LimitExceededException", message, 400)
    code = f"{secrets.randbelow(10**6):06d}"
    user["_codes_sent"] = [*sent, time.time()]
    user.setdefault("_attribute_codes", {})[name] = (code, value)
    text = f"Your verification code is {code}"
    sns.notifications.append({"topic": value, "subject": "", "message": text, "at": time.time()})
    delivery = {"AttributeName": name, "DeliveryMedium": ATTRIBUTES[name], "Destination": f"+*******{value[-4:]}"}
    return json_response({"CodeDeliveryDetails": delivery})


def verify(data: dict[str, Any]) -> Any:
    """VerifyUserAttribute; a code is good once, and only for the value that it was sent to."""
    found = _attribute(data)
    if not isinstance(found[0], dict):
        return found
    user, name, value = found
    code, sent_to = user.get("_attribute_codes", {}).get(name, ("", ""))
    if not code or sent_to != value:
        message = "Invalid code provided, please request a code again."
        return error_response_json("ExpiredCodeException", message, 400)
    if data.get("Code") != code:
        message = "Invalid verification code provided, please try again."
        return error_response_json("CodeMismatchException", message, 400)
    del user["_attribute_codes"][name]
    verified = [{"Name": f"{name}_verified", "Value": "true"}]
    user["Attributes"] = cognito._merge_attributes(user["Attributes"], verified)
    return json_response({})


def _unverify(data: dict[str, Any]) -> None:
    """A changed number or address is not verified."""
    user, _ = cognito._user_pool_for_access_token(data.get("AccessToken"))
    if not user:
        return
    before = cognito._attr_list_to_dict(user["Attributes"])
    after = cognito._attr_list_to_dict(data.get("UserAttributes") or [])
    changed = [name for name in ATTRIBUTES if name in after and after[name] != before.get(name)]
    no_longer = [{"Name": f"{name}_verified", "Value": "false"} for name in changed]
    user["Attributes"] = cognito._merge_attributes(user["Attributes"], no_longer)


OPERATIONS = {"GetUserAttributeVerificationCode": send_code, "VerifyUserAttribute": verify}


@patch(TARGET, "_UNSIGNED_IDP_ACTIONS", because="MiniStack lacks the two operations.")
def unsigned_idp_actions(actions: set[str]) -> set[str]:
    """Add them: an access token authorizes them."""
    actions.update(OPERATIONS)
    return actions


@patch(TARGET, "_dispatch_idp", because="MiniStack lacks the two operations.")
async def dispatch_idp(original: Original, action: str, data: dict[str, Any]) -> Any:
    """Answer them."""
    if action in OPERATIONS:
        return await run_reentrant(cognito._run_idp_handler, OPERATIONS[action], action, data)
    return await original(action, data)


@patch(TARGET, "_update_user_attributes", because="MiniStack leaves a changed number or address verified.")
def update_user_attributes(original: Original, data: dict[str, Any]) -> Any:
    """Write attributes; a changed number or address is no longer verified."""
    _unverify(data)
    return original(data)
