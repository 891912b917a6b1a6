"""Lex of the local cloud: builds, versions, aliases; conversations with a code hook, and what it may not answer."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import install_all
from local.services.bridge import RESOURCE_ARNS
from local.services.lexv2models import neighbours
from local.services.lexv2models.exceptions import (
    ConflictException,
    PreconditionFailedException,
    ResourceNotFoundException,
    ValidationException,
)
from local.services.lexv2models.models import LexModelsV2Backend, lexv2models_backends

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:hook"


def slot(name: str, kind: str, required: bool = True) -> dict[str, Any]:
    prompt = {"MaxRetries": 1, "MessageGroupsList": [{"Message": {"PlainTextMessage": {"Value": f"{name}?"}}}]}
    elicitation = {"SlotConstraint": "Required" if required else "Optional", "PromptSpecification": prompt}
    return {"Name": name, "SlotTypeName": kind, "ValueElicitationSetting": elicitation}


def intent(name: str, utterances: list[str], slots: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Name": name,
        "SampleUtterances": [{"Utterance": one} for one in utterances],
        "DialogCodeHook": {"Enabled": True},
        "FulfillmentCodeHook": {"Enabled": True},
        "SlotPriorities": [{"Priority": n, "SlotName": one["Name"]} for n, one in enumerate(slots)],
        "Slots": slots,
    }


FALLBACK = {
    "Name": "FallbackIntent",
    "ParentIntentSignature": "AMAZON.FallbackIntent",
    "FulfillmentCodeHook": {"Enabled": True},
}


def properties() -> dict[str, Any]:
    colours = {
        "Name": "Colours",
        "ValueSelectionSetting": {"ResolutionStrategy": "TOP_RESOLUTION"},
        "SlotTypeValues": [{"SampleValue": {"Value": "red"}, "Synonyms": [{"Value": "crimson"}]}],
    }
    anything = {**colours, "Name": "Anything", "ValueSelectionSetting": {"ResolutionStrategy": "ORIGINAL_VALUE"}}
    paint = intent("Paint", ["paint", "paint it {Colour}"], [slot("Colour", "Colours"), slot("What", "Anything")])
    say = intent("Say", ["say something"], [slot("Words", "AMAZON.FreeFormInput")])
    locale = {"LocaleId": "en_US", "NluConfidenceThreshold": 0.4, "SlotTypes": [colours, anything]}
    return {
        "Name": "painter",
        "RoleArn": "arn:aws:iam::123456789012:role/lex",
        "DataPrivacy": {"ChildDirected": False},
        "IdleSessionTTLInSeconds": 300,
        "AutoBuildBotLocales": True,
        "BotLocales": [{**locale, "Intents": [paint, say, FALLBACK]}],
    }


class Hook(neighbours.Neighbours):
    """Answers what a test sets, and keeps what Lex sent."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.answer: Any = None

    def invoke(self, function_arn: str, alias_arn: str, account: str, region: str, event: dict[str, Any]) -> Any:
        self.events.append(event)
        assert function_arn == FUNCTION
        assert alias_arn.startswith(f"arn:aws:lex:{region}:{account}:bot-alias/")
        if self.answer is not None:
            return self.answer
        state = event["sessionState"]
        if event["invocationSource"] == "DialogCodeHook":
            return {"sessionState": {"dialogAction": {"type": "Delegate"}, "intent": state["intent"]}}
        done = {**state["intent"], "state": "Fulfilled"}
        message = {"contentType": "PlainText", "content": "done"}
        return {"sessionState": {"dialogAction": {"type": "Close"}, "intent": done}, "messages": [message]}


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Hook:
    found = Hook()
    monkeypatch.setattr(neighbours, "current", found)
    return found


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        yield boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")


def alias_of(bot: str, version: str, enabled: bool = True) -> dict[str, Any]:
    hook = {"LambdaCodeHook": {"LambdaArn": FUNCTION, "CodeHookInterfaceVersion": "1.0"}}
    setting = {"LocaleId": "en_US", "BotAliasLocaleSetting": {"Enabled": enabled, "CodeHookSpecification": hook}}
    return {"BotId": bot, "BotAliasName": "live", "BotVersion": version, "BotAliasLocaleSettings": [setting]}


