"""Events and answers of a code hook of Lex V2.

https://docs.aws.amazon.com/lexv2/latest/dg/lambda-input-format.html
https://docs.aws.amazon.com/lexv2/latest/dg/lambda-response-format.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAXIMUM_CHARACTERS = 1024
"""Characters that one message can have."""
MAXIMUM_MESSAGES = 5
"""Messages that one answer can have."""


class NotALexEvent(Exception):
    """An event without the fields that Lex sends with each call."""


@dataclass(frozen=True)
class Turn:
    """What a learner said, and where the conversation is. `slots` and `attributes` are as Lex keeps them."""

    intent: str
    fulfilment: bool
    session_id: str
    language: str
    slots: Mapping[str, Any]
    attributes: Mapping[str, str]

    def slot(self, name: str) -> str:
        """Return the value of a slot, or an empty string."""
        value = (self.slots.get(name) or {}).get("value") or {}
        return str(value.get("interpretedValue") or value.get("originalValue") or "").strip()


def parse(event: Mapping[str, Any]) -> Turn:
    """Return the turn in an event. Raise NotALexEvent."""
    try:
        state, bot = event["sessionState"], event["bot"]
        return Turn(
            str(state["intent"]["name"]),
            event["invocationSource"] == "FulfillmentCodeHook",
            str(event["sessionId"]),
            str(bot["localeId"]).partition("_")[0],
            dict(state["intent"].get("slots") or {}),
            {str(name): str(value) for name, value in (state.get("sessionAttributes") or {}).items()},
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        raise NotALexEvent("The event is not one of Lex V2, or has no session, intent or bot.") from None


def delegate(turn: Turn, slots: Mapping[str, Any], attributes: Mapping[str, str]) -> dict[str, Any]:
    """Let Lex go on with these slots."""
    return _answer(turn, {"type": "Delegate"}, "InProgress", slots, attributes, [])


def elicit(turn: Turn, slot: str, message: str) -> dict[str, Any]:
    """Ask for a slot again, and forget its value."""
    slots = {**turn.slots, slot: None}
    return _answer(turn, {"type": "ElicitSlot", "slotToElicit": slot}, "InProgress", slots, turn.attributes, [message])


def close(
    turn: Turn, messages: Sequence[str], attributes: Mapping[str, str], *, fulfilled: bool = True
) -> dict[str, Any]:
    """End the intent with messages of any length."""
    state = "Fulfilled" if fulfilled else "Failed"
    return _answer(turn, {"type": "Close"}, state, turn.slots, attributes, fit(messages))


def fit(messages: Sequence[str]) -> list[str]:
    """Return the messages within Lex's limits: long ones split between words, and too many cut with an ellipsis."""
    found = [piece for message in messages for piece in _pieces(message)]
    if len(found) > MAXIMUM_MESSAGES:
        found = found[:MAXIMUM_MESSAGES]
        found[-1] = found[-1][: MAXIMUM_CHARACTERS - 1] + "…"
    return found


def _pieces(text: str) -> list[str]:
    found, rest = [], text.strip()
    while len(rest) > MAXIMUM_CHARACTERS:
        head = rest[: MAXIMUM_CHARACTERS + 1]
        cut = next((at for mark in ("\n", " ") if (at := head.rfind(mark)) > 0), MAXIMUM_CHARACTERS)
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*found, rest] if rest else found


def _answer(
    turn: Turn,
    action: dict[str, str],
    state: str,
    slots: Mapping[str, Any],
    attributes: Mapping[str, str],
    messages: Sequence[str],
) -> dict[str, Any]:
    intent = {"name": turn.intent, "state": state, "slots": dict(slots)}
    return {
        "sessionState": {"dialogAction": action, "intent": intent, "sessionAttributes": dict(attributes)},
        "messages": [{"contentType": "PlainText", "content": text} for text in messages],
    }
