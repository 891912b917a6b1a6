"""LexRuntimeV2Backend: one turn of a conversation by text.

Sources: Lex V2 API reference (RecognizeText) and developer guide ("AWS Lambda input event format for Lex V2", "AWS
Lambda response format for Lex V2", "Configuring dialog code hooks", "AMAZON.FreeFormInput").
"""

from __future__ import annotations

import copy
import time
import uuid
from typing import Any

from moto.core.utils import get_service_model

from local.services.base import operation, problems

from . import neighbours
from .exceptions import DependencyFailedException, ResourceNotFoundException, ValidationException
from .matching import Match, fill, recognize
from .models import FALLBACK, Alias, Bot, Data, LexModelsV2Backend

RESPONSE = {"sessionState", "messages", "requestAttributes"}
"""What a code hook may answer; `sessionState` it must."""


class LexRuntimeV2Backend:
    """Conversations with the bots of one account and Region."""

    def __init__(self, models: LexModelsV2Backend) -> None:
        self.models = models

    @operation()
    def recognize_text(
        self,
        bot_id: str,
        bot_alias_id: str,
        locale_id: str,
        session_id: str,
        text: str,
        session_state: Data | None = None,
        request_attributes: Data | None = None,
    ) -> Data:
        """Answer what a user writes."""
        bot = self.models.bot(bot_id)
        alias = self.models.alias(bot, bot_alias_id)
        if not alias.version or not alias.locale(locale_id).get("Enabled"):
            raise ResourceNotFoundException(f"The alias {bot_alias_id} has no enabled locale {locale_id}.")
        locale = self.models.locale(bot, alias.version, locale_id)
        key = (bot_id, bot_alias_id, locale_id, session_id)
        session = self._session(key, int(bot.properties["IdleSessionTTLInSeconds"]), session_state)
        turn = Turn(self.models, bot, alias, locale, session, session_id, text, request_attributes or {})
        turn.run()
        # Kept only now: after a failure of the code hook the conversation is where it was.
        self.models.sessions[key] = {**session, "until": time.time() + int(bot.properties["IdleSessionTTLInSeconds"])}
        return turn.answer()

    @operation()
    def delete_session(self, bot_id: str, bot_alias_id: str, locale_id: str, session_id: str) -> Data:
        """End a conversation."""
        if self.models.sessions.pop((bot_id, bot_alias_id, locale_id, session_id), None) is None:
            raise ResourceNotFoundException(f"Session {session_id} does not exist.")
        return {"botId": bot_id, "botAliasId": bot_alias_id, "localeId": locale_id, "sessionId": session_id}

    def _session(self, key: tuple[str, str, str, str], seconds: int, given: Data | None) -> Data:
        kept = self.models.sessions.get(key)
        fresh: Data = {"attributes": {}, "intent": None, "elicits": "", "retries": 0}
        session = copy.deepcopy(kept) if kept and kept["until"] > time.time() else fresh
        if given and set(given) - {"sessionAttributes"}:
            raise ValidationException("The local cloud takes only sessionAttributes of a session state.")
        session["attributes"] |= (given or {}).get("sessionAttributes", {})
        return session


