"""Cognito user pools where MiniStack is more lenient than AWS.

Clients read and write only the attributes they may; required attributes are required, and standard ones have Cognito's
types and bounds; a pool sends only from a verified address, and text messages under a role that trusts it; second
factors fit the way accounts are recovered and the first factors; a filter that ListUsers cannot read is refused; a pair
is linked once; Apple's private key is never given back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id
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


def _check_schema(schema: list[dict[str, Any]]) -> None:
    """Raise Refused for a standard attribute with a type or bounds of its own."""
    bounds = ("StringAttributeConstraints", "NumberAttributeConstraints")
    for given in schema:
        standard = cognito._STANDARD_ATTRIBUTES_BY_NAME.get(given["Name"])
        if standard is None:
            continue
        if given.get("AttributeDataType", "String") != standard["AttributeDataType"]:
            raise Refused(
                "InvalidParameterException",
                f"You can not change AttributeDataType for standard schema attribute {given['Name']}",
            )
        changed = {name: value for kind in bounds for name, value in (given.get(kind) or {}).items()}
        own = {name: value for kind in bounds for name, value in (standard.get(kind) or {}).items()}
        if not changed.items() <= own.items():
            raise Refused(
                "InvalidParameterException",
                f"You can not change constraints for standard schema attribute {given['Name']}",
            )


@patch(TARGET, "_create_user_pool", because=_SENDER)
@patch(TARGET, "_update_user_pool", because=_SENDER)
def create_or_update_user_pool(original: Original, data: dict[str, Any]) -> Any:
    """Make or change a pool whose sender is verified, and whose role for text messages trusts Cognito."""
    _check_schema(data.get("Schema") or [])
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


@patch(TARGET, "_set_user_pool_mfa_config", because="MiniStack takes any second factor with any other setting.")
def set_user_pool_mfa_config(original: Original, data: dict[str, Any]) -> Any:
    """Set the second factors, in the combinations that AWS accepts.

    https://github.com/go-to-k/cdkd/issues/1923, 1975 and 2064 quote AWS's answers, and
    https://github.com/aws/aws-cdk/issues/11478 the one for phone numbers. For email, the provider's documentation asks
    for two recovery mechanisms (https://github.com/hashicorp/terraform-provider-aws/issues/41049); AWS's words are not
    known.
    """
    pool, mode = cognito._user_pools.get(data.get("UserPoolId", "")) or {}, data.get("MfaConfiguration", "OFF")
    chosen = {name for name in data if name in ("SmsMfaConfiguration", "SoftwareTokenMfaConfiguration")}
    chosen |= {"EmailMfaConfiguration"} & data.keys()
    mechanisms = (pool.get("AccountRecoverySetting") or {}).get("RecoveryMechanisms") or []
    recovery = {one["Name"] for one in mechanisms}
    policy = ((pool.get("Policies") or {}).get("SignInPolicy") or {}).get("AllowedFirstAuthFactors") or []
    problem = ""
    if mode == "OFF" and chosen:
        problem = "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."
    elif mode != "OFF" and not chosen:
        problem = "Invalid MFA configuration given, can't disable all MFAs with a required or optional configuration."
    elif mode == "ON" and {"EMAIL_OTP", "SMS_OTP"} & set(policy):
        problem = "Only PASSWORD and WEB_AUTHN (if configured) can be enabled as an auth factor if MFA is enabled"
    elif mode == "ON" and "WEB_AUTHN" in policy:
        problem = (
            "Cannot set WebAuthn factor configuration to SINGLE_FACTOR if MFA is required and WebAuthn is an allowed "
            "first auth factor"
        )
    elif mode == "ON" and "SmsMfaConfiguration" in chosen and "verified_phone_number" in recovery:
        problem = (
            "Invalid account recovery setting parameter. Account Recovery Setting cannot use verified_phone_number as "
            "a recovery mechanism when SMS MFA is configured."
        )
    elif "EmailMfaConfiguration" in chosen and len(recovery) == 1:
        problem = "Email MFA requires an account recovery setting with more than one recovery mechanism."
    if problem:
        raise Refused("InvalidParameterException", problem)
    return original(data)


@patch(TARGET, "_admin_link_provider_for_user", because="MiniStack takes a pair that is linked already.")
def admin_link_provider_for_user(original: Original, data: dict[str, Any]) -> Any:
    """Link an identity; for a pair that is linked, AWS reports an error (https://github.com/boto/boto3/issues/4163)."""
    pool, source = cognito._user_pools.get(data.get("UserPoolId", "")) or {}, data.get("SourceUser") or {}
    names = ("ProviderName", "ProviderAttributeName", "ProviderAttributeValue")
    key = cognito._provider_link_key(*(source.get(name) or "" for name in names))
    if pool and cognito._provider_links(pool).get(key) == (data.get("DestinationUser") or {}).get(names[2]):
        raise Refused("InvalidParameterException", "SourceUser is already linked to DestinationUser")
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


@patch(TARGET, "_get_id", because="MiniStack gives identities to guests of pools that allow none.")
def get_id(original: Original, data: dict[str, Any]) -> Any:
    """Return an identity. Refuse a request without a login, unless the pool allows guests."""
    pool = cognito._identity_pools.get(data.get("IdentityPoolId"))
    if pool and not data.get("Logins") and not pool["AllowUnauthenticatedIdentities"]:
        message = "Unauthenticated access is not supported for this identity pool."
        return error_response_json("NotAuthorizedException", message, 400)
    return original(data)
