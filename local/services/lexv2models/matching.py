"""Sample utterances and slot values, compared word by word: no understanding, and the same answer in every run."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

Data = dict[str, Any]
FREE_FORM = "AMAZON.FreeFormInput"
_MARKS = re.compile(r"[^\w\s{}'-]")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Match(NamedTuple):
    """An intent, and the slots that the text has values for."""

    intent: str
    slots: dict[str, Data]


def plain(text: str) -> str:
    """Return the text in lower case, without marks, with single spaces."""
    return " ".join(_MARKS.sub(" ", text).lower().split())


def recognize(text: str, locale: Data) -> Match | None:
    """Return the intent with an utterance that is the text, the one with the most words first."""
    said = plain(text)
    utterances = [
        (one["Utterance"], intent) for intent in locale["Intents"] for one in intent.get("SampleUtterances", [])
    ]
    for utterance, intent in sorted(utterances, key=lambda pair: -len(_PLACEHOLDER.sub("", pair[0]))):
        if (values := _values(said, plain(utterance))) is None:
            continue
        kinds = {slot["Name"]: slot["SlotTypeName"] for slot in intent.get("Slots", [])}
        lower = {name.lower(): name for name in kinds}
        found = {lower[name]: fill(kinds[lower[name]], value, locale) for name, value in values.items()}
        if None not in found.values():
            return Match(intent["Name"], {name: value for name, value in found.items() if value is not None})
    return None


def _values(said: str, utterance: str) -> dict[str, str] | None:
    """Return what stands for each slot of an utterance in a text, or None if it is another utterance."""
    pattern = "".join(
        f"(?P<{part[1:-1]}>.+?)" if _PLACEHOLDER.fullmatch(part) else re.escape(part)
        for part in re.split(r"(\{\w+\})", utterance)
    )
    found = re.fullmatch(pattern, said)
    return found.groupdict() if found else None


def fill(kind: str, text: str, locale: Data, *, switch: bool = False) -> Data | None:
    """Return the slot value in a text, or None if the type has none for it.

    `switch`: the text is also an utterance, which wins over a value that no list has.
    """
    if kind == FREE_FORM:
        return _value(text, text, [text])
    model = next((one for one in locale.get("SlotTypes", []) if one["Name"] == kind), None)
    if model is None:
        raise NotImplementedError(f"slot type {kind}")
    said = plain(text)
    for one in model["SlotTypeValues"]:
        value = one["SampleValue"]["Value"]
        if said in [plain(value), *(plain(synonym["Value"]) for synonym in one.get("Synonyms", []))]:
            return _value(text, value, [value])
    if model["ValueSelectionSetting"]["ResolutionStrategy"] == "TOP_RESOLUTION" or switch:
        return None
    return _value(text, text, [])


def _value(original: str, interpreted: str, resolved: list[str]) -> Data:
    return {
        "value": {"originalValue": original, "interpretedValue": interpreted, "resolvedValues": resolved},
        "shape": "Scalar",
    }
