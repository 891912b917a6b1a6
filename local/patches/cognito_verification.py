"""Cognito's verification of a signed-in user's phone number or e-mail address, which MiniStack lacks.

`GetUserAttributeVerificationCode` sends a code (seen with `Cloud.notifications(<number or address>)`) five times an
hour at most; `VerifyUserAttribute` checks it. Changing a number or address makes it unverified, as on AWS.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from local.patches import sns

CODES_PER_HOUR = 5
ATTRIBUTES = {"phone_number": "SMS", "email": "EMAIL"}


def _attribute(data: dict[str, Any]) -> tuple[dict[str, Any], str, str] | Any:
    """(user, attribute name, its value), or the error response."""
    from ministack.core.responses import error_response_json
    from ministack.services import cognito

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
    from ministack.core.responses import error_response_json, json_response

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
    from ministack.core.responses import error_response_json, json_response
    from ministack.services import cognito

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
    from ministack.services import cognito

    user, _ = cognito._user_pool_for_access_token(data.get("AccessToken"))
    if not user:
        return
    before = cognito._attr_list_to_dict(user["Attributes"])
    after = cognito._attr_list_to_dict(data.get("UserAttributes") or [])
    changed = [name for name in ATTRIBUTES if name in after and after[name] != before.get(name)]
    no_longer = [{"Name": f"{name}_verified", "Value": "false"} for name in changed]
    user["Attributes"] = cognito._merge_attributes(user["Attributes"], no_longer)


def install() -> None:
    """Add the two operations; correct UpdateUserAttributes."""
    from ministack.core.concurrency import run_reentrant
    from ministack.services import cognito

    operations = {"GetUserAttributeVerificationCode": send_code, "VerifyUserAttribute": verify}
    cognito._UNSIGNED_IDP_ACTIONS.update(operations)
    dispatch, update = cognito._dispatch_idp, cognito._update_user_attributes

    async def dispatch_idp(action: str, data: dict[str, Any]) -> Any:
        if action in operations:
            return await run_reentrant(cognito._run_idp_handler, operations[action], action, data)
        return await dispatch(action, data)

    def update_user_attributes(data: dict[str, Any]) -> Any:
        _unverify(data)
        return update(data)

    cognito._dispatch_idp, cognito._update_user_attributes = dispatch_idp, update_user_attributes
