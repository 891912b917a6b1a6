"""Cognito's verification of a signed-in user's phone number or e-mail address, which MiniStack lacks.

`GetUserAttributeVerificationCode` sends a code (seen with `Cloud.notifications(<number or address>)`) five times an
hour at most; `VerifyUserAttribute` checks it. Changing a number or address makes it unverified, as on AWS. A pool with
`AttributesRequireVerificationBeforeUpdate` keeps the old value until the new one is verified.
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
    user["_codes_sent"] = [*sent, time.time()]
    _send(user, name, value)
    delivery = {"AttributeName": name, "DeliveryMedium": ATTRIBUTES[name], "Destination": f"+*******{value[-4:]}"}
    return json_response({"CodeDeliveryDetails": delivery})


def _send(user: dict[str, Any], name: str, value: str) -> None:
    code = f"{secrets.randbelow(10**6):06d}"
    user.setdefault("_attribute_codes", {})[name] = (code, value)
    text = f"Your verification code is {code}"
    sns.notifications.append({"topic": value, "subject": "", "message": text, "at": time.time()})


def verify(data: dict[str, Any]) -> Any:
    """VerifyUserAttribute; a code is good once, and only for the value that it was sent to."""
    found = _attribute(data)
    if not isinstance(found[0], dict):
        return found
    user, name, value = found
    code, sent_to = user.get("_attribute_codes", {}).get(name, ("", ""))
    pending = user.get("_pending_attributes", {})
    if not code or sent_to not in (value, pending.get(name)):
        message = "Invalid code provided, please request a code again."
        return error_response_json("ExpiredCodeException", message, 400)
    if data.get("Code") != code:
        message = "Invalid verification code provided, please try again."
        return error_response_json("CodeMismatchException", message, 400)
    del user["_attribute_codes"][name]
    verified = [{"Name": name, "Value": sent_to}, {"Name": f"{name}_verified", "Value": "true"}]
    if pending.get(name) == sent_to:
        del pending[name]
    user["Attributes"] = cognito._merge_attributes(user["Attributes"], verified)
    return json_response({})


def _unverify(data: dict[str, Any]) -> dict[str, Any]:
    """Make changed values unverified, or set them aside until they are verified. Return the request for the rest."""
    user, pool = cognito._user_pool_for_access_token(data.get("AccessToken"))
    if not user:
        return data
    settings = pool.get("UserAttributeUpdateSettings") or {}
    waiting = settings.get("AttributesRequireVerificationBeforeUpdate") or []
    before = cognito._attr_list_to_dict(user["Attributes"])
    after = cognito._attr_list_to_dict(data.get("UserAttributes") or [])
    changed = [name for name in ATTRIBUTES if name in after and after[name] != before.get(name)]
    no_longer = [{"Name": f"{name}_verified", "Value": "false"} for name in changed if name not in waiting]
    user["Attributes"] = cognito._merge_attributes(user["Attributes"], no_longer)
    pending = {name: str(after[name]) for name in changed if name in waiting and after[name]}
    for name, value in pending.items():
        user.setdefault("_pending_attributes", {})[name] = value
        _send(user, name, value)
    return {**data, "UserAttributes": [a for a in data.get("UserAttributes") or [] if a["Name"] not in pending]}


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
    """Write attributes; a changed number or address is no longer verified, or waits for its verification."""
    return original(_unverify(data))


@patch(TARGET, "_apply_mfa_preference", because="MiniStack ignores e-mail as a second factor.")
def apply_mfa_preference(original: Original, user: dict[str, Any], data: dict[str, Any]) -> None:
    """Set the user's factors, e-mail included."""
    original(user, data)
    wanted = data.get("EmailMfaSettings") or {}
    if "Enabled" not in wanted:
        return
    others = [name for name in user["_mfa_enabled"] if name != "EMAIL_OTP"]
    user["_mfa_enabled"] = [*others, "EMAIL_OTP"] if wanted["Enabled"] else others
    if wanted["Enabled"] and wanted.get("PreferredMfa"):
        user["_preferred_mfa"] = "EMAIL_OTP"
    elif user.get("_preferred_mfa") == "EMAIL_OTP":
        user["_preferred_mfa"] = ""