class Talk:
    """A conversation with a bot that was just made."""

    def __init__(self, session: Any) -> None:
        self.backend: LexModelsV2Backend = lexv2models_backends["123456789012"]["eu-west-1"]
        self.bot = self.backend.put_bot(properties())
        self.version = self.backend.create_version(version_of(self.bot))
        self.alias = self.backend.put_alias(alias_of(self.bot, self.version))["BotAliasId"]
        self.client = session.client("lexv2-runtime")

    def say(self, text: str, session: str = "eu-west-1:1.2") -> dict[str, Any]:
        where = {"botId": self.bot, "botAliasId": self.alias, "localeId": "en_US", "sessionId": session}
        found: dict[str, Any] = self.client.recognize_text(text=text, **where)
        return found


def version_of(bot: str) -> dict[str, Any]:
    details = {"LocaleId": "en_US", "BotVersionLocaleDetails": {"SourceBotVersion": "DRAFT"}}
    return {"BotId": bot, "BotVersionLocaleSpecification": [details]}


@pytest.fixture
def talk(session: Any, hook: Hook) -> Talk:
    return Talk(session)


def words(answer: dict[str, Any]) -> list[str]:
    return [one["content"] for one in answer["messages"]]


def test_slots_are_asked_for_by_priority_and_filled_by_value_or_synonym(talk: Talk, hook: Hook) -> None:
    assert words(talk.say("Paint!")) == ["Colour?"]
    assert words(talk.say("purple")) == ["Colour?"]  # once more, then the fallback
    assert words(talk.say("Crimson")) == ["What?"]
    assert words(talk.say("my house")) == ["done"]
    event = hook.events[-1]
    assert (event["invocationSource"], event["inputTranscript"], event["bot"]["aliasName"]) == (
        "FulfillmentCodeHook",
        "my house",
        "live",
    )
    slots = event["sessionState"]["intent"]["slots"]
    assert slots["Colour"]["value"] == {
        "originalValue": "Crimson",
        "interpretedValue": "red",
        "resolvedValues": ["red"],
    }
    assert slots["What"]["value"]["resolvedValues"] == []
    assert words(talk.say("paint it crimson")) == ["What?"]


def test_after_the_retries_comes_the_fallback(talk: Talk, hook: Hook) -> None:
    for text in ("paint", "purple", "violet"):
        answer = talk.say(text)
    assert answer["sessionState"]["intent"]["name"] == "FallbackIntent"
    assert hook.events[-1]["invocationSource"] == "FulfillmentCodeHook"


def test_free_form_input_takes_everything(talk: Talk) -> None:
    talk.say("say something")
    answer = talk.say("paint")  # no switch of intent
    assert answer["sessionState"]["intent"]["slots"]["Words"]["value"]["interpretedValue"] == "paint"


def test_another_utterance_switches_the_intent(talk: Talk) -> None:
    talk.say("paint it red")
    assert words(talk.say("say something")) == ["Words?"]


def test_a_failed_hook_leaves_the_conversation_where_it_was(talk: Talk, hook: Hook) -> None:
    talk.say("paint")
    hook.answer = {"sessionState": {"dialogAction": {"type": "Close"}, "intent": "Paint"}}
    with pytest.raises(ClientError, match="DependencyFailed"):
        talk.say("red")
    hook.answer = None
    assert words(talk.say("red")) == ["What?"]


PAINT = {"name": "Paint", "slots": {"What": None}, "state": "Fulfilled"}
CLOSE: dict[str, Any] = {"dialogAction": {"type": "Close"}, "intent": PAINT}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (None, "sessionState is missing"),
        ({"messages": []}, "sessionState is missing"),
        ({"sessionState": {**CLOSE, "intent": "Paint"}}, "intent should be structure"),
        ({"sessionState": CLOSE, "sessionId": "x"}, "sessionId is not a field"),
        ({"sessionState": {**CLOSE, "intent": {**CLOSE["intent"], "state": "InProgress"}}}, "Fulfilled or Failed"),
        ({"sessionState": {**CLOSE, "intent": {**CLOSE["intent"], "x": 1}}}, "intent.x is not a known parameter"),
        ({"sessionState": {"dialogAction": {"type": "ElicitSlot"}}}, "slotToElicit"),
        ({"sessionState": {"dialogAction": {"type": "ElicitIntent"}}}, "needs messages"),
        ({"sessionState": CLOSE, "messages": [{"contentType": "PlainText", "content": "x" * 1025}]}, "1024"),
        ({"sessionState": {"intent": CLOSE["intent"]}}, "dialogAction is missing"),
    ],
)
def test_answers_that_lex_does_not_take(talk: Talk, hook: Hook, answer: Any, problem: str) -> None:
    hook.answer = answer if answer is not None else []
    with pytest.raises(ClientError, match="DependencyFailed") as refused:
        talk.say("paint")
    assert problem in str(refused.value)
    hook.answer = {"sessionState": CLOSE}
    assert talk.say("paint")["sessionState"]["intent"]["state"] == "Fulfilled"


