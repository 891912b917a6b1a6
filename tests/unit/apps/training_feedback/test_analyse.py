"""Rows of feedback: redaction, sentiment and phrases; what fails alone, and what is never stored (TF-4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from apps.training_feedback import analyse, feedback
from local.services import install_all

BUCKET = "rows"
CATEGORIES = ["MEDICAL_CONDITION", "MEDICATION", "PROTECTED_HEALTH_INFORMATION"]
AT = 1_800_000_000  # 2027-01-15T08:00:00Z


def message(text: str, **more: Any) -> str:
    said = {"topic": "alarm limits", "level": "beginner", "difficulty": "too hard", "locale": "en"}
    return json.dumps({"id": "0" * 32, "at": AT, "learner": "a", "session": "b", "text": text, **said, **more})


class Calls:
    """A client that counts its calls, and fails in those that a test names."""

    def __init__(self, client: Any) -> None:
        self.client, self.made, self.failing = client, list[str](), dict[str, str]()

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.made.append(name)
            if name in self.failing:
                status = 400 if "Denied" in self.failing[name] else 500
                answer: Any = {"Error": {"Code": self.failing[name]}, "ResponseMetadata": {"HTTPStatusCode": status}}
                raise ClientError(answer, name)
            return getattr(self.client, name)(**arguments)

        return call


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Calls]]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
        made = {name: Calls(session.client(name)) for name in ("comprehend", "comprehendmedical", "s3")}
        made["s3"].client.create_bucket(Bucket=BUCKET)
        yield made


def analysis(aws: dict[str, Calls], categories: list[str] | None = None) -> analyse.Analysis:
    chosen = CATEGORIES if categories is None else categories
    conf = analyse.Settings(BUCKET, "123456789012", chosen, 0.8)
    return analyse.Analysis(aws["comprehend"], aws["comprehendmedical"], aws["s3"], conf)


def row(aws: dict[str, Calls], text: str, categories: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return analysis(aws, categories).row(feedback.load(message(text, **more)))


def test_a_row_has_what_was_found_and_no_personal_data(aws: dict[str, Calls]) -> None:
    found = row(aws, "The menu is terrible, and patient Ann Miller with diabetes wrote to ann@example.org")
    assert found["text"] == "The menu is terrible, and patient [NAME] with [DX_NAME] wrote to [EMAIL]"
    assert (found["redaction"], found["redacted"], found["language"], found["time"]) == (
        "done",
        3,
        "en",
        "2027-01-15T08:00:00Z",
    )
    assert (found["sentiment"], found["cut"], found["characters"]) == ("NEGATIVE", False, 83)
    assert sum(found[name] for name in ("positive", "negative", "neutral", "mixed")) == pytest.approx(1)
    assert "menu" in found["phrases"]
    assert [word for word in ("Miller", "diabetes", "ann@") if word in json.dumps(found)] == []
    assert sorted(aws["comprehend"].made) == [
        "detect_dominant_language",
        "detect_key_phrases",
        "detect_pii_entities",
        "detect_sentiment",
    ]
    assert aws["comprehendmedical"].made == ["detect_entities_v2"]


def test_the_columns_are_those_of_the_table(aws: dict[str, Calls]) -> None:
    import re
    from pathlib import Path

    text = Path("modules/apps/training_feedback/athena.tf").read_text()
    columns = re.findall(r'\{ name = "(\w+)", type = "[\w<>]+", comment', text)
    for made in (row(aws, "Good"), row(aws, " "), row(aws, "Привет, как дела?"), row(aws, "Das ist gut")):
        assert sorted(made) == sorted(columns)


def test_health_data_is_left_alone_where_that_is_wanted(aws: dict[str, Calls]) -> None:
    assert row(aws, "Good for patients with diabetes", [])["text"] == "Good for patients with diabetes"
    assert row(aws, "Good with insulin and diabetes", ["MEDICATION"])["text"] == "Good with [GENERIC_NAME] and diabetes"
    assert aws["comprehendmedical"].made == ["detect_entities_v2"]


@pytest.mark.parametrize(
    ("text", "language", "sentiment", "categories"),
    [
        ("Das Menü ist sehr schlecht, schreibt an ann@example.org", "de", "NEGATIVE", []),
        ("El menú es muy malo y horrible", "es", "NEGATIVE", CATEGORIES),
        ("Привет, как дела? ann@example.org", "ru", "UNKNOWN", []),
    ],
)
def test_a_text_that_cannot_be_checked_is_not_stored(
    aws: dict[str, Calls], text: str, language: str, sentiment: str, categories: list[str]
) -> None:
    found = row(aws, text, categories)
    assert (found["text"], found["phrases"], found["redacted"]) == (None, [], None)
    assert (found["language"], found["sentiment"]) == (language, sentiment)
    assert found["redaction"] == "text withheld: language"
    assert text not in json.dumps(found, ensure_ascii=False)


def test_spanish_is_kept_where_health_data_is_not_looked_for(aws: dict[str, Calls]) -> None:
    assert row(aws, "El menú es muy malo: ann@example.org", [])["text"] == "El menú es muy malo: [EMAIL]"


def test_12945_characters_are_cut_for_the_sentiment_and_kept_whole(aws: dict[str, Calls]) -> None:
    text = ("The menu is terrible. " * 600)[:12945]
    found = row(aws, text)
    assert (len(found["text"]), found["cut"], found["sentiment"]) == (12945, True, "NEGATIVE")
    wide = row(aws, "The menü ist é" * 400)  # two bytes a letter, and no cut within one
    assert wide["cut"] is True


def test_texts_longer_than_a_call_takes_are_redacted_in_parts(aws: dict[str, Calls]) -> None:
    text = "The nurse said: patients with diabetes wait. " * 2500
    found = row(aws, text)
    assert aws["comprehendmedical"].made.count("detect_entities_v2") == 6
    assert "diabetes" not in found["text"]
    assert found["redacted"] == 2500


def test_a_text_without_letters_has_the_language_of_the_conversation(aws: dict[str, Calls]) -> None:
    found = row(aws, "😀😀😀")
    assert (found["text"], found["language"], found["sentiment"]) == ("😀😀😀", "en", "NEUTRAL")


def test_no_text_is_no_call(aws: dict[str, Calls]) -> None:
    found = row(aws, " \n")
    assert (found["text"], found["sentiment"], found["positive"]) == ("", "UNKNOWN", None)
    assert aws["comprehend"].made == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"id": 5}',
        message("x", id="../../x"),
        message("x", id="0" * 31),
        message("x", at="today"),
        message("x", at=True),
        message("x", at=-1),
        message("x", at=2**40),
        message("x", topic=None),
        '{"text": "\\ud83d", ' + message("x")[1:].replace('"text": "x", ', ""),
    ],
)
def test_what_is_no_feedback_is_refused(body: str) -> None:
    with pytest.raises(feedback.NotFeedback):
        feedback.load(body)


def run(monkeypatch: pytest.MonkeyPatch, aws: dict[str, Calls], *bodies: str) -> list[str]:
    conf = analyse.Settings(BUCKET, "123456789012", CATEGORIES, 0.8)
    monkeypatch.setattr(analyse, "_conf", lambda: conf)
    monkeypatch.setattr("common.clients.client", lambda name: aws[name])
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    answer = analyse.handler({"Records": records}, SimpleNamespace(aws_request_id="r"))
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def objects(aws: dict[str, Calls]) -> dict[str, dict[str, Any]]:
    s3 = aws["s3"].client
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {key: json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys}


def test_one_odd_message_does_not_keep_others_from_their_rows(
    monkeypatch: pytest.MonkeyPatch, aws: dict[str, Calls]
) -> None:
    assert run(monkeypatch, aws, "{", message("Good"), "[]", message("Bad", id="1" * 32)) == ["0", "2"]
    assert sorted(objects(aws)) == [f"feedback/dt=2027-01-15/{digit * 32}.json" for digit in "01"]


def test_the_same_message_twice_is_one_row(monkeypatch: pytest.MonkeyPatch, aws: dict[str, Calls]) -> None:
    assert run(monkeypatch, aws, message("Good"), message("Good")) == []
    body = aws["s3"].client.get_object(Bucket=BUCKET, Key=next(iter(objects(aws))))["Body"].read()
    assert body.count(b"\n") == 1  # one line for each object: what Athena's format needs
    assert body.endswith(b"\n")


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "InternalServerException"])
@pytest.mark.parametrize(
    ("client", "call"),
    [
        ("comprehend", "detect_dominant_language"),
        ("comprehend", "detect_pii_entities"),
        ("comprehendmedical", "detect_entities_v2"),
        ("comprehend", "detect_sentiment"),
        ("comprehend", "detect_key_phrases"),
        ("s3", "put_object"),
    ],
)
def test_what_fails_comes_again_and_nothing_is_stored_before(
    monkeypatch: pytest.MonkeyPatch,
    aws: dict[str, Calls],
    caplog: pytest.LogCaptureFixture,
    client: str,
    call: str,
    code: str,
) -> None:
    caplog.set_level("INFO")
    aws[client].failing[call] = code
    assert run(monkeypatch, aws, message("Patient Jane says it is bad")) == ["0"]
    assert objects(aws) == {}
    failure = next(record for record in caplog.records if record.msg == "feedback not analysed")
    assert (failure.cause, failure.transient) == (code, code != "AccessDeniedException")  # type: ignore[attr-defined]
    assert "Jane" not in "".join(str(vars(record)) for record in caplog.records)
    aws[client].failing.clear()
    assert run(monkeypatch, aws, message("Patient Jane says it is bad")) == []
    assert len(objects(aws)) == 1
