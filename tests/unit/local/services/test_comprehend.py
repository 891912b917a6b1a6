"""Comprehend of the local cloud: language and sentiment of a text, within the API's limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import install_all


@pytest.fixture
def comprehend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
    with mock_aws():
        yield session.client("comprehend")


@pytest.mark.parametrize(
    ("text", "language", "sentiment"),
    [
        ("This is bad service", "en", "NEGATIVE"),
        ("This is not bad, it is great", "en", "POSITIVE"),
        ("The food was great but the service was terrible", "en", "MIXED"),
        ("Where is the shop?", "en", "NEUTRAL"),
        ("Das ist ein schlechter Service", "de", "NEGATIVE"),
        ("Le service est excellent, merci", "fr", "POSITIVE"),
        ("Este servicio es muy malo", "es", "NEGATIVE"),
        ("このサービスは最悪です", "ja", "NEGATIVE"),
    ],
)
def test_the_answer_follows_from_the_text(comprehend: Any, text: str, language: str, sentiment: str) -> None:
    found = comprehend.detect_dominant_language(Text=text)["Languages"]
    assert found[0]["LanguageCode"] == language
    assert found == sorted(found, key=lambda one: -one["Score"])
    answer = comprehend.detect_sentiment(Text=text, LanguageCode=language)
    assert answer["Sentiment"] == sentiment
    scores = answer["SentimentScore"]
    assert sum(scores.values()) == pytest.approx(1)
    assert max(scores, key=scores.__getitem__).upper() == sentiment


def test_languages_without_sentiment_are_detected(comprehend: Any) -> None:
    assert comprehend.detect_dominant_language(Text="Привет, как дела?")["Languages"][0]["LanguageCode"] == "ru"
    assert comprehend.detect_dominant_language(Text="😀 123")["Languages"] == []


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def test_limits(comprehend: Any) -> None:
    assert comprehend.detect_sentiment(Text="é" * 2500, LanguageCode="en")["Sentiment"] == "NEUTRAL"
    too_long = code(comprehend.detect_sentiment, Text="é" * 2501, LanguageCode="en")
    assert too_long == "TextSizeLimitExceededException"
    assert code(comprehend.detect_dominant_language, Text="x" * 100_001) == "TextSizeLimitExceededException"
    assert code(comprehend.detect_sentiment, Text="hello", LanguageCode="nl") == "ValidationException"
