"""Where a mail goes: by the product that it names, by its language, or to the catch-all address on any doubt.

The table has `language` (a code of Comprehend such as `fr`; `entity:TYPE:text` or `entity:TYPE` for what a custom
recognizer finds) and `destination`, one address or a set of addresses. Mails of one batch share what is read: they have
arrived before the batch begins, so an edit holds for each mail that arrives after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from common import aws_errors, observability

from . import headers
from .judge import receives

SAMPLE_BYTES = 5_000
MOST_ENTITIES = 20
MOST_ADDRESSES = 50


class Choice(NamedTuple):
    """The addresses that a mail goes to; `reason` is why it goes to the catch-all address, or ""."""

    to: list[str]
    language: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Destinations:
    """Chooses destinations."""

    comprehend: Any
    dynamodb: Any
    table: str
    catch_all: str
    recipients: tuple[str, ...]
    minimum_score: float
    entity_endpoint: str = ""
    _known: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)

    def begin_batch(self) -> None:
        """Forget what was read of the table."""
        self._known.clear()

    def choose(self, text: str, doubt: str) -> Choice:
        """Return where a mail with this text goes. Raise boto3's error if the table cannot be read."""
        if doubt:
            return self._fallback(doubt)
        if not any(character.isalpha() for character in text):
            return self._fallback("no_text")
        try:
            names, language = self._entities(text), self._language(text)
        except Exception as error:
            if aws_errors.read(error) is None:
                raise
            observability.logger().warning("Comprehend failed", extra={"code": aws_errors.name(error)})
            observability.count("LanguageUnavailable", 1)
            return self._fallback("comprehend_failed")
        if language:
            names += list(dict.fromkeys([language, language.partition("-")[0]]))
        return self._found(names, language) if names else self._fallback("language_unclear")

    def _fallback(self, reason: str, language: str = "") -> Choice:
        return Choice([self.catch_all], language, reason)

    def _language(self, text: str) -> str:
        found = self.comprehend.detect_dominant_language(Text=text)["Languages"]
        best = max(found, key=lambda one: one["Score"], default=None)
        return str(best["LanguageCode"]) if best and best["Score"] >= self.minimum_score else ""

    def _entities(self, text: str) -> list[str]:
        """Return the table's keys of what the custom recognizer finds, the surest and most exact first."""
        if not self.entity_endpoint:
            return []
        found = self.comprehend.detect_entities(Text=text, EndpointArn=self.entity_endpoint)["Entities"]
        sure = sorted((one for one in found if one["Score"] >= self.minimum_score), key=lambda one: -one["Score"])
        exact = [f"entity:{one['Type']}:{one['Text']}"[:500] for one in sure[:MOST_ENTITIES]]
        return list(dict.fromkeys([*exact, *(f"entity:{one['Type']}" for one in sure[:MOST_ENTITIES])]))

    def _found(self, names: Sequence[str], language: str) -> Choice:
        items = self._items(names)
        for name in names:
            if name in items:
                to = _addresses(items[name].get("destination") or {})
                if to and not any(receives(self.recipients, address) for address in to):
                    return Choice(to, language)
                observability.logger().error("destination refused", extra={"language": name})
                observability.count("DestinationsRefused", 1)
                return self._fallback("destination_refused", language)
        return self._fallback("no_destination" if language else "language_unclear", language)

    def _items(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        keys = [{"language": {"S": name}} for name in names if name not in self._known]
        waiting: dict[str, Any] = {self.table: {"Keys": keys, "ConsistentRead": True}} if keys else {}
        found: dict[str, dict[str, Any]] = {}
        while waiting:  # Lambda's timeout ends it
            answer = self.dynamodb.batch_get_item(RequestItems=waiting)
            found |= {item["language"]["S"]: item for item in answer["Responses"].get(self.table, [])}
            waiting = answer.get("UnprocessedKeys") or {}
        self._known.update({key["language"]["S"]: found.get(key["language"]["S"], {}) for key in keys})
        return {name: self._known[name] for name in names if self._known[name]}


def _addresses(value: dict[str, Any]) -> list[str]:
    """Return the addresses of the attribute `destination`; [] if one of them is none."""
    given = [str(one).strip() for one in value.get("SS") or [value.get("S", "")]]
    return sorted(given) if len(given) <= MOST_ADDRESSES and all(headers.is_address(one) for one in given) else []
