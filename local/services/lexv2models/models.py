"""LexModelsV2Backend: bots, their versions and aliases, as CloudFormation's resource types describe them.

Sources: Lex V2 API reference and developer guide; the schemas of AWS::Lex::Bot, BotVersion and BotAlias.
"""

from __future__ import annotations

import re
import secrets
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import operation

from .exceptions import (
    ConflictException,
    PreconditionFailedException,
    ResourceNotFoundException,
    ValidationException,
)

Data = dict[str, Any]
DRAFT = "DRAFT"
FALLBACK = "AMAZON.FallbackIntent"
FREE_FORM = "AMAZON.FreeFormInput"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def _identifier() -> str:
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(10))


@dataclass
class Alias:
    """A name for a version. `properties` are those of AWS::Lex::BotAlias."""

    id: str
    properties: Data
    created: float = field(default_factory=time.time)

    @property
    def version(self) -> str:
        """Return the version that it points to; an alias without one answers nothing."""
        return str(self.properties.get("BotVersion", ""))

    def locale(self, locale_id: str) -> Data:
        """Return the settings of a locale, or {}."""
        settings = self.properties.get("BotAliasLocaleSettings") or []
        return next((one["BotAliasLocaleSetting"] for one in settings if one["LocaleId"] == locale_id), {})

    def hook(self, locale_id: str) -> str:
        """Return the ARN of the function that a locale calls, or an empty string."""
        specification = self.locale(locale_id).get("CodeHookSpecification") or {}
        return str(specification.get("LambdaCodeHook", {}).get("LambdaArn", ""))


@dataclass
class Bot:
    """A bot. `properties` are those of AWS::Lex::Bot; `versions` has the locales of each, DRAFT among them, built."""

    id: str
    properties: Data
    versions: dict[str, dict[str, Data]] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    numbered: int = 0
    created: float = field(default_factory=time.time)


