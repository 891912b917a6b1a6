"""Web identity tokens are verified as STS does: provider, audience, signature, time.

The keys that STS would fetch from `<issuer>/.well-known/openid-configuration` are those that the command `issuer` gave:
the issuers are on the internet, which the local cloud does not use.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import jwt
from ministack.core.responses import error_response_json
from ministack.services import iam, sts

from local.patches.registry import Original, patch

_issuers: dict[str, jwt.PyJWKSet] = {}


def issuer(url: str, jwks: dict[str, Any]) -> None:
    """Publish the keys of an issuer."""
    _issuers[url] = jwt.PyJWKSet.from_dict(jwks)


COMMANDS = {"issuer": issuer}


class Refused(Exception):
    """A token that STS does not accept, with its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def verified(token: str, account: str) -> None:
    """Raise Refused unless the token is one of a provider of the account, for its audience, signed and in time."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        key_id = jwt.get_unverified_header(token).get("kid")
    except jwt.InvalidTokenError:
        raise Refused("InvalidIdentityToken", "The ID Token provided is not a valid JWT.") from None
    url = str(claims.get("iss"))
    arn = f"arn:aws:iam::{account}:oidc-provider/{url.removeprefix('https://').rstrip('/')}"
    provider = iam._oidc_providers.get_scoped(account, None, arn)
    if not provider:
        raise Refused("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {url}")
    keys = _issuers.get(url)
    found = [key for key in keys.keys if key.key_id == key_id] if keys else []
    if not found:
        raise Refused("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider")
    try:
        jwt.decode(token, found[0], algorithms=["RS256", "ES256"], audience=provider["ClientIDList"], issuer=url)
    except jwt.ExpiredSignatureError:
        raise Refused("ExpiredTokenException", "Token expired") from None
    except jwt.InvalidAudienceError:
        raise Refused("InvalidIdentityToken", "Incorrect token audience") from None
    except jwt.InvalidTokenError:
        raise Refused("InvalidIdentityToken", "Provided Token is not valid") from None


@patch(
    "ministack.services.sts",
    "_web_identity_trust_denied",
    because="MiniStack believes a token's claims: it checks no signature, provider, audience and time.",
)
def web_identity_trust_denied(original: Original, role_arn: str, params: Any, use_json: bool) -> Any:
    """Return the refusal of the token or of the role's trust policy, or None."""
    try:
        verified(str(sts._p(params, "WebIdentityToken")), role_arn.split(":")[4])
    except Refused as error:
        if use_json:
            return error_response_json(error.code, str(error), 400)
        return sts._error(400, error.code, str(error), ns="sts")
    return original(role_arn, params, use_json)


@patch("ministack.services.iam", "_IAM_HANDLERS", because="MiniStack changes no tags of a provider of OpenID Connect.")
def iam_handlers(handlers: dict[str, Any]) -> dict[str, Any]:
    """Return the operations with those of a provider's tags."""
    tags = {
        "TagOpenIDConnectProvider": tag,
        "UntagOpenIDConnectProvider": untag,
        "ListOpenIDConnectProviderTags": tags_of,
    }
    return {**handlers, **tags}


def _answer(
    params: Any, operation: str, change: Callable[[dict[str, str]], dict[str, str]], *, shown: bool = False
) -> Any:
    arn = str(iam._p(params, "OpenIDConnectProviderArn"))
    provider = iam._oidc_providers.get(arn)
    if not provider:
        return iam._error(404, "NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", ns="iam")
    tags = change({one["Key"]: one["Value"] for one in provider["Tags"]})
    provider["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    members = "".join(f"<member><Key>{escape(k)}</Key><Value>{escape(v)}</Value></member>" for k, v in tags.items())
    result = f"<Tags>{members}</Tags><IsTruncated>false</IsTruncated>" if shown else ""
    return iam._xml(200, f"{operation}Response", f"<{operation}Result>{result}</{operation}Result>", ns="iam")


def tag(params: Any) -> Any:
    """Add tags, or change them."""
    new = {one["Key"]: one["Value"] for one in iam._extract_tags(params)}
    return _answer(params, "TagOpenIDConnectProvider", lambda tags: {**tags, **new})


def untag(params: Any) -> Any:
    """Remove tags."""
    gone = set(iam._extract_tag_keys(params))
    return _answer(params, "UntagOpenIDConnectProvider", lambda tags: {k: v for k, v in tags.items() if k not in gone})


def tags_of(params: Any) -> Any:
    """Return the tags."""
    return _answer(params, "ListOpenIDConnectProviderTags", dict, shown=True)