class Turn:
    """What comes of one text. `session` is changed in place."""

    def __init__(
        self,
        models: LexModelsV2Backend,
        bot: Bot,
        alias: Alias,
        locale: Data,
        session: Data,
        session_id: str,
        text: str,
        request_attributes: Data,
    ) -> None:
        self.models, self.bot, self.alias, self.locale = models, bot, alias, locale
        self.session, self.session_id, self.text, self.request = session, session_id, text, request_attributes
        self.intents = {one["Name"]: one for one in locale["Intents"]}
        self.messages: list[Data] = []
        self.action: Data = {}

    @property
    def intent(self) -> Data:
        """Return the intent that the conversation is about, as the model has it."""
        return dict(self.intents[self.session["intent"]["name"]])

    def run(self) -> None:
        """Understand the text, and go on until the user has to say something."""
        self._understand()
        if self.intent.get("DialogCodeHook", {}).get("Enabled") and not self._is_fallback():
            self._call("DialogCodeHook")
        else:
            self._proceed()

    def _is_fallback(self) -> bool:
        return bool(self.intent.get("ParentIntentSignature") == FALLBACK)

    def _understand(self) -> None:
        """Fill the slot that was asked for, or begin an intent."""
        session = self.session
        if session["elicits"]:
            slot = next(one for one in self.intent["Slots"] if one["Name"] == session["elicits"])
            value = fill(slot["SlotTypeName"], self.text, self.locale, switch=self._recognized() is not None)
            if value is not None:
                session["intent"]["slots"][slot["Name"]] = value
                session["elicits"], session["retries"] = "", 0
                return
            match = self._recognized()
            retries = slot["ValueElicitationSetting"]["PromptSpecification"]["MaxRetries"]
            if match is None and session["retries"] < retries:
                session["retries"] += 1
                return
            self._begin(match)
            return
        self._begin(self._recognized())

    def _recognized(self) -> Match | None:
        return recognize(self.text, self.locale)

    def _begin(self, match: Match | None) -> None:
        name = match.intent if match else next(n for n, i in self.intents.items() if i.get("ParentIntentSignature"))
        slots = {one["Name"]: None for one in self.intents[name].get("Slots", [])}
        self.session["intent"] = {
            "name": name,
            "slots": slots | (match.slots if match else {}),
            "state": "InProgress",
            "confirmationState": "None",
        }
        self.session["elicits"], self.session["retries"] = "", 0

    def _proceed(self) -> None:
        """Ask for the next slot, or fulfil the intent."""
        slots = self.session["intent"]["slots"]
        wanted = [one["SlotName"] for one in sorted(self.intent.get("SlotPriorities", []), key=lambda p: p["Priority"])]
        required = {s["Name"]: s for s in self.intent.get("Slots", []) if _required(s)}
        missing = next((name for name in wanted if name in required and slots.get(name) is None), "")
        if missing:
            self._elicit(missing, [])
        elif self.intent.get("FulfillmentCodeHook", {}).get("Enabled"):
            self.session["intent"]["state"] = "ReadyForFulfillment"
            self._call("FulfillmentCodeHook")
        else:
            self.session["intent"]["state"] = "ReadyForFulfillment"
            self._close([])

    def _elicit(self, slot_name: str, messages: list[Data]) -> None:
        slot = next(one for one in self.intent["Slots"] if one["Name"] == slot_name)
        group = slot["ValueElicitationSetting"]["PromptSpecification"]["MessageGroupsList"][0]
        prompt = {"content": group["Message"]["PlainTextMessage"]["Value"], "contentType": "PlainText"}
        self.messages = messages or [prompt]
        self.session["elicits"] = slot_name
        self.action = {"type": "ElicitSlot", "slotToElicit": slot_name}

    def _close(self, messages: list[Data]) -> None:
        self.messages, self.action = messages, {"type": "Close"}
        self.session["elicits"] = ""

    # --- the code hook -----------------------------------------------------------------------------------------------

    def _call(self, source: str) -> None:
        arn = self.alias.hook(self.locale["LocaleId"])
        if not arn:
            self._proceed() if source == "DialogCodeHook" else self._close([])
            return
        alias_arn = self.models.alias_arn(self.bot.id, self.alias.id)
        account, region = self.models.account_id, self.models.region_name
        try:
            answer = neighbours.current.invoke(arn, alias_arn, account, region, self._event(source))
        except neighbours.HookFailed as error:
            raise DependencyFailedException(f"Invalid Lambda Response: {error}") from None
        found = response_problems(answer)
        if found:
            raise DependencyFailedException("Invalid Lambda Response: " + "; ".join(found))
        self._follow(source, answer)

    def _event(self, source: str) -> Data:
        intent = copy.deepcopy(self.session["intent"])
        attributes = dict(self.session["attributes"])
        return {
            "messageVersion": "1.0",
            "invocationSource": source,
            "inputMode": "Text",
            "responseContentType": "text/plain; charset=utf-8",
            "sessionId": self.session_id,
            "inputTranscript": self.text,
            "bot": {
                "id": self.bot.id,
                "name": self.bot.properties["Name"],
                "localeId": self.locale["LocaleId"],
                "version": self.alias.version,
                "aliasId": self.alias.id,
                "aliasName": self.alias.properties["BotAliasName"],
            },
            "interpretations": [{"interpretationSource": "Lex", "intent": intent, "nluConfidence": 1.0}],
            "requestAttributes": self.request,
            "sessionState": {
                "activeContexts": [],
                "sessionAttributes": attributes,
                "runtimeHints": {},
                "intent": copy.deepcopy(intent),
                "originatingRequestId": str(uuid.uuid4()),
            },
            "transcriptions": [{"transcription": self.text, "transcriptionConfidence": 1.0}],
        }

    def _follow(self, source: str, answer: Data) -> None:
        """Do what the code hook says."""
        state, messages = answer["sessionState"], answer.get("messages") or []
        action = state["dialogAction"]
        self.session["attributes"] = state.get("sessionAttributes") or {}
        if intent := state.get("intent"):
            self.session["intent"] = {"confirmationState": "None", "state": "InProgress", "slots": {}, **intent}
        kind = action["type"]
        if kind == "Delegate" and source == "FulfillmentCodeHook":
            raise DependencyFailedException("The fulfillment function returned Delegate without removing slot values.")
        if kind == "Delegate":
            self._proceed()
        elif kind == "ElicitSlot":
            self._elicit(action["slotToElicit"], messages)
        elif kind == "Close":
            self._close(messages)
        elif kind == "ElicitIntent":
            self.messages, self.action, self.session["elicits"] = messages, action, ""
        else:
            raise NotImplementedError(f"dialogAction {kind}")

    def answer(self) -> Data:
        """Return what RecognizeText answers."""
        state = {
            "dialogAction": self.action,
            "intent": self.session["intent"],
            "sessionAttributes": self.session["attributes"],
            "originatingRequestId": str(uuid.uuid4()),
        }
        return {
            "messages": self.messages,
            "sessionState": state,
            "interpretations": [{"intent": self.session["intent"], "nluConfidence": {"score": 1.0}}],
            "requestAttributes": self.request,
            "sessionId": self.session_id,
        }


