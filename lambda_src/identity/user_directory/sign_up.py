"""Pre sign-up trigger: whose address may sign up, and linking a federated user to the one that is there.

A federated user is linked only where PROVIDERS allows it, only when the address is verified (by the provider's
claim, or by trust in the provider), and only to exactly one user of the pool whose address is verified too:
anything less would let one who controls a provider's account take over a stranger's.
Users that an administrator creates are the administrator's decision.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from common import observability, settings

from . import aws
from .shown import Shown, trigger

REFUSED = "sign-up refused"
LINKED = "federated user linked"
NOT_LINKED = "federated user not linked"

# No quotes, blanks, backslashes or control characters: an address becomes part of a ListUsers filter.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@((?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63})", re.IGNORECASE)


class SignUpRefused(Shown):
    """The address may not sign up. Cognito shows the message."""


@dataclass(frozen=True)
class Settings:
    """The environment. DOMAINS: `example.com`, or `*.example.com` for those below; none for all.

    PROVIDERS: by name, {"link": whether users are linked, "trusted": whether its addresses count as verified}.
    """

    domains: list[str] = field(default_factory=list)
    providers: dict[str, dict[str, bool]] = field(default_factory=dict)


class Identity(NamedTuple):
    """A user as a provider knows it."""

    provider: str
    subject: str


@trigger
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Gives the event back to let the sign-up go on. Raises SignUpRefused, Unavailable."""
    log = observability.begin(context, trigger=event["triggerSource"])
    config = settings.load(Settings)
    if event["triggerSource"] == "PreSignUp_AdminCreateUser":
        return event
    attributes = event["request"].get("userAttributes") or {}
    address = str(attributes.get("email") or "")
    if config.domains and not allowed(address, config.domains):
        log.warning(REFUSED)
        observability.count("SignUpsRefused", 1)
        raise SignUpRefused("Sign-up is not open to this e-mail address.")
    if event["triggerSource"] != "PreSignUp_ExternalProvider":
        return event
    identity = identity_of(event["userName"], config.providers)
    rules = config.providers.get(identity.provider, {}) if identity else {}
    verified = bool(rules.get("trusted")) or str(attributes.get("email_verified", "")).lower() == "true"
    if address and verified:
        event["response"]["autoVerifyEmail"] = True
    if identity and rules.get("link") and verified and _ADDRESS.fullmatch(address):
        linked = link(aws.client("cognito-idp"), event["userPoolId"], identity, address)
        log.info(LINKED if linked else NOT_LINKED)
    return event


def allowed(address: str, domains: list[str]) -> bool:
    """Whether an address belongs to one of `domains`; one that is malformed belongs to none."""
    found = _ADDRESS.fullmatch(address)
    if not found:
        return False
    domain = found[1].lower()
    return any(domain.endswith(d[1:].lower()) if d.startswith("*.") else domain == d.lower() for d in domains)


def identity_of(user_name: str, providers: Mapping[str, Any]) -> Identity | None:
    """Provider and subject of `<provider>_<subject>`; a provider's name may hold underscores and change case."""
    for name in sorted(providers, key=len, reverse=True):
        if user_name.casefold().startswith(f"{name.casefold()}_") and len(user_name) > len(name) + 1:
            return Identity(name, user_name[len(name) + 1 :])
    return None


def link(cognito: Any, user_pool_id: str, identity: Identity, address: str) -> bool:
    """Links to the only user with this verified address; False when there is none, or more than one."""
    found: list[Mapping[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = cognito.list_users(UserPoolId=user_pool_id, Filter=f'email = "{address}"', Limit=60, **token)
        found += [user for user in page["Users"] if _is_owner(user, address)]
        if not page.get("PaginationToken"):
            break
        token = {"PaginationToken": page["PaginationToken"]}
    if len(found) != 1:
        return False
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
    except (cognito.exceptions.AliasExistsException, cognito.exceptions.LimitExceededException):
        return False  # already somebody's, or five are linked: it stays a user of its own
    return True


def _is_owner(user: Mapping[str, Any], address: str) -> bool:
    attributes = {a["Name"]: a.get("Value", "") for a in user.get("Attributes", [])}
    return (
        user.get("Enabled", False)
        and user.get("UserStatus") in ("CONFIRMED", "FORCE_CHANGE_PASSWORD", "RESET_REQUIRED")
        and attributes.get("email", "").casefold() == address.casefold()
        and attributes.get("email_verified", "").lower() == "true"
    )
