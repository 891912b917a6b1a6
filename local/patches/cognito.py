"""Cognito user pools where MiniStack is more lenient than AWS, or lacks a trigger.

- A trigger runs only when the function's policy lets `cognito-idp.amazonaws.com` call it for this pool, and its
  failure reaches the client as AWS words it. Triggers that MiniStack never runs do: pre sign-up for users that an
  administrator makes, post confirmation, post authentication.
- Custom authentication: each session is good for one answer, an unknown user goes the whole way with
  `userNotFound` where the client hides who exists, and `userName` is the user's own whatever alias signed in.
- Clients read and write only the attributes they may; required attributes are required; a pool sends only from a
  verified address; a filter that ListUsers cannot read is refused; Apple's private key is never given back.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import inspect
import json
import logging
from collections.abc import Callable
from typing import Any

from local.permissions import service_may

logger = logging.getLogger("switchyard.cognito")

TRIGGER_SECONDS, TRIGGER_TRIES = 5.0, 3  # neither can be changed

Handler = Callable[[dict[str, Any]], Any]


class Refused(Exception):
    """An operation that AWS would refuse, with its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def call_trigger(pool_id: str, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """The `response` of the pool's trigger *name* (as in LambdaConfig), {} without one. Raises Refused."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import cognito, lambda_svc

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
    """A trigger has 5 seconds to answer and is tried three times when it does not. Raises Refused."""
    result: Any = None
    for _ in range(TRIGGER_TRIES):
        worker = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        run = worker.submit(contextvars.copy_context().run, call)
        worker.shutdown(wait=False)
        with contextlib.suppress(concurrent.futures.TimeoutError):
            result = run.result(timeout=TRIGGER_SECONDS)
            if "Task timed out" not in str((result or {}).get("body")):
                return result
    if result:
        return result
    raise Refused("UnexpectedLambdaException", f"{name} invocation failed due to error Lambda timed out.")


def _error(refused: Refused) -> Any:
    from ministack.core.responses import error_response_json

    return error_response_json(refused.code, str(refused), 400)


def _event(pool_id: str, client_id: str, user: dict[str, Any], source: str, request: dict[str, Any]) -> dict[str, Any]:
    from ministack.services import cognito

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


# ------------------------------------------------------------------ custom authentication


def _begin_custom_auth(pool: dict[str, Any], client_id: str, data: dict[str, Any]) -> Any:
    from ministack.services import cognito

    client = pool["_clients"][client_id]
    if "ALLOW_CUSTOM_AUTH" not in client.get("ExplicitAuthFlows", []):
        raise Refused("InvalidParameterException", "Custom auth lambda trigger is not configured for the user pool.")
    name = (data.get("AuthParameters") or {}).get("USERNAME")
    if not name:
        raise Refused("InvalidParameterException", "Missing required parameter USERNAME")
    if not (pool.get("LambdaConfig") or {}).get("DefineAuthChallenge"):
        raise Refused("InvalidParameterException", "Custom auth lambda trigger is not configured for the user pool.")
    user, _ = cognito._resolve_user(pool, name)
    if user is None and not cognito._hides_user_existence(pool, client_id):
        raise Refused("UserNotFoundException", "User does not exist.")
    if user and not user.get("Enabled", True):
        raise Refused("NotAuthorizedException", "User is disabled.")
    if user and user.get("UserStatus") == "UNCONFIRMED":
        raise Refused("UserNotConfirmedException", "User is not confirmed.")
    token, session = cognito._create_challenge_session(pool["Id"], client_id, user["Username"] if user else name)
    cognito._challenge_sessions.pop(token, None)
    return _next_step(session, user, data.get("ClientMetadata") or {})


def _answer_custom_challenge(data: dict[str, Any]) -> Any:
    from ministack.services import cognito

    session, problem = cognito._get_challenge_session(data.get("Session") or "")
    if session is None:
        expired = "expired" in (problem or "")
        raise Refused(
            "NotAuthorizedException",
            "Invalid session for the user, session is expired." if expired else "Invalid session for the user.",
        )
    if cognito._challenge_sessions.pop(data["Session"], None) is None:  # answered twice at once
        raise Refused("NotAuthorizedException", "Invalid session for the user, session can only be used once.")
    pool = cognito._user_pools.get(session["pool_id"])
    if not pool or session["client_id"] != data.get("ClientId"):
        raise Refused("NotAuthorizedException", "Invalid session for the user.")
    user, _ = cognito._resolve_user(pool, session["username"])
    attributes = cognito._attr_list_to_dict(user["Attributes"]) if user else {}
    metadata = data.get("ClientMetadata") or {}
    answer = (data.get("ChallengeResponses") or {}).get("ANSWER")
    if not answer:
        raise Refused("InvalidParameterException", "Missing required parameter ANSWER")
    event = cognito._build_verify_auth_challenge_event(
        session["pool_id"], session["client_id"], session["username"], attributes, session, answer, metadata
    )
    event["request"]["userNotFound"] = user is None
    response = call_trigger(session["pool_id"], "VerifyAuthChallengeResponse", event)
    cognito._update_pending_challenge_result(session, response.get("answerCorrect") is True)
    return _next_step(session, user, metadata)


def _next_step(session: dict[str, Any], user: dict[str, Any] | None, metadata: dict[str, Any]) -> Any:
    import base64
    import secrets

    from ministack.core.responses import json_response
    from ministack.services import cognito

    pool_id, client_id, name = session["pool_id"], session["client_id"], session["username"]
    attributes = cognito._attr_list_to_dict(user["Attributes"]) if user else {}
    event = cognito._build_define_auth_challenge_event(pool_id, client_id, name, attributes, session, metadata)
    event["request"]["userNotFound"] = user is None
    step = call_trigger(pool_id, "DefineAuthChallenge", event)
    answered = sum(1 for c in session["challenges"] if c["challengeResult"] is not None)
    if step.get("failAuthentication"):
        raise Refused("NotAuthorizedException", "Incorrect username or password.")
    if step.get("issueTokens"):
        if user is None:
            raise Refused("NotAuthorizedException", "Incorrect username or password.")
        result = cognito._build_auth_result(pool_id, client_id, user, client_metadata=metadata)
        return json_response({"ChallengeParameters": {}, "AuthenticationResult": result})
    if step.get("challengeName") != "CUSTOM_CHALLENGE":
        raise Refused(
            "InvalidLambdaResponseException", "DefineAuthChallenge response is not supported by the local cloud"
        )
    if answered >= cognito._MAX_CHALLENGE_ATTEMPTS:
        raise Refused("NotAuthorizedException", "Incorrect username or password.")
    event = cognito._build_create_auth_challenge_event(pool_id, client_id, name, attributes, session, metadata)
    event["request"]["userNotFound"] = user is None
    challenge = call_trigger(pool_id, "CreateAuthChallenge", event)
    public = challenge.get("publicChallengeParameters") or {}
    cognito._append_challenge_to_session(
        session,
        "CUSTOM_CHALLENGE",
        None,
        challenge.get("challengeMetadata"),
        public,
        challenge.get("privateChallengeParameters") or {},
    )
    token = base64.b64encode(secrets.token_bytes(32)).decode()
    cognito._challenge_sessions[token] = session
    parameters = {**public, "USERNAME": name}
    return json_response({"ChallengeName": "CUSTOM_CHALLENGE", "Session": token, "ChallengeParameters": parameters})


def _initiate(original: Handler) -> Handler:
    """InitiateAuth and AdminInitiateAuth; CUSTOM_AUTH with a password first stays MiniStack's."""

    def initiate(data: dict[str, Any]) -> Any:
        from ministack.services import cognito

        parameters = data.get("AuthParameters") or {}
        if data.get("AuthFlow") != "CUSTOM_AUTH" or parameters.get("SRP_A") or parameters.get("CHALLENGE_NAME"):
            return original(data)
        pool = cognito._pool_for_client(data.get("ClientId"))[0]
        return _begin_custom_auth(pool, data["ClientId"], data) if pool else original(data)

    return initiate


def _respond(original: Handler) -> Handler:
    def respond(data: dict[str, Any]) -> Any:
        from ministack.services import cognito

        session = cognito._challenge_sessions.get(data.get("Session") or "") or {}
        if data.get("ChallengeName") != "CUSTOM_CHALLENGE" or session.get("srp_a") is not None:
            return original(data)
        return _answer_custom_challenge(data)

    return respond


# ------------------------------------------------------------------ attributes


def _client_of(data: dict[str, Any]) -> dict[str, Any]:
    """The app client of a request: by its id, or by the access token's claim."""
    from ministack.services import cognito

    client_id = data.get("ClientId") or cognito._token_claims(data.get("AccessToken") or "").get("client_id")
    pool = cognito._pool_for_client(client_id)[0]
    return dict(((pool or {}).get("_clients") or {}).get(client_id) or {})


def _check_write(data: dict[str, Any]) -> None:
    allowed = set(_client_of(data).get("WriteAttributes") or [])
    written = {a["Name"] for a in data.get("UserAttributes") or []}
    if allowed and not written <= allowed:
        raise Refused("NotAuthorizedException", "A client attempted to write unauthorized attribute")


def _check_required(pool: dict[str, Any], data: dict[str, Any]) -> None:
    from ministack.services import cognito

    given = {a["Name"] for a in data.get("UserAttributes") or []}
    alias = cognito._username_alias_attribute(pool, data.get("Username") or "")
    for attribute in pool["SchemaAttributes"]:
        name = attribute["Name"]
        if attribute.get("Required") and name not in given | {"sub", alias}:
            raise Refused(
                "InvalidParameterException",
                f"Attributes did not conform to the schema: {name}: The attribute {name} is required",
            )


def _readable(client: dict[str, Any]) -> Callable[[str], bool]:
    allowed = set(client.get("ReadAttributes") or [])
    return lambda name: not allowed or name in allowed | {"sub", "identities"}


def _sign_up(original: Handler) -> Handler:
    def sign_up(data: dict[str, Any]) -> Any:
        from ministack.services import cognito

        pool = cognito._pool_for_client(data.get("ClientId"))[0]
        if pool:
            if (pool.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
                raise Refused("NotAuthorizedException", "SignUp is not permitted for this user pool")
            _check_write(data)
            _check_required(pool, data)
        return original(data)

    return sign_up


def _get_user(original: Handler) -> Handler:
    def get_user(data: dict[str, Any]) -> Any:
        status, headers, body = original(data)
        if status != 200:
            return status, headers, body
        answer, readable = json.loads(body), _readable(_client_of(data))
        answer["UserAttributes"] = [a for a in answer["UserAttributes"] if readable(a["Name"])]
        return status, headers, json.dumps(answer).encode()

    return get_user


def _update_user_attributes(original: Handler) -> Handler:
    def update(data: dict[str, Any]) -> Any:
        _check_write(data)
        return original(data)

    return update


# ------------------------------------------------------------------ pools, users, providers

_SEARCHABLE = {
    "username",
    "email",
    "phone_number",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "cognito:user_status",
    "status",
    "sub",
}


def _list_users(original: Handler) -> Handler:
    def list_users(data: dict[str, Any]) -> Any:
        import re

        text = data.get("Filter") or ""
        if text:
            found = re.fullmatch(r'"?([\w:]+)"?\s*(=|\^=)\s*"((?:[^"\\]|\\.)*)"', text.strip())
            if not found or found[1] not in _SEARCHABLE:
                raise Refused("InvalidParameterException", "Error while parsing filter.")
        return original(data)

    return list_users


def _sending_pool(original: Handler) -> Handler:
    def create_or_update(data: dict[str, Any]) -> Any:
        from ministack.services import ses

        email = data.get("EmailConfiguration") or {}
        if email.get("EmailSendingAccount") == "DEVELOPER":
            identity = (email.get("SourceArn") or "").rpartition("identity/")[2]
            sender = email.get("From") or identity
            probe = identity if "@" in identity else f"x@{identity}"
            if not ses._identity_verified(probe) or not ses._identity_verified(sender):
                raise Refused("InvalidParameterException", "Email address is not verified.")
        return original(data)

    return create_or_update


def _admin_create_user(original: Handler) -> Handler:
    def admin_create_user(data: dict[str, Any]) -> Any:
        from ministack.services import cognito

        pool = cognito._user_pools.get(data.get("UserPoolId"))
        if pool and data.get("MessageAction") != "RESEND":
            user = {
                "Username": data.get("Username") or "",
                "Attributes": data.get("UserAttributes") or [],
                "UserStatus": "FORCE_CHANGE_PASSWORD",
            }
            event = _event(pool["Id"], "", user, "PreSignUp_AdminCreateUser", {"validationData": {}})
            call_trigger(pool["Id"], "PreSignUp", event)
        return original(data)

    return admin_create_user


def _confirmation(original: Handler, source: str) -> Handler:
    """Run the post confirmation trigger once *original* has confirmed."""

    def confirm(data: dict[str, Any]) -> Any:
        from ministack.services import cognito

        answer = original(data)
        if data.get("ClientId"):
            pool = cognito._pool_for_client(data["ClientId"])[0]
        else:
            pool = cognito._user_pools.get(data.get("UserPoolId"))
        user = cognito._resolve_user(pool, data.get("Username"))[0] if pool else None
        if answer[0] == 200 and user:
            event = _event(pool["Id"], data.get("ClientId") or "", user, source, {})
            call_trigger(pool["Id"], "PostConfirmation", event)
        return answer

    return confirm


def _describe_identity_provider(original: Handler) -> Handler:
    def describe(data: dict[str, Any]) -> Any:
        status, headers, body = original(data)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        provider = answer["IdentityProvider"]
        if provider["ProviderType"] == "SignInWithApple":
            provider["ProviderDetails"].pop("private_key", None)
        return status, headers, json.dumps(answer).encode()

    return describe


def _presignup(
    pool_id: str,
    client_id: str,
    username: str,
    user_attrs: dict[str, Any],
    trigger_source: str = "PreSignUp_ExternalProvider",
) -> dict[str, bool]:
    """MiniStack's `_apply_presignup_trigger`, with the permission checked and AWS's wording."""
    from ministack.services import cognito

    event = cognito._build_presignup_event(pool_id, client_id, username, user_attrs, trigger_source)
    try:
        response = call_trigger(pool_id, "PreSignUp", event)
    except Refused as error:
        raise cognito._PreSignUpRejected(str(error)) from error
    return {name: response.get(name) is True for name in ("autoConfirmUser", "autoVerifyEmail", "autoVerifyPhone")}


def _old_style(name: str) -> Callable[..., Any]:
    """MiniStack's `_invoke_*_trigger`, which its password-first custom sign-in still calls."""

    def invoke(pool_id: str, client_id: str, username: str, attributes: Any, session: Any, *rest: Any) -> Any:
        from ministack.services import cognito

        builder = {
            "DefineAuthChallenge": cognito._build_define_auth_challenge_event,
            "CreateAuthChallenge": cognito._build_create_auth_challenge_event,
            "VerifyAuthChallengeResponse": cognito._build_verify_auth_challenge_event,
        }[name]
        user, _ = cognito._resolve_user(cognito._user_pools.get(pool_id) or {"_users": {}}, username)
        own = user["Username"] if user else username
        return {
            "response": call_trigger(pool_id, name, builder(pool_id, client_id, own, attributes, session, *rest))
        }, None

    return invoke


def install() -> None:
    """Wrap MiniStack's handlers, which it looks up by name for each request."""
    from ministack.services import cognito

    def wrap(name: str, wrapper: Callable[..., Handler], *extra: Any) -> None:
        setattr(cognito, name, wrapper(getattr(cognito, name), *extra))

    for name in ("_initiate_auth", "_admin_initiate_auth"):
        wrap(name, _initiate)
    for name in ("_respond_to_auth_challenge", "_admin_respond_to_auth_challenge"):
        wrap(name, _respond)
    for name in ("_create_user_pool", "_update_user_pool"):
        wrap(name, _sending_pool)
    wrap("_sign_up", _sign_up)
    wrap("_get_user", _get_user)
    wrap("_update_user_attributes", _update_user_attributes)
    wrap("_list_users", _list_users)
    wrap("_admin_create_user", _admin_create_user)
    wrap("_describe_identity_provider", _describe_identity_provider)
    wrap("_confirm_sign_up", _confirmation, "PostConfirmation_ConfirmSignUp")
    wrap("_admin_confirm_sign_up", _confirmation, "PostConfirmation_ConfirmSignUp")
    wrap("_confirm_forgot_password", _confirmation, "PostConfirmation_ConfirmForgotPassword")
    cognito._apply_presignup_trigger = _presignup
    cognito._invoke_define_auth_challenge_trigger = _old_style("DefineAuthChallenge")
    cognito._invoke_create_auth_challenge_trigger = _old_style("CreateAuthChallenge")
    cognito._invoke_verify_auth_challenge_trigger = _old_style("VerifyAuthChallengeResponse")

    fake_token, build_auth_result = cognito._fake_token, cognito._build_auth_result
    run_idp_handler, start_profile = cognito._run_idp_handler, cognito._start_federated_profile

    signature = inspect.signature(fake_token)

    def token(*arguments: Any, **options: Any) -> Any:
        """ID tokens hold what the client may read."""
        asked = signature.bind(*arguments, **options).arguments
        client = ((cognito._user_pools.get(asked["pool_id"]) or {}).get("_clients") or {}).get(asked["client_id"]) or {}
        if asked.get("token_type") == "id" and asked.get("user_attrs"):
            readable = _readable(client)
            asked["user_attrs"] = {k: v for k, v in asked["user_attrs"].items() if readable(k)}
        return fake_token(**asked)

    def auth_result(pool_id: str, client_id: str, user: dict[str, Any], *rest: Any, **options: Any) -> Any:
        """A sign-in, unlike a refresh, runs the post authentication trigger first."""
        if options.get("trigger_source") != "TokenGeneration_RefreshTokens" and not options.get("origin_jti"):
            event = _event(pool_id, client_id, user, "PostAuthentication_Authentication", {"newDeviceUsed": False})
            call_trigger(pool_id, "PostAuthentication", event)
        return build_auth_result(pool_id, client_id, user, *rest, **options)

    def run(handler: Handler, action: str, data: dict[str, Any]) -> Any:
        try:
            return run_idp_handler(handler, action, data)
        except Refused as refused:
            return _error(refused)

    def start_federated_profile(pool: Any, pool_id: str, user: Any, provider_name: str, user_id: str) -> None:
        start_profile(pool, pool_id, user, provider_name, user_id)
        try:
            call_trigger(pool_id, "PostConfirmation", _event(pool_id, "", user, "PostConfirmation_ConfirmSignUp", {}))
        except Refused as refused:
            logger.warning("post confirmation of a federated user: %s", refused)

    cognito._fake_token = token
    cognito._build_auth_result = auth_result
    cognito._run_idp_handler = run
    cognito._start_federated_profile = start_federated_profile
