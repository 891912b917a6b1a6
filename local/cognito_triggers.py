"""Cognito's post-authentication and post-confirmation triggers, which MiniStack does not call.

A trigger is called synchronously, needs the function's permission for cognito-idp.amazonaws.com and this pool, must
answer within 5 seconds, and is tried three times when it does not. A trigger that fails fails the API call.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
"""

from __future__ import annotations

import concurrent.futures
import contextvars
import json
from typing import Any

from local.iam import service_may

TIMEOUT_SECONDS = 5.0
TRIES = 3


class TriggerError(Exception):
    """A failed trigger: the error code and the message that the caller gets."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _call(pool_id: str, client_id: str, user: dict[str, Any], trigger: str, source: str, request: Any) -> None:
    """Call a pool's trigger; nothing when it has none. Raises TriggerError."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import cognito, lambda_svc

    arn = (cognito._user_pools[pool_id].get("LambdaConfig") or {}).get(trigger)
    if not arn:
        return
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        raise TriggerError("UnexpectedLambdaException", f"{arn} does not exist.")
    policy, pool = function.get("policy"), cognito._pool_arn(pool_id)
    who = ("cognito-idp.amazonaws.com", "lambda:InvokeFunction", arn)
    if service_may(*who, policy, pool, get_account_id(), get_region()):
        raise TriggerError(
            "UnexpectedLambdaException", f"{trigger} invocation failed due to error AccessDeniedException."
        )
    event = {
        "version": "1",
        "triggerSource": source,
        "region": get_region(),
        "userPoolId": pool_id,
        "userName": user["Username"],
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id},
        "request": {"userAttributes": cognito._attr_list_to_dict(user.get("Attributes", [])), **request},
        "response": {},
    }
    record = lambda_svc._execution_record_for_config(function, config)
    for attempt in range(TRIES):
        worker = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        run = worker.submit(contextvars.copy_context().run, lambda_svc._execute_function, record, event)
        worker.shutdown(wait=False)
        try:
            result = run.result(timeout=TIMEOUT_SECONDS)
            break
        except concurrent.futures.TimeoutError:
            if attempt == TRIES - 1:
                message = f"{trigger} failed with error Lambda timed out."
                raise TriggerError("UnexpectedLambdaException", message) from None
    body = result.get("body")
    if result.get("error"):
        message = (body or {}).get("errorMessage", "") if isinstance(body, dict) else ""
        raise TriggerError("UserLambdaValidationException", f"{trigger} failed with error {message}.")
    answer = json.loads(body) if isinstance(body, (str, bytes)) and body else body
    if not isinstance(answer, dict) or "response" not in answer:
        raise TriggerError("InvalidLambdaResponseException", "Unrecognizable lambda output")


def install() -> None:
    """Call the triggers where MiniStack issues tokens and confirms users."""
    from ministack.core.responses import error_response_json
    from ministack.services import cognito

    build, run = cognito._build_auth_result, cognito._run_idp_handler

    def build_auth_result(pool_id: str, client_id: str, user: dict[str, Any], *rest: Any, **options: Any) -> Any:
        if options.get("trigger_source") != "TokenGeneration_RefreshTokens":  # a refresh is no authentication
            request = {"newDeviceUsed": False, **_metadata(options.get("client_metadata"))}
            _call(pool_id, client_id, user, "PostAuthentication", "PostAuthentication_Authentication", request)
        return build(pool_id, client_id, user, *rest, **options)

    def run_idp_handler(handler: Any, action: str, data: dict[str, Any]) -> Any:
        try:
            return run(handler, action, data)
        except TriggerError as error:
            return error_response_json(error.code, str(error), 400)

    cognito._build_auth_result = build_auth_result
    cognito._run_idp_handler = run_idp_handler
    for name, source in {
        "_confirm_sign_up": "PostConfirmation_ConfirmSignUp",
        "_admin_confirm_sign_up": "PostConfirmation_ConfirmSignUp",
        "_confirm_forgot_password": "PostConfirmation_ConfirmForgotPassword",
    }.items():
        setattr(cognito, name, _confirming(getattr(cognito, name), source))


def _confirming(confirm: Any, source: str) -> Any:
    from ministack.services import cognito

    def confirmed(data: dict[str, Any]) -> Any:
        answer = confirm(data)
        if answer[0] == 200:
            client_id = data.get("ClientId", "")
            pool = cognito._pool_for_client(client_id)[0] or cognito._user_pools.get(data.get("UserPoolId"))
            user, _ = cognito._resolve_user(pool, data.get("Username"))
            _call(pool["Id"], client_id, user, "PostConfirmation", source, _metadata(data.get("ClientMetadata")))
        return answer

    return confirmed


def _metadata(metadata: Any) -> dict[str, Any]:
    return {"clientMetadata": metadata} if metadata else {}
