"""ComprehendBackend: real-time analysis of one text."""

from __future__ import annotations

import re
from typing import Any

from moto.comprehend.models import ComprehendBackend as MotoComprehendBackend
from moto.core.base_backend import BackendDict
from moto.utilities.utils import get_partition

from local.services.base import operation

from .exceptions import (
    ResourceInUseException,
    ResourceUnavailableException,
    TextSizeLimitExceededException,
    UnsupportedLanguageException,
)
from .words import languages, personal, phrases, sentiment

# https://docs.aws.amazon.com/comprehend/latest/dg/guidelines-and-limits.html
LANGUAGE_BYTES = 100_000
SENTIMENT_BYTES = 5_000
PHRASES_BYTES = 100_000
PII_BYTES = 100_000
PII_LANGUAGES = ("en", "es")


class ComprehendBackend(MotoComprehendBackend):
    """Comprehend in one account and Region."""

    @operation()
    def detect_dominant_language(self, text: str) -> dict[str, Any]:
        """Return the languages of a text, the likeliest first."""
        _check_size(text, LANGUAGE_BYTES)
        return {"Languages": [{"LanguageCode": code, "Score": score} for code, score in languages(text)]}

    @operation()
    def detect_sentiment(self, text: str, language_code: str) -> dict[str, Any]:
        """Return the sentiment of a text, and its four scores, whose sum is 1."""
        _check_size(text, SENTIMENT_BYTES)
        scores = sentiment(text, language_code)
        prevailing = max(scores, key=lambda name: scores[name])
        return {"Sentiment": prevailing.upper(), "SentimentScore": scores}

    @operation()
    def detect_key_phrases(self, text: str, language_code: str) -> dict[str, Any]:
        """Return runs of words that no list of frequent words has. Offsets count characters."""
        _check_size(text, PHRASES_BYTES)
        return {
            "KeyPhrases": [
                {"Score": 0.99, "Text": text[begin:end], "BeginOffset": begin, "EndOffset": end}
                for begin, end in phrases(text, language_code)
            ]
        }

    @operation()
    def detect_pii_entities(self, text: str, language_code: str) -> dict[str, Any]:
        """Return where a text has personal data. Offsets count characters."""
        if language_code not in PII_LANGUAGES:
            raise UnsupportedLanguageException(f"Language {language_code} is not supported.")
        _check_size(text, PII_BYTES)
        return {"Entities": [_entity(kind, begin, end) for kind, begin, end in personal(text)]}

    def create_endpoint(self, *given: Any, **named: Any) -> tuple[str, str]:
        """Make an endpoint as moto does, under an ARN as AWS's are: moto's contains the ARN of the model.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncomprehend.html
        """
        wrong, model_arn = super().create_endpoint(*given, **named)
        endpoint, tags = self.endpoints.pop(wrong), self.tagger.list_tags_for_resource(wrong)["Tags"]
        self.tagger.delete_all_tags_for_resource(wrong)
        kind = "document-classifier" if ":document-classifier/" in model_arn else "entity-recognizer"
        prefix = f"arn:{get_partition(self.region_name)}:comprehend:{self.region_name}:{self.account_id}"
        endpoint.arn = f"{prefix}:{kind}-endpoint/{endpoint.name}"
        if endpoint.arn in self.endpoints:
            raise ResourceInUseException(f"{endpoint.arn} exists.")
        self.endpoints[endpoint.arn] = endpoint
        self.tagger.tag_resource(endpoint.arn, tags)
        return endpoint.arn, model_arn

    @operation()
    def detect_entities(self, text: str, endpoint_arn: str = "") -> dict[str, Any]:
        """Return what the custom recognizer behind an endpoint finds: the words that it was trained with."""
        if not endpoint_arn:
            raise NotImplementedError("DetectEntities without a custom recognizer")
        endpoint = self.endpoints.get(endpoint_arn)
        if endpoint is None:
            raise ResourceUnavailableException(f"{endpoint_arn} is not available.")
        _check_size(text, LANGUAGE_BYTES)
        found = [
            {**_entity(kind, *match.span()), "Text": words}
            for words, kind in trained.get(endpoint.model_arn, {}).items()
            for match in re.finditer(rf"\b{re.escape(words)}\b", text)
        ]
        return {"Entities": sorted(found, key=lambda one: int(one["BeginOffset"]))}


trained: dict[str, dict[str, str]] = {}
"""What custom recognizers know, by ARN: words and their type."""


def train(recognizer_arn: str, entities: dict[str, str]) -> None:
    """Give a custom recognizer what its training would: words and their type."""
    trained[recognizer_arn] = entities


def _entity(kind: str, begin: int, end: int) -> dict[str, Any]:
    return {"Score": 0.99, "Type": kind, "BeginOffset": begin, "EndOffset": end}


def _check_size(text: str, limit: int) -> None:
    size = len(text.encode())
    if size > limit:
        raise TextSizeLimitExceededException(
            f"Input text size exceeds limit. Max length of request text allowed is {limit} bytes while in this request "
            f"the text size is {size} bytes"
        )


comprehend_backends = BackendDict(ComprehendBackend, "comprehend")