class LexModelsV2Backend(BaseBackend):
    """The bots of one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.bots: dict[str, Bot] = {}
        self.sessions: dict[tuple[str, str, str, str], Data] = {}

    # --- what CloudFormation does ----------------------------------------------------------------------------------

    def put_bot(self, properties: Data, bot_id: str = "") -> str:
        """Create a bot, or change the draft of one, and build its locales. Return its id."""
        taken = [bot.id for bot in self.bots.values() if bot.properties["Name"] == properties["Name"]]
        if taken not in ([], [bot_id]):
            raise ConflictException(f"A bot with the name {properties['Name']} already exists.")
        locales = {locale["LocaleId"]: locale for locale in properties.get("BotLocales", [])}
        found = [f"{name}: {problem}" for name, locale in locales.items() for problem in build_problems(locale)]
        if found:
            raise ValidationException("The locale failed to build. " + " ".join(found))
        bot = self.bots[bot_id] if bot_id else Bot(_identifier(), properties)
        bot.properties = properties
        bot.versions[DRAFT] = locales if properties.get("AutoBuildBotLocales") else {}
        self.bots[bot.id] = bot
        return bot.id

    def delete_bot(self, bot_id: str) -> None:
        """Delete a bot, unless aliases or versions of it remain."""
        bot = self._bot(bot_id)
        if bot.aliases or set(bot.versions) - {DRAFT}:
            raise ConflictException(f"Bot {bot_id} is in use: delete its aliases and versions first.")
        del self.bots[bot_id]
        self.sessions = {key: session for key, session in self.sessions.items() if key[0] != bot_id}

    def create_version(self, properties: Data) -> str:
        """Keep the draft's locales under the next number. Return it."""
        bot = self._bot(properties["BotId"])
        wanted = [one["LocaleId"] for one in properties["BotVersionLocaleSpecification"]]
        unbuilt = [locale for locale in wanted if locale not in bot.versions[DRAFT]]
        if unbuilt:
            raise PreconditionFailedException(f"The locales {', '.join(unbuilt)} are not built.")
        bot.numbered += 1
        bot.versions[str(bot.numbered)] = {locale: bot.versions[DRAFT][locale] for locale in wanted}
        return str(bot.numbered)

    def delete_version(self, bot_id: str, version: str) -> None:
        """Delete a version that no alias points to."""
        bot = self._bot(bot_id)
        if any(alias.version == version for alias in bot.aliases.values()):
            raise ConflictException(f"Version {version} of bot {bot_id} is in use by an alias.")
        bot.versions.pop(version, None)

    def put_alias(self, properties: Data, alias_id: str = "") -> Data:
        """Create an alias, or change one. Return its id and ARN."""
        bot = self._bot(properties["BotId"])
        version = properties.get("BotVersion")
        if version and version not in bot.versions:
            raise ResourceNotFoundException(f"Version {version} of bot {bot.id} does not exist.")
        names = [alias.id for alias in bot.aliases.values() if _name(alias) == properties["BotAliasName"]]
        if names not in ([], [alias_id]):
            raise ConflictException(f"An alias with the name {properties['BotAliasName']} already exists.")
        alias = bot.aliases.get(alias_id) or Alias(_identifier(), properties)
        alias.properties = properties
        bot.aliases[alias.id] = alias
        return {"BotAliasId": alias.id, "Arn": self.alias_arn(bot.id, alias.id), "BotAliasStatus": "Available"}

    def delete_alias(self, bot_id: str, alias_id: str) -> None:
        """Delete an alias; no alias is no error."""
        self._bot(bot_id).aliases.pop(alias_id, None)

    # --- the API, reading ------------------------------------------------------------------------------------------

    @operation()
    def describe_bot(self, bot_id: str) -> Data:
        """Return a bot."""
        bot = self._bot(bot_id)
        return {
            "botId": bot.id,
            "botName": bot.properties["Name"],
            "roleArn": bot.properties["RoleArn"],
            "dataPrivacy": {"childDirected": bot.properties["DataPrivacy"]["ChildDirected"]},
            "idleSessionTTLInSeconds": int(bot.properties["IdleSessionTTLInSeconds"]),
            "botStatus": "Available",
            "botType": "Bot",
            "creationDateTime": bot.created,
            "lastUpdatedDateTime": bot.created,
        }

    @operation()
    def list_bots(self, **_filters: Any) -> Data:
        """Return all bots."""
        return {
            "botSummaries": [
                {
                    "botId": bot.id,
                    "botName": bot.properties["Name"],
                    "botStatus": "Available",
                    "latestBotVersion": str(bot.numbered) if bot.numbered else DRAFT,
                }
                for bot in self.bots.values()
            ]
        }

    @operation()
    def describe_bot_locale(self, bot_id: str, bot_version: str, locale_id: str) -> Data:
        """Return a locale of a version."""
        locale = self.locale(self._bot(bot_id), bot_version, locale_id)
        return {
            "botId": bot_id,
            "botVersion": bot_version,
            "localeId": locale_id,
            "nluIntentConfidenceThreshold": float(locale["NluConfidenceThreshold"]),
            "botLocaleStatus": "Built",
            "intentsCount": len(locale.get("Intents", [])),
            "slotTypesCount": len(locale.get("SlotTypes", [])),
        }

    @operation()
    def list_bot_versions(self, bot_id: str, **_options: Any) -> Data:
        """Return the versions of a bot, DRAFT among them."""
        versions = [{"botVersion": version, "botStatus": "Available"} for version in self._bot(bot_id).versions]
        return {"botId": bot_id, "botVersionSummaries": versions}

    @operation()
    def list_bot_aliases(self, bot_id: str, **_options: Any) -> Data:
        """Return the aliases of a bot."""
        aliases = [
            {
                "botAliasId": alias.id,
                "botAliasName": _name(alias),
                "botVersion": alias.version,
                "botAliasStatus": "Available",
            }
            for alias in self._bot(bot_id).aliases.values()
        ]
        return {"botId": bot_id, "botAliasSummaries": aliases}

    @operation()
    def describe_bot_alias(self, bot_alias_id: str, bot_id: str) -> Data:
        """Return an alias."""
        alias = self.alias(self._bot(bot_id), bot_alias_id)
        settings = {
            one["LocaleId"]: {
                "enabled": one["BotAliasLocaleSetting"]["Enabled"],
                "codeHookSpecification": {
                    "lambdaCodeHook": {"lambdaARN": alias.hook(one["LocaleId"]), "codeHookInterfaceVersion": "1.0"}
                },
            }
            for one in alias.properties.get("BotAliasLocaleSettings") or []
        }
        return {
            "botAliasId": alias.id,
            "botAliasName": _name(alias),
            "botVersion": alias.version,
            "botAliasLocaleSettings": settings,
            "botAliasStatus": "Available",
            "botId": bot_id,
            "creationDateTime": alias.created,
            "lastUpdatedDateTime": alias.created,
        }

    # --- for both APIs ---------------------------------------------------------------------------------------------

    def alias_arn(self, bot_id: str, alias_id: str) -> str:
        """Return the ARN that Lex gives as the source when it calls a function."""
        return f"arn:aws:lex:{self.region_name}:{self.account_id}:bot-alias/{bot_id}/{alias_id}"

    def _bot(self, bot_id: str) -> Bot:
        if bot_id not in self.bots:
            raise ResourceNotFoundException(f"Bot {bot_id} does not exist.")
        return self.bots[bot_id]

    def bot(self, bot_id: str) -> Bot:
        """Return a bot. Raise ResourceNotFoundException."""
        return self._bot(bot_id)

    def alias(self, bot: Bot, alias_id: str) -> Alias:
        """Return an alias. Raise ResourceNotFoundException."""
        if alias_id not in bot.aliases:
            raise ResourceNotFoundException(f"Alias {alias_id} of bot {bot.id} does not exist.")
        return bot.aliases[alias_id]

    def locale(self, bot: Bot, version: str, locale_id: str) -> Data:
        """Return a built locale of a version. Raise ResourceNotFoundException."""
        found = bot.versions.get(version, {}).get(locale_id)
        if found is None:
            raise ResourceNotFoundException(f"Version {version} of bot {bot.id} has no built locale {locale_id}.")
        return found


