"""Comprehend Medical of the local cloud: entities of a text, within the API's limits; key phrases of Comprehend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import install_all


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        yield boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")


def test_entities_have_a_category_and_a_place(session: Any) -> None:
    text = "The patient Ann Smith, 54 years old, MRN 1234567, has diabetes and takes insulin."
    found = session.client("comprehendmedical").detect_entities_v2(Text=text)["Entities"]
    assert [(one["Category"], one["Type"], text[one["BeginOffset"] : one["EndOffset"]]) for one in found] == [
        ("PROTECTED_HEALTH_INFORMATION", "NAME", "Ann Smith"),
        ("PROTECTED_HEALTH_INFORMATION", "AGE", "54"),
        ("PROTECTED_HEALTH_INFORMATION", "ID", "MRN 1234567"),
        ("MEDICAL_CONDITION", "DX_NAME", "diabetes"),
        ("MEDICATION", "GENERIC_NAME", "insulin"),
    ]


def test_its_limit(session: Any) -> None:
    medical = session.client("comprehendmedical")
    assert medical.detect_entities_v2(Text="x" * 20_000)["Entities"] == []
    with pytest.raises(ClientError, match="TextSizeLimitExceeded"):
        medical.detect_entities_v2(Text="é" * 10_001)


def test_key_phrases_are_runs_of_words_that_are_not_frequent(session: Any) -> None:
    text = "The alarm limits menu is bad, and the service of the new pump"
    found = session.client("comprehend").detect_key_phrases(Text=text, LanguageCode="en")["KeyPhrases"]
    assert [one["Text"] for one in found] == ["alarm limits menu", "new pump"]
    assert all(text[one["BeginOffset"] : one["EndOffset"]] == one["Text"] for one in found)
