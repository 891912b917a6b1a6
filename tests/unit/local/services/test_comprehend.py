"""Comprehend of the local cloud: language and sentiment of a text, within the API's limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import install_all
from local.services.comprehend.models import train


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


def recognizer(comprehend: Any, name: str) -> str:
    made = comprehend.create_entity_recognizer(
        RecognizerName=name,
        DataAccessRoleArn="arn:aws:iam::123456789012:role/comprehend",
        InputDataConfig={"EntityTypes": [{"Type": "PRODUCT"}], "EntityList": {"S3Uri": "s3://b/list.csv"}},
        LanguageCode="en",
    )
    return str(made["EntityRecognizerArn"])


def test_an_endpoint_finds_what_its_recognizer_was_trained_with(comprehend: Any) -> None:
    model = recognizer(comprehend, "products")
    options = {"EndpointName": "products", "DesiredInferenceUnits": 1}
    made = comprehend.create_endpoint(ModelArn=model, Tags=[{"Key": "team", "Value": "mail"}], **options)
    arn = made["EndpointArn"]
    assert arn == "arn:aws:comprehend:eu-west-1:123456789012:entity-recognizer-endpoint/products"
    assert made["ModelArn"] == model
    assert comprehend.describe_endpoint(EndpointArn=arn)["EndpointProperties"]["ModelArn"] == model
    assert comprehend.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "mail"}]
    assert code(comprehend.create_endpoint, ModelArn=model, **options) == "ResourceInUseException"
    train(model, {"AX-100": "PRODUCT", "BX": "PART"})
    text = "An AX-100 with a BX, not an AX-1000"
    assert comprehend.detect_entities(Text=text, EndpointArn=arn)["Entities"] == [
        {"Score": 0.99, "Type": "PRODUCT", "Text": "AX-100", "BeginOffset": 3, "EndOffset": 9},
        {"Score": 0.99, "Type": "PART", "Text": "BX", "BeginOffset": 17, "EndOffset": 19},
    ]
    comprehend.delete_endpoint(EndpointArn=arn)
    assert code(comprehend.detect_entities, Text=text, EndpointArn=arn) == "ResourceUnavailableException"


def test_personal_data(comprehend: Any) -> None:
    text = "é b.b@example.net or +41 44 123 45 67"
    found = comprehend.detect_pii_entities(Text=text, LanguageCode="es")["Entities"]
    assert {one["Type"]: text[one["BeginOffset"] : one["EndOffset"]] for one in found} == {
        "EMAIL": "b.b@example.net",
        "PHONE": "+41 44 123 45 67",
    }
    assert code(comprehend.detect_pii_entities, Text=text, LanguageCode="fr") == "UnsupportedLanguageException"