def _required(slot: Data) -> bool:
    return bool(slot["ValueElicitationSetting"]["SlotConstraint"] == "Required")


def response_problems(answer: Any) -> list[str]:
    """Return why Lex does not take what a code hook answers: it has the members of PutSession's request."""
    if not isinstance(answer, dict) or not isinstance(answer.get("sessionState"), dict):
        return ["sessionState is missing"]
    answer = copy.deepcopy(answer)
    intent = answer["sessionState"].get("intent")
    if isinstance(intent, dict) and isinstance(intent.get("slots"), dict):  # a slot without a value is null
        intent["slots"] = {name: value for name, value in intent["slots"].items() if value is not None}
    shape = get_service_model("lexv2-runtime").operation_model("PutSession").input_shape
    found = [f"{name} is not a field of a response" for name in answer if name not in RESPONSE]
    for name in sorted(RESPONSE & answer.keys()):
        found += problems(shape.members[name], answer[name], name)
    state = answer["sessionState"]
    if found or "dialogAction" not in state:
        return found or ["sessionState.dialogAction is missing"]
    kind = state["dialogAction"]["type"]
    if kind == "Close" and (state.get("intent") or {}).get("state") not in ("Fulfilled", "Failed"):
        found.append("Close needs an intent whose state is Fulfilled or Failed")
    if kind == "ElicitSlot" and not (state.get("intent") and state["dialogAction"].get("slotToElicit")):
        found.append("ElicitSlot needs the intent and slotToElicit")
    if kind == "ElicitIntent" and not answer.get("messages"):
        found.append("ElicitIntent needs messages")
    return found
