"""Rotation of refresh tokens, which MiniStack ignores.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html
"""

from __future__ import annotations

import time
from typing import Any

from ministack.core.responses import json_response
from ministack.services import cognito

from local.patches.cognito_triggers import TARGET, Refused
from local.patches.registry import Original, patch

_retired: dict[str, float] = {}
"""Refresh tokens that were replaced, and until when each is still accepted."""

_IGNORED = "MiniStack ignores the rotation of refresh tokens."


def _rotation(client_id: str) -> dict[str, Any]:
    """Return a client's rotation if it is enabled, or else an empty dictionary."""
    pool = cognito._pool_for_client(client_id)[0] or {}
    rotation = ((pool.get("_clients") or {}).get(client_id) or {}).get("RefreshTokenRotation") or {}
    return dict(rotation) if rotation.get("Feature") == "ENABLED" else {}


@patch(TARGET, "_create_user_pool_client", because=_IGNORED)
@patch(TARGET, "_update_user_pool_client", because=_IGNORED)
def create_or_update_user_pool_client(original: Original, data: dict[str, Any]) -> Any:
    """Make or change a client; with rotation, it cannot have the flow that does not rotate."""
    rotation, flows = data.get("RefreshTokenRotation") or {}, data.get("ExplicitAuthFlows") or []
    if rotation.get("Feature") == "ENABLED" and (not flows or "ALLOW_REFRESH_TOKEN_AUTH" in flows):
        message = "ALLOW_REFRESH_TOKEN_AUTH is not supported when refresh token rotation is enabled."
        raise Refused("InvalidParameterException", message)
    status, headers, body = original(data)
    if status == 200:
        pool = cognito._user_pools[data["UserPoolId"]]
        name = data.get("ClientId") or list(pool["_clients"])[-1]
        client = pool["_clients"][name]
        client["RefreshTokenRotation"] = rotation or None
        return json_response({"UserPoolClient": {key: value for key, value in client.items() if value is not None}})
    return status, headers, body


@patch(TARGET, "_initiate_auth", because=_IGNORED)
def initiate_auth(original: Original, data: dict[str, Any]) -> Any:
    """Begin a sign-in; a client with rotation refreshes with GetTokensFromRefreshToken only."""
    if data.get("AuthFlow") in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN") and _rotation(data.get("ClientId") or ""):
        raise Refused("InvalidParameterException", "Initiate Auth method not supported.")
    return original(data)


@patch(TARGET, "_get_tokens_from_refresh_token", because=_IGNORED)
def get_tokens_from_refresh_token(original: Original, data: dict[str, Any]) -> Any:
    """Return new tokens, with rotation also a new refresh token; the old one is accepted for the grace period only."""
    client_id, token = data.get("ClientId") or "", data.get("RefreshToken") or ""
    rotation = _rotation(client_id)
    if not rotation or not token:
        return original(data)
    if time.time() > _retired.get(token, float("inf")):
        raise Refused("RefreshTokenReuseException", "Refresh token reuse detected.")
    pool, pool_id = cognito._pool_for_client(client_id)
    user, refused = cognito._refresh_auth_user(pool, pool_id, client_id, token)
    if refused:
        return refused
    claims = cognito._token_claims(token)
    result = cognito._build_auth_result(
        pool_id,
        client_id,
        user,
        trigger_source="TokenGeneration_RefreshTokens",
        origin_jti=claims.get("origin_jti", ""),
        scope=claims.get("scope"),
    )
    _retired.setdefault(token, time.time() + rotation.get("RetryGracePeriodSeconds", 0))
    return json_response({"AuthenticationResult": result})