def _name(alias: Alias) -> str:
    return str(alias.properties["BotAliasName"])


def build_problems(locale: Data) -> Iterator[str]:
    """Yield why Lex would not build a locale."""
    types = {one["Name"]: one for one in locale.get("SlotTypes", [])}
    intents = locale.get("Intents", [])
    if [one.get("ParentIntentSignature") for one in intents].count(FALLBACK) != 1:
        yield f"It needs one intent with the parent {FALLBACK}."
    for name, one in types.items():
        if not one.get("SlotTypeValues") and not one.get("ParentSlotTypeSignature"):
            yield f"Slot type {name} has no values."
    said: dict[str, str] = {}
    for intent in intents:
        yield from _intent_problems(intent, types)
        for utterance in _utterances(intent):
            plain = _PLACEHOLDER.sub("{}", utterance).lower()
            if said.setdefault(plain, intent["Name"]) != intent["Name"]:
                yield f"{utterance!r} is an utterance of {said[plain]} and of {intent['Name']}."


def _utterances(intent: Data) -> list[str]:
    return [one["Utterance"] for one in intent.get("SampleUtterances", [])]


def _intent_problems(intent: Data, types: Data) -> Iterator[str]:
    name, slots = intent["Name"], {one["Name"]: one for one in intent.get("Slots", [])}
    if not intent.get("ParentIntentSignature") and not _utterances(intent):
        yield f"Intent {name} has no sample utterances."
    ranked = {one["SlotName"] for one in intent.get("SlotPriorities", [])}
    for slot_name, slot in slots.items():
        kind, elicitation = slot["SlotTypeName"], slot["ValueElicitationSetting"]
        if kind not in types and not kind.startswith("AMAZON."):
            yield f"Slot {slot_name} of {name} has the type {kind}, which does not exist."
        if elicitation["SlotConstraint"] == "Required" and slot_name not in ranked:
            yield f"Slot {slot_name} of {name} is required and has no priority."
        if elicitation["SlotConstraint"] == "Required" and not elicitation.get("PromptSpecification"):
            yield f"Slot {slot_name} of {name} is required and has no prompt."
    for utterance in _utterances(intent):
        for placeholder in _PLACEHOLDER.findall(utterance):
            if placeholder not in slots:
                yield f"{utterance!r} of {name} names the slot {placeholder}, which does not exist."
            elif slots[placeholder]["SlotTypeName"] == FREE_FORM:
                yield f"{utterance!r} of {name} has a slot of the type {FREE_FORM}."
    for unknown in sorted(ranked - slots.keys()):
        yield f"A priority of {name} names the slot {unknown}, which does not exist."


lexv2models_backends = BackendDict(LexModelsV2Backend, "lexv2-models")
