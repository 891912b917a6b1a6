"""Triggers of Cognito user pools, where MiniStack is more lenient than AWS, or never runs them.

A trigger runs only when the function's policy lets `cognito-idp.amazonaws.com` call it for this pool, and its failure
reaches the client as AWS words it. Triggers that MiniStack never runs do: pre sign-up for users that an administrator
makes, post confirmation, post authentication.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import json
import logging
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import cognito, lambda_svc

from local.patches.registry import Original, patch
from local.permissions import service_may
from local.settings import patience

logger = logging.getLogger("switchyard.cognito")

TARGET = "ministack.services.cognito"
TRIGGER_SECONDS, TRIGGER_TRIES = 5.0, 3  # neither can be changed


class Refused(Exception):
    """An operation that AWS would refuse, with its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def call_trigger(pool_id: str, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """The `response` of the pool's trigger `name` (as in LambdaConfig), {} without one. Raises Refused."""
    pool = cognito._user_pools.get(pool_id) or {}
    arn = (pool.get("LambdaConfig") or {}).get(name)
    if not arn:
        return {}
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        raise Refused("UnexpectedLambdaException", f"{name} invocation failed due to error ResourceNotFoundException.")
    reason = service_may(
        "cognito-idp.amazonaws.com",
        "lambda:InvokeFunction",
        arn,
        function.get("policy"),
        pool["Arn"],
        get_account_id(),
        get_region(),
    )
    if reason:
        logger.warning("trigger %s: %s", name, reason)
        raise Refused("UnexpectedLambdaException", f"{name} invocation failed due to error AccessDeniedException.")
    record = lambda_svc._execution_record_for_config(function, config)
    result = _in_time(name, lambda: lambda_svc._execute_function_with_config_scope(record, event))
    body = result.get("body")
    if isinstance(body, (str, bytes)):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    if result.get("error"):
        message = str((body or {}).get("errorMessage", "")) if isinstance(body, dict) else ""
        raise Refused("UserLambdaValidationException", f"{name} failed with error {message}.")
    if not isinstance(body, dict) or not isinstance(body.get("response"), dict):
        raise Refused("InvalidLambdaResponseException", "Unrecognizable lambda output")
    return dict(body["response"])


def _in_time(name: str, call: Callable[[], Any]) -> Any:
    """A trigger has 5 seconds to answer and is tried three times when it does not. Raises Refused.

    On a machine that is busy otherwise they are more: the function would not wait for a core on AWS.
    """
    result: Any = None
    for _ in range(TRIGGER_TRIES):
        worker = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        run = worker.submit(contextvars.copy_context().run, call)
        worker.shutdown(wait=False)
        with contextlib.suppress(concurrent.futures.TimeoutError):
            result = run.result(timeout=TRIGGER_SECONDS * patience())
            if "Task timed out" not in str((result or {}).get("body")):
                return result
    if result:
        return result
    raise Refused("UnexpectedLambdaException", f"{name} invocation failed due to error Lambda timed out.")


def event_of(
    pool_id: str, client_id: str, user: dict[str, Any], source: str, request: dict[str, Any]
) -> dict[str, Any]:
    """Return the event of a trigger; `request` holds what its request has besides the user's attributes."""
    attributes = cognito._attr_list_to_dict(user.get("Attributes", []))
    return {
        "version": "1",
        "triggerSource": source,
        "region": cognito._pool_region(pool_id),
        "userPoolId": pool_id,
        "userName": user["Username"],
        "callerContext": {
            "awsSdkVersion": "aws-sdk-unknown-unknown",
            "clientId": client_id or "CLIENT_ID_NOT_APPLICABLE",
        },
        "request": {
            "userAttributes": {**attributes, "cognito:user_status": user.get("UserStatus", "")},
            **request,
        },
        "response": {},
    }


@patch(TARGET, "_run_idp_handler", because="What our corrections refuse must reach the client as AWS words it.")
def run_idp_handler(original: Original, handler: Callable[..., Any], action: str, data: dict[str, Any]) -> Any:
    """Answer a request; `Refused` becomes the error that it names."""
    try:
        return original(handler, action, data)
    except Refused as refused:
        return error_response_json(refused.code, str(refused), 400)


@patch(TARGET, "_apply_presignup_trigger", because="MiniStack runs the trigger without permission, in other words.")
def apply_presignup_trigger(
    pool_id: str,
    client_id: str,
    username: str,
    user_attrs: dict[str, Any],
    trigger_source: str = "PreSignUp_ExternalProvider",
) -> dict[str, bool]:
    """Run the pre sign-up trigger, and return what it confirms and verifies.

    A pool that ignores case gives it a federated user's name in lower case.
    https://github.com/aws-amplify/amplify-js/issues/13844
    """
    pool = cognito._user_pools.get(pool_id) or {}
    if (pool.get("UsernameConfiguration") or {}).get("CaseSensitive") is False and "ExternalProvider" in trigger_source:
        username = username.lower()
    event = cognito._build_presignup_event(pool_id, client_id, username, user_attrs, trigger_source)
    try:
        response = call_trigger(pool_id, "PreSignUp", event)
    except Refused as error:
        raise cognito._PreSignUpRejected(str(error)) from error
    return {name: response.get(name) is True for name in ("autoConfirmUser", "autoVerifyEmail", "autoVerifyPhone")}


@patch(TARGET, "_admin_create_user", because="MiniStack runs no trigger for a user that an administrator makes.")
def admin_create_user(original: Original, data: dict[str, Any]) -> Any:
    """Make a user that the trigger accepts."""
    pool = cognito._user_pools.get(data.get("UserPoolId"))
    if pool and data.get("MessageAction") != "RESEND":
        user = {
            "Username": data.get("Username") or "",
            "Attributes": data.get("UserAttributes") or [],
            "UserStatus": "FORCE_CHANGE_PASSWORD",
        }
        event = event_of(pool["Id"], "", user, "PreSignUp_AdminCreateUser", {"validationData": {}})
        call_trigger(pool["Id"], "PreSignUp", event)
    return original(data)


_POST_CONFIRMATION = "MiniStack runs no post confirmation trigger."


@patch(TARGET, "_confirm_sign_up", because=_POST_CONFIRMATION)
@patch(TARGET, "_admin_confirm_sign_up", because=_POST_CONFIRMATION)
def confirm_sign_up(original: Original, data: dict[str, Any]) -> Any:
    """Confirm a user, then run the trigger."""
    return _confirmed(original(data), data, "PostConfirmation_ConfirmSignUp")


@patch(TARGET, "_confirm_forgot_password", because=_POST_CONFIRMATION)
def confirm_forgot_password(original: Original, data: dict[str, Any]) -> Any:
    """Set a new password, then run the trigger."""
    return _confirmed(original(data), data, "PostConfirmation_ConfirmForgotPassword")


def _confirmed(answer: Any, data: dict[str, Any], source: str) -> Any:
    """Run the post confirmation trigger where `answer` is a success; return the answer."""
    if data.get("ClientId"):
        pool = cognito._pool_for_client(data["ClientId"])[0]
    else:
        pool = cognito._user_pools.get(data.get("UserPoolId"))
    user = cognito._resolve_user(pool, data.get("Username"))[0] if pool else None
    if answer[0] == 200 and user:
        event = event_of(pool["Id"], data.get("ClientId") or "", user, source, {})
        call_trigger(pool["Id"], "PostConfirmation", event)
    return answer


@patch(TARGET, "_start_federated_profile", because=_POST_CONFIRMATION)
def start_federated_profile(
    original: Original, pool: Any, pool_id: str, user: dict[str, Any], provider_name: str, user_id: str
) -> None:
    """Make a federated user's profile, then run the trigger."""
    original(pool, pool_id, user, provider_name, user_id)
    try:
        call_trigger(pool_id, "PostConfirmation", event_of(pool_id, "", user, "PostConfirmation_ConfirmSignUp", {}))
    except Refused as refused:
        logger.warning("post confirmation of a federated user: %s", refused)


@patch(TARGET, "_build_auth_result", because="MiniStack runs no post authentication trigger.")
def build_auth_result(
    original: Original, pool_id: str, client_id: str, user: dict[str, Any], *rest: Any, **more: Any
) -> Any:
    """Return the tokens of a sign-in, which unlike a refresh runs the trigger first."""
    if more.get("trigger_source") != "TokenGeneration_RefreshTokens" and not more.get("origin_jti"):
        event = event_of(pool_id, client_id, user, "PostAuthentication_Authentication", {"newDeviceUsed": False})
        call_trigger(pool_id, "PostAuthentication", event)
    return original(pool_id, client_id, user, *rest, **more)