def test_texts_have_1024_characters(talk: Talk) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        talk.say("x" * 1025)


def test_an_alias_answers_only_in_enabled_locales_of_its_version(talk: Talk) -> None:
    talk.backend.put_alias(alias_of(talk.bot, talk.version, enabled=False), talk.alias)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        talk.say("paint")


def test_a_changed_bot_is_heard_through_a_new_version(talk: Talk) -> None:
    changed = properties()
    changed["BotLocales"][0]["Intents"][0]["SampleUtterances"] = [{"Utterance": "dye"}]
    talk.backend.put_bot(changed, talk.bot)
    assert words(talk.say("paint")) == ["Colour?"]
    new = talk.backend.create_version(version_of(talk.bot))
    with pytest.raises(ConflictException, match="in use"):
        talk.backend.delete_version(talk.bot, talk.version)
    talk.backend.put_alias(alias_of(talk.bot, new), talk.alias)
    talk.backend.delete_version(talk.bot, talk.version)
    assert words(talk.say("dye", "other")) == ["Colour?"]


def test_nothing_is_deleted_that_is_in_use(talk: Talk) -> None:
    with pytest.raises(ConflictException):
        talk.backend.delete_bot(talk.bot)
    talk.backend.delete_alias(talk.bot, talk.alias)
    with pytest.raises(ConflictException):
        talk.backend.delete_bot(talk.bot)
    talk.backend.delete_version(talk.bot, talk.version)
    talk.backend.delete_bot(talk.bot)
    assert talk.backend.bots == {}


def test_what_is_missing(talk: Talk) -> None:
    with pytest.raises(ResourceNotFoundException):
        talk.backend.put_alias(alias_of(talk.bot, "99"))
    with pytest.raises(ConflictException):
        talk.backend.put_alias(alias_of(talk.bot, talk.version))
    with pytest.raises(ConflictException):
        talk.backend.put_bot(properties())
    unbuilt = {**properties(), "Name": "unbuilt", "AutoBuildBotLocales": False}
    with pytest.raises(PreconditionFailedException, match="not built"):
        talk.backend.create_version(version_of(talk.backend.put_bot(unbuilt)))


def without_priority(locale: dict[str, Any]) -> None:
    locale["Intents"][0]["SlotPriorities"].pop()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (without_priority, "Slot What of Paint is required and has no priority"),
        (lambda locale: locale["Intents"].pop(), "AMAZON.FallbackIntent"),
        (lambda locale: locale["SlotTypes"].pop(), "the type Anything, which does not exist"),
        (lambda locale: locale["SlotTypes"][0].update(SlotTypeValues=[]), "Colours has no values"),
        (lambda locale: locale["Intents"][1].update(SampleUtterances=[]), "Say has no sample utterances"),
        (
            lambda locale: locale["Intents"][1]["SampleUtterances"].append({"Utterance": "paint"}),
            "utterance of Paint and of Say",
        ),
        (
            lambda locale: locale["Intents"][1]["SampleUtterances"].append({"Utterance": "say {Words}"}),
            "has a slot of the type AMAZON.FreeFormInput",
        ),
        (
            lambda locale: locale["Intents"][0]["SampleUtterances"].append({"Utterance": "paint {Nothing}"}),
            "names the slot Nothing",
        ),
    ],
)
def test_a_locale_that_lex_would_not_build_is_refused(session: Any, change: Any, problem: str) -> None:
    broken = copy.deepcopy(properties())
    change(broken["BotLocales"][0])
    backend = lexv2models_backends["123456789012"]["eu-west-1"]
    with pytest.raises(ValidationException, match="failed to build") as refused:
        backend.put_bot(broken)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/bots/B/botAliases/A/botLocales/en_US/sessions/eu-west-1%3A1.2/text", "bot-alias/B/A"),
        ("/bots/B/botaliases/A/", "bot-alias/B/A"),
        ("/bots/B/", "bot/B"),
    ],
)
def test_iam_is_asked_about_the_alias_or_the_bot(path: str, resource: str) -> None:
    found = RESOURCE_ARNS["lex"]("", "POST", path, b"{}", "eu-west-1", "123456789012")
    assert found == f"arn:aws:lex:eu-west-1:123456789012:{resource}"
    assert RESOURCE_ARNS["lex"]("", "POST", "/bots/", b"{}", "eu-west-1", "123456789012") == "*"
