"""Personal and health data of a text: found by Amazon Comprehend and Comprehend Medical, replaced by its type."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

PERSONAL_LANGUAGES = ("en", "es")
"""Languages in which Comprehend finds personal data. https://docs.aws.amazon.com/comprehend/latest/dg/how-pii.html"""
HEALTH_LANGUAGES = ("en",)
"""Languages of Comprehend Medical."""
PERSONAL_BYTES = 100_000
HEALTH_BYTES = 20_000


@dataclass(frozen=True)
class Span:
    """Characters of a text that are replaced by a type."""

    begin: int
    end: int
    kind: str


@dataclass(frozen=True)
class Redactor:
    """Finds what must not be stored. `categories` are those of Comprehend Medical; none leaves health data alone."""

    comprehend: Any
    medical: Any
    categories: Sequence[str]

    def can(self, language: str) -> bool:
        """Return true if everything that must be found can be found in texts of a language."""
        return language in PERSONAL_LANGUAGES and (not self.categories or language in HEALTH_LANGUAGES)

    def redact(self, text: str, language: str) -> tuple[str, int]:
        """Return the text without what was found, and how many places that were."""
        found = [
            Span(start + one["BeginOffset"], start + one["EndOffset"], str(one["Type"]))
            for start, part in parts(text, PERSONAL_BYTES)
            for one in self.comprehend.detect_pii_entities(Text=part, LanguageCode=language)["Entities"]
        ]
        if self.categories:
            found += [
                Span(start + one["BeginOffset"], start + one["EndOffset"], str(one["Type"]))
                for start, part in parts(text, HEALTH_BYTES)
                for one in self.medical.detect_entities_v2(Text=part)["Entities"]
                if one["Category"] in self.categories
            ]
        return replace(text, found)


def replace(text: str, spans: Sequence[Span]) -> tuple[str, int]:
    """Return the text with its spans replaced by their types, and the number of places; spans that overlap are one."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.begin, -one.end)):
        if merged and span.begin < merged[-1].end:
            last = merged[-1]
            merged[-1] = Span(last.begin, max(last.end, span.end), last.kind)
        else:
            merged.append(span)
    pieces, at = [], 0
    for span in merged:
        pieces += [text[at : span.begin], f"[{span.kind}]"]
        at = span.end
    return "".join([*pieces, text[at:]]), len(merged)


def parts(text: str, limit: int) -> Iterator[tuple[int, str]]:
    """Yield the text in parts of at most `limit` bytes of UTF-8, each with its place; they end between words."""
    at = 0
    while at < len(text):
        part = head(text[at : at + limit], limit)
        if at + len(part) < len(text):
            space = part.rfind(" ")
            part = part[: space + 1] if space > 0 else part
        yield at, part
        at += len(part)


def head(text: str, limit: int) -> str:
    """Return the beginning of a text that has at most `limit` bytes of UTF-8, cut between characters."""
    return text.encode()[:limit].decode(errors="ignore")
