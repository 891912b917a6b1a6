"""Cognito user pools where MiniStack is more lenient than AWS.

Clients read and write only the attributes they may; required attributes are required; a pool sends only from a
verified address, and text messages under a role that trusts it; a filter that ListUsers cannot read is refused;
Apple's private key is never given back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import cognito, iam, ses

from local.patches.cognito_triggers import TARGET, Refused
from local.patches.registry import Original, patch
from local.permissions import trusts

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


def _client_of(data: dict[str, Any]) -> dict[str, Any]:
    """The app client of a request: by its id, or by the access token's claim."""
    client_id = data.get("ClientId") or cognito._token_claims(data.get("AccessToken") or "").get("client_id")
    pool = cognito._pool_for_client(client_id)[0]
    return dict(((pool or {}).get("_clients") or {}).get(client_id) or {})


def _check_write(data: dict[str, Any]) -> None:
    allowed = set(_client_of(data).get("WriteAttributes") or [])
    written = {a["Name"] for a in data.get("UserAttributes") or []}
    if allowed and not written <= allowed:
        raise Refused("NotAuthorizedException", "A client attempted to write unauthorized attribute")


def _check_required(pool: dict[str, Any], data: dict[str, Any]) -> None:
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


@patch(TARGET, "_sign_up", because="MiniStack checks neither who may sign up nor the attributes.")
def sign_up(original: Original, data: dict[str, Any]) -> Any:
    """Sign a user up."""
    pool = cognito._pool_for_client(data.get("ClientId"))[0]
    if pool:
        if (pool.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
            raise Refused("NotAuthorizedException", "SignUp is not permitted for this user pool")
        _check_write(data)
        _check_required(pool, data)
    return original(data)


@patch(TARGET, "_update_user_attributes", because="MiniStack lets a client write every attribute.")
def update_user_attributes(original: Original, data: dict[str, Any]) -> Any:
    """Write the attributes that the client may write."""
    _check_write(data)
    return original(data)


@patch(TARGET, "_get_user", because="MiniStack shows a client every attribute.")
def get_user(original: Original, data: dict[str, Any]) -> Any:
    """Return a user with the attributes that the client may read."""
    status, headers, body = original(data)
    if status != 200:
        return status, headers, body
    answer, readable = json.loads(body), _readable(_client_of(data))
    answer["UserAttributes"] = [a for a in answer["UserAttributes"] if readable(a["Name"])]
    return status, headers, json.dumps(answer).encode()


@patch(TARGET, "_fake_token", because="MiniStack's ID tokens hold every attribute.")
def fake_token(
    original: Original,
    sub: str,
    pool_id: str,
    client_id: str,
    token_type: str = "access",
    username: str = "",
    user_attrs: dict[str, Any] | None = None,
    *rest: Any,
    **more: Any,
) -> Any:
    """Return a token; an ID token holds what the client may read."""
    if token_type == "id" and user_attrs:
        pool = cognito._user_pools.get(pool_id) or {}
        readable = _readable((pool.get("_clients") or {}).get(client_id) or {})
        user_attrs = {name: value for name, value in user_attrs.items() if readable(name)}
    return original(sub, pool_id, client_id, token_type, username, user_attrs, *rest, **more)


@patch(TARGET, "_list_users", because="MiniStack takes any filter.")
def list_users(original: Original, data: dict[str, Any]) -> Any:
    """Return the users that match a filter which Cognito can read."""
    text = data.get("Filter") or ""
    if text:
        found = re.fullmatch(r'"?([\w:]+)"?\s*(=|\^=)\s*"((?:[^"\\]|\\.)*)"', text.strip())
        if not found or found[1] not in _SEARCHABLE:
            raise Refused("InvalidParameterException", "Error while parsing filter.")
    return original(data)


def _check_sms_role(sms: dict[str, Any], pool_id: str) -> None:
    """Raise Refused unless Cognito may assume the role; a pool that is being made has no ARN to present yet."""
    pool, role = cognito._user_pools.get(pool_id) or {}, sms.get("SnsCallerArn", "")
    record = iam._roles.get_scoped(get_account_id(), None, role.rpartition("/")[2]) or {}
    trust, external_id = record.get("AssumeRolePolicyDocument"), sms.get("ExternalId", "")
    if not trusts(trust, "cognito-idp.amazonaws.com", pool.get("Arn", ""), get_account_id(), external_id):
        message = "Role does not have a trust relationship allowing Cognito to assume the role"
        raise Refused("InvalidSmsRoleTrustRelationshipException", message)


_SENDER = "MiniStack lets a pool send from an address that is not verified in SES."


@patch(TARGET, "_create_user_pool", because=_SENDER)
@patch(TARGET, "_update_user_pool", because=_SENDER)
def create_or_update_user_pool(original: Original, data: dict[str, Any]) -> Any:
    """Make or change a pool whose sender is verified, and whose role for text messages trusts Cognito."""
    if sms := data.get("SmsConfiguration"):
        _check_sms_role(sms, data.get("UserPoolId", ""))
    email = data.get("EmailConfiguration") or {}
    if email.get("EmailSendingAccount") == "DEVELOPER":
        identity = (email.get("SourceArn") or "").rpartition("identity/")[2]
        sender = email.get("From") or identity
        probe = identity if "@" in identity else f"x@{identity}"
        if not ses._identity_verified(probe) or not ses._identity_verified(sender):
            raise Refused("InvalidParameterException", "Email address is not verified.")
    return original(data)


@patch(
    TARGET, "_set_user_pool_mfa_config", because="MiniStack takes e-mail as second factor whatever recovers accounts."
)
def set_user_pool_mfa_config(original: Original, data: dict[str, Any]) -> Any:
    """Set the second factors; e-mail is none where it is the only way to recover an account.

    The provider's documentation of email_mfa_configuration asks for two recovery mechanisms, and users for either one
    report a refusal (https://github.com/hashicorp/terraform-provider-aws/issues/41049); AWS's words are not known.
    """
    pool = cognito._user_pools.get(data.get("UserPoolId", "")) or {}
    recovery = (pool.get("AccountRecoverySetting") or {}).get("RecoveryMechanisms") or []
    if data.get("EmailMfaConfiguration") and len(recovery) == 1:
        message = "Email MFA requires an account recovery setting with more than one recovery mechanism."
        raise Refused("InvalidParameterException", message)
    return original(data)


@patch(TARGET, "_describe_identity_provider", because="MiniStack gives Apple's private key back.")
def describe_identity_provider(original: Original, data: dict[str, Any]) -> Any:
    """Return an identity provider without its private key."""
    status, headers, body = original(data)
    if status != 200:
        return status, headers, body
    answer = json.loads(body)
    provider = answer["IdentityProvider"]
    if provider["ProviderType"] == "SignInWithApple":
        provider["ProviderDetails"].pop("private_key", None)
    return status, headers, json.dumps(answer).encode()
