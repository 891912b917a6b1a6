"""ComprehendBackend: real-time analysis of one text."""

from __future__ import annotations

from typing import Any

from moto.comprehend.models import ComprehendBackend as MotoComprehendBackend
from moto.core.base_backend import BackendDict

from local.services.base import operation

from .exceptions import TextSizeLimitExceededException
from .words import languages, sentiment

# https://docs.aws.amazon.com/comprehend/latest/dg/guidelines-and-limits.html
LANGUAGE_BYTES = 100_000
SENTIMENT_BYTES = 5_000


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


def _check_size(text: str, limit: int) -> None:
    size = len(text.encode())
    if size > limit:
        raise TextSizeLimitExceededException(
            f"Input text size exceeds limit. Max length of request text allowed is {limit} bytes while in this request "
            f"the text size is {size} bytes"
        )


comprehend_backends = BackendDict(ComprehendBackend, "comprehend")
