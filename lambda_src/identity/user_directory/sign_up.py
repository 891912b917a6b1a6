"""Pre sign-up trigger: decide which addresses may sign up, and link a federated user to an existing user.

A federated user is linked only if PROVIDERS allows it, if the address is verified (by the provider's claim, or by
trust in the provider), and if exactly one user of the pool has this address verified. With weaker rules, an attacker
with an account at a provider could take over another person's user. The rules do not apply to users that an
administrator creates.

Linking is a service to the user, so a link that Cognito refuses for good does not refuse the sign-in: the federated
user stays separate. A failure that another attempt may resolve does, because a separate user could not be linked later.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from common import aws_errors, observability, settings
from common.aws_errors import Kind

from . import aws
from .shown import Shown, trigger

REFUSED = "sign-up refused"
LINKED = "federated user linked"
NOT_LINKED = "federated user not linked"
NO_OWNER = "not exactly one user has the address"
OTHER_SUBJECT = "the subject attribute is not the subject of the user name"

# No quotes, blanks, backslashes or control characters: an address becomes part of a ListUsers filter.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@((?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63})", re.IGNORECASE)


class SignUpRefused(Shown):
    """The address may not sign up. Cognito shows the message to the user."""


@dataclass(frozen=True)
class Settings:
    """The environment. DOMAINS: `example.com`, or `*.example.com` for its subdomains; empty for all domains.

    PROVIDERS: by name, {"link": whether users are linked, "trusted": whether its addresses count as verified,
    "subject": the attribute that has the provider's id of the user, or an empty string to take it from the user name}.
    """

    domains: list[str] = field(default_factory=list)
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)


class Identity(NamedTuple):
    """A provider's name and its id of a user."""

    provider: str
    subject: str


@trigger
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event to let the sign-up continue. Raise SignUpRefused or Unavailable."""
    log = observability.begin(context, trigger=event["triggerSource"])
    config = settings.load(Settings)
    if event["triggerSource"] == "PreSignUp_AdminCreateUser":
        return event
    attributes = event["request"].get("userAttributes") or {}
    address = str(attributes.get("email") or "")
    if config.domains and not allowed(address, config.domains):
        log.warning(REFUSED)
        observability.count("SignUpsRefused", 1)
        raise SignUpRefused("Sign-up is not open to this email address.")
    if event["triggerSource"] != "PreSignUp_ExternalProvider":
        return event
    identity = identity_of(event["userName"], config.providers)
    rules = config.providers.get(identity.provider, {}) if identity else {}
    verified = bool(rules.get("trusted")) or str(attributes.get("email_verified", "")).lower() == "true"
    if address and verified:
        event["response"]["autoVerifyEmail"] = True
    if identity and rules.get("link") and verified and _ADDRESS.fullmatch(address):
        identity = spelled(identity, attributes, str(rules.get("subject") or ""))
        reason = link(aws.client("cognito-idp"), event["userPoolId"], identity, address) if identity else OTHER_SUBJECT
        if reason:
            log.warning(NOT_LINKED, extra={"reason": reason})
        else:
            log.info(LINKED)
    return event


def allowed(address: str, domains: list[str]) -> bool:
    """Return true if an address belongs to one of `domains`. A malformed address belongs to none."""
    found = _ADDRESS.fullmatch(address)
    if not found:
        return False
    domain = found[1].lower()
    return any(domain.endswith(d[1:].lower()) if d.startswith("*.") else domain == d.lower() for d in domains)


def identity_of(user_name: str, providers: Mapping[str, Any]) -> Identity | None:
    """Return provider and subject of `<provider>_<subject>`. The name may contain underscores and differ in case."""
    for name in sorted(providers, key=len, reverse=True):
        if user_name.casefold().startswith(f"{name.casefold()}_") and len(user_name) > len(name) + 1:
            return Identity(name, user_name[len(name) + 1 :])
    return None


def spelled(identity: Identity, attributes: Mapping[str, Any], name: str) -> Identity | None:
    """Return the identity with the subject as its provider spells it, or None if the attribute is another subject.

    A pool that ignores case gives its triggers the user name in lower case, but compares a link's subject exactly.
    https://github.com/aws-amplify/amplify-js/issues/13844
    """
    if not name:
        return identity
    subject = str(attributes.get(name) or "")
    return identity._replace(subject=subject) if subject.casefold() == identity.subject.casefold() else None


def link(cognito: Any, user_pool_id: str, identity: Identity, address: str) -> str:
    """Link to the only user with this verified address. Return an empty string, or why the user stays separate."""
    found: list[Mapping[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = cognito.list_users(UserPoolId=user_pool_id, Filter=f'email = "{address}"', Limit=60, **token)
        found += [user for user in page["Users"] if _is_owner(user, address)]
        if not page.get("PaginationToken"):
            break
        token = {"PaginationToken": page["PaginationToken"]}
    if len(found) != 1:
        return NO_OWNER
    if _is_linked(found[0], identity):
        return ""
    try:
        cognito.admin_link_provider_for_user(
            UserPoolId=user_pool_id,
            DestinationUser={"ProviderName": "Cognito", "ProviderAttributeValue": found[0]["Username"]},
            SourceUser={
                "ProviderName": identity.provider,
                "ProviderAttributeName": "Cognito_Subject",
                "ProviderAttributeValue": identity.subject,
            },
        )
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None or not _is_final(failure):
            raise
        return failure.code
    return ""


def _is_final(failure: aws_errors.Failure) -> bool:
    """Return true if Cognito would refuse the link again.

    Examples are an identity or a pair that is linked already (AliasExistsException, InvalidParameterException:
    https://github.com/boto/boto3/issues/4163) and a user with five links (LimitExceededException).
    """
    return failure.code == "LimitExceededException" or failure.kind in (Kind.OTHER, Kind.GONE)


def _is_linked(user: Mapping[str, Any], identity: Identity) -> bool:
    """Return true if a user's `identities`, which is JSON, contain the identity."""
    try:
        linked = json.loads(_attributes(user).get("identities") or "[]")
        return any((each["providerName"], each["userId"]) == identity for each in linked)
    except (KeyError, TypeError, ValueError):
        return False


def _is_owner(user: Mapping[str, Any], address: str) -> bool:
    attributes = _attributes(user)
    return (
        user.get("Enabled", False)
        and user.get("UserStatus") in ("CONFIRMED", "FORCE_CHANGE_PASSWORD", "RESET_REQUIRED")
        and attributes.get("email", "").casefold() == address.casefold()
        and attributes.get("email_verified", "").lower() == "true"
    )


def _attributes(user: Mapping[str, Any]) -> dict[str, str]:
    return {a["Name"]: a.get("Value", "") for a in user.get("Attributes", [])}
