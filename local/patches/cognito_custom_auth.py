"""Custom authentication with Cognito as AWS runs it.

Each session is good for one answer, an unknown user goes the whole way with `userNotFound` where the client hides who
exists, and `userName` is the user's own whatever alias signed in.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from ministack.core.responses import json_response
from ministack.services import cognito

from local.patches.cognito_triggers import TARGET, Refused, call_trigger
from local.patches.registry import Original, patch


def _begin_custom_auth(pool: dict[str, Any], client_id: str, data: dict[str, Any]) -> Any:
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


_CUSTOM_AUTH = "MiniStack takes a session more than once, reveals who exists, and runs triggers without permission."


@patch(TARGET, "_initiate_auth", because=_CUSTOM_AUTH)
@patch(TARGET, "_admin_initiate_auth", because=_CUSTOM_AUTH)
def initiate_auth(original: Original, data: dict[str, Any]) -> Any:
    """Begin a sign-in; CUSTOM_AUTH with a password first stays MiniStack's."""
    parameters = data.get("AuthParameters") or {}
    if data.get("AuthFlow") != "CUSTOM_AUTH" or parameters.get("SRP_A") or parameters.get("CHALLENGE_NAME"):
        return original(data)
    pool = cognito._pool_for_client(data.get("ClientId"))[0]
    return _begin_custom_auth(pool, data["ClientId"], data) if pool else original(data)


@patch(TARGET, "_respond_to_auth_challenge", because=_CUSTOM_AUTH)
@patch(TARGET, "_admin_respond_to_auth_challenge", because=_CUSTOM_AUTH)
def respond_to_auth_challenge(original: Original, data: dict[str, Any]) -> Any:
    """Take the answer to a challenge."""
    session = cognito._challenge_sessions.get(data.get("Session") or "") or {}
    if data.get("ChallengeName") != "CUSTOM_CHALLENGE" or session.get("srp_a") is not None:
        return original(data)
    return _answer_custom_challenge(data)


_PASSWORD_FIRST = "MiniStack's sign-in with a password before the challenges calls triggers without permission."


@patch(TARGET, "_invoke_define_auth_challenge_trigger", because=_PASSWORD_FIRST)
def invoke_define_auth_challenge_trigger(
    pool_id: str,
    client_id: str,
    username: str,
    user_attrs: dict[str, Any],
    session: dict[str, Any],
    client_metadata: dict[str, Any] | None = None,
) -> Any:
    """Run the trigger, and return its event and no error."""
    own = _own_name(pool_id, username)
    event = cognito._build_define_auth_challenge_event(pool_id, client_id, own, user_attrs, session, client_metadata)
    return {"response": call_trigger(pool_id, "DefineAuthChallenge", event)}, None


@patch(TARGET, "_invoke_create_auth_challenge_trigger", because=_PASSWORD_FIRST)
def invoke_create_auth_challenge_trigger(
    pool_id: str,
    client_id: str,
    username: str,
    user_attrs: dict[str, Any],
    session: dict[str, Any],
    client_metadata: dict[str, Any],
) -> Any:
    """Run the trigger, and return its event and no error."""
    own = _own_name(pool_id, username)
    event = cognito._build_create_auth_challenge_event(pool_id, client_id, own, user_attrs, session, client_metadata)
    return {"response": call_trigger(pool_id, "CreateAuthChallenge", event)}, None


@patch(TARGET, "_invoke_verify_auth_challenge_trigger", because=_PASSWORD_FIRST)
def invoke_verify_auth_challenge_trigger(
    pool_id: str,
    client_id: str,
    username: str,
    user_attrs: dict[str, Any],
    session: dict[str, Any],
    challenge_answer: str,
    client_metadata: dict[str, Any],
) -> Any:
    """Run the trigger, and return its event and no error."""
    own = _own_name(pool_id, username)
    event = cognito._build_verify_auth_challenge_event(
        pool_id, client_id, own, user_attrs, session, challenge_answer, client_metadata
    )
    return {"response": call_trigger(pool_id, "VerifyAuthChallengeResponse", event)}, None


def _own_name(pool_id: str, username: str) -> str:
    user, _ = cognito._resolve_user(cognito._user_pools.get(pool_id) or {"_users": {}}, username)
    return str(user["Username"]) if user else username
