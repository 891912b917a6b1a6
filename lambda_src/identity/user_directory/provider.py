"""Configure identity providers that need a secret (Sign in with Apple, OIDC, social), without Terraform's state.

Terraform's provider has no write-only argument for `provider_details`, and reads a client secret back into the
state. So Terraform invokes this function with all settings except the secret, and the function adds the secret:

Terraform:    {"tf": {"action": "create" | "update" | "delete"}, "provider": Provider}
EventBridge:  a change of a secret, as recorded by CloudTrail: each provider of PROVIDERS that uses it is updated
by hand:      {"provider": {"name": ...}} or {} for all of PROVIDERS

Provider: {"name", "type", "details", "secret_arn", "attribute_mapping", "identifiers"}
Answer: {"providers": [names that were set or removed]} and nothing else, because Terraform keeps it in its state.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, observability, propagation, settings

SET = "identity provider set"
NOT_SET = "identity provider not set"
REMOVED = "identity provider removed"

_PEM = re.compile(r"-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----")
_P256 = bytes.fromhex("06082a8648ce3d030107")  # the curve's object identifier in DER


class UnusableSecret(Exception):
    """A secret does not contain what its provider needs. The message names the secret and the required content."""


class UnknownProvider(Exception):
    """The call names a provider that this stack does not have."""


@dataclass(frozen=True)
class Settings:
    """The environment. PROVIDERS: each provider by name, as Terraform passes it."""

    user_pool_id: str
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Set or remove providers. Raise UnusableSecret, UnknownProvider, SettingsError, or AWS's errors."""
    observability.begin(context)
    config = settings.load(Settings)
    return {"providers": propagation.permitted(lambda: act(event, config), by_terraform="tf" in event)}


def act(event: dict[str, Any], config: Settings) -> list[str]:
    """Set or remove the providers that an event concerns. Return their names."""
    log = observability.logger()
    cognito = clients.client("cognito-idp")
    action = (event.get("tf") or {}).get("action")
    if action == "delete":
        remove(cognito, config.user_pool_id, event["provider"]["name"])
        log.info(REMOVED, extra={"provider": event["provider"]["name"]})
        return [event["provider"]["name"]]
    chosen = [event["provider"]] if action else of_event(event, config.providers)
    failed: list[Exception] = []
    for provider in chosen:  # one unusable secret must not keep the others' providers from their new keys
        try:
            put(cognito, config.user_pool_id, provider, read(clients.client("secretsmanager"), provider))
        except Exception as error:  # noqa: BLE001 - raised below
            log.error(NOT_SET, extra={"provider": provider["name"], "cause": aws_errors.name(error)})  # noqa: TRY400
            failed.append(error)
        else:
            log.info(SET, extra={"provider": provider["name"]})
    if failed:
        raise failed[0]
    return [provider["name"] for provider in chosen]


def of_event(event: Mapping[str, Any], providers: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the providers that an event concerns: by name, by the changed secret, or all."""
    if "provider" in event:
        name = event["provider"].get("name")
        if name not in providers:
            raise UnknownProvider(f"There is no provider {name!r}. Existing providers: {', '.join(sorted(providers))}.")
        return [providers[name]]
    if "detail" not in event:
        return list(providers.values())
    detail = event["detail"]
    named = (detail.get("requestParameters") or {}).get("secretId") or (detail.get("additionalEventData") or {}).get(
        "SecretId", ""
    )
    return [p for p in providers.values() if named and is_same_secret(named, p["secret_arn"])]


def is_same_secret(named: str, arn: str) -> bool:
    """Return true if a name or ARN is the secret `arn`. Either ARN may lack its hyphen and six random characters."""
    if not named.startswith("arn:"):
        return arn.split(":secret:", 1)[-1] in (named, f"{named}{arn[-7:]}")
    return named in (arn, arn[:-7]) or named[:-7] == arn


def read(secrets: Any, provider: Mapping[str, Any]) -> dict[str, str]:
    """Return the provider_details in the secret: a JSON object of strings, or only the key or client secret."""
    text = secrets.get_secret_value(SecretId=provider["secret_arn"]).get("SecretString") or ""
    wanted = "private_key" if provider["type"] == "SignInWithApple" else "client_secret"
    try:
        found = json.loads(text)
    except ValueError:
        found = {wanted: text.strip()}
    good = isinstance(found, dict) and all(isinstance(value, str) for value in found.values()) and found.get(wanted)
    if not good or (wanted == "private_key" and not is_p256_key(found[wanted])):
        what = "an EC P-256 key as PKCS #8 PEM (Apple's .p8 file)" if wanted == "private_key" else "a string"
        raise UnusableSecret(
            f"The secret {provider['secret_arn']} must be {what}, or a JSON object with it as {wanted!r}."
        )
    return dict(found)


def is_p256_key(pem: str) -> bool:
    """Return true if a text is a PEM private key (PKCS #8, not encrypted) on the curve that Apple uses."""
    found = _PEM.fullmatch(pem.strip())
    if not found:
        return False
    try:
        return _P256 in base64.b64decode("".join(found[1].split()), validate=True)
    except binascii.Error:
        return False


def put(cognito: Any, user_pool_id: str, provider: Mapping[str, Any], secret: Mapping[str, str]) -> None:
    """Create the provider, or update an existing one."""
    wanted = {
        "UserPoolId": user_pool_id,
        "ProviderName": provider["name"],
        "ProviderDetails": {**provider["details"], **secret},
        "AttributeMapping": provider.get("attribute_mapping") or {},
        "IdpIdentifiers": provider.get("identifiers") or [],
    }
    try:
        cognito.update_identity_provider(**wanted)
    except cognito.exceptions.ResourceNotFoundException:
        cognito.create_identity_provider(ProviderType=provider["type"], **wanted)


def remove(cognito: Any, user_pool_id: str, name: str) -> None:
    """Remove a provider. It is no error if the provider, or its pool, no longer exists."""
    try:
        cognito.delete_identity_provider(UserPoolId=user_pool_id, ProviderName=name)
    except cognito.exceptions.ResourceNotFoundException:
        return
