"""Turn feedback into rows: language, redaction, sentiment and key phrases, one object each.

Answer to the queue: {"batchItemFailures": [{"itemIdentifier": message ID}]}. What fails is delivered again, and kept in
the dead-letter queue in the end: also what AWS refuses for good (a permission, a Region without the service), because
the text is nowhere else. A message that comes twice writes the same object.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from common import aws_errors, clients, observability, settings

from . import feedback
from .redact import Redactor, head

LANGUAGE_BYTES = 100_000
SENTIMENT_BYTES = 5_000
"""Longest text that DetectSentiment accepts. https://docs.aws.amazon.com/comprehend/latest/dg/guidelines-and-limits.html"""
LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh", "zh-TW")
"""Languages of sentiment and key phrases. https://docs.aws.amazon.com/comprehend/latest/dg/supported-languages.html"""
MAXIMUM_PHRASES = 25
SCORES = ("Positive", "Negative", "Neutral", "Mixed")
REDACTED, WITHHELD = "done", "text withheld: language"


@dataclass(frozen=True)
class Settings:
    """The environment. HEALTH_CATEGORIES: of Comprehend Medical; [] if health data is not looked for."""

    bucket: str
    bucket_owner: str
    health_categories: list[str]
    minimum_phrase_score: float


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Process one batch of the queue. The log has IDs and outcomes, and nothing of a text."""
    log = observability.begin(context)
    conf = _conf()
    medical = clients.client("comprehendmedical") if conf.health_categories else None
    analysis = Analysis(clients.client("comprehend"), medical, clients.client("s3"), conf)
    failed, stored, withheld = [], 0, 0
    for record in event["Records"]:
        message_id = str(record["messageId"])
        try:
            row = analysis.run(feedback.load(record["body"]))
        except feedback.NotFeedback as error:
            log.error("message refused", extra={"messageId": message_id, "problem": str(error)})  # noqa: TRY400
            failed.append(message_id)
        except Exception as error:  # noqa: BLE001 - the queue delivers it again, and the dead-letter queue keeps it
            read = aws_errors.read(error)
            extra = {
                "messageId": message_id,
                "cause": aws_errors.name(error),
                "transient": bool(read and read.transient),
            }
            log.warning("feedback not analysed", extra=extra)
            failed.append(message_id)
        else:
            stored += 1
            withheld += row["redaction"] == WITHHELD
    if withheld:
        observability.count("TextsWithheld", withheld)
    log.info("batch ended", extra={"stored": stored, "failed": len(failed), "withheld": withheld})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@dataclass(frozen=True)
class Analysis:
    """Makes and stores rows."""

    comprehend: Any
    medical: Any
    s3: Any
    conf: Settings

    def run(self, given: feedback.Feedback) -> dict[str, Any]:
        """Store the row of a feedback, and return it."""
        row = self.row(given)
        self.s3.put_object(
            Bucket=self.conf.bucket,
            Key=given.key,
            Body=(json.dumps(row, ensure_ascii=False) + "\n").encode(),
            ContentType="application/json",
            ExpectedBucketOwner=self.conf.bucket_owner,
        )
        return row

    def row(self, given: feedback.Feedback) -> dict[str, Any]:
        """Return what is stored of a feedback: of its text only what every redaction could look at."""
        language = self._language(given)
        redactor = Redactor(self.comprehend, self.medical, self.conf.health_categories)
        row = {name: value for name, value in asdict(given).items() if name not in ("text", "at")}
        row |= {"time": _time(given.at), "language": language, "characters": len(given.text)}
        visible = bool(given.text.strip())
        if not visible:
            return row | _judgement("", {}) | {"text": "", "redaction": REDACTED, "redacted": 0, "phrases": []}
        if redactor.can(language):
            text, redacted = redactor.redact(given.text, language)
            row |= {"text": text, "redaction": REDACTED, "redacted": redacted}
        else:
            text = given.text  # is analysed, and not stored
            row |= {"text": None, "redaction": WITHHELD, "redacted": None}
        if language not in LANGUAGES:
            return row | _judgement("", {}) | {"phrases": []}
        sample = head(text, SENTIMENT_BYTES)
        answer = self.comprehend.detect_sentiment(Text=sample, LanguageCode=language)
        row |= _judgement(answer["Sentiment"], answer["SentimentScore"]) | {"cut": sample != text}
        return row | {"phrases": self._phrases(sample, language) if row["text"] is not None else []}

    def _language(self, given: feedback.Feedback) -> str:
        """Return the language of a text: that of the conversation if the text has no letters."""
        if not given.text.strip():
            return given.locale
        sample = head(given.text, LANGUAGE_BYTES)
        found = self.comprehend.detect_dominant_language(Text=sample)["Languages"]
        likely = max(found, key=lambda one: float(one["Score"]), default=None)
        return str(likely["LanguageCode"]) if likely else given.locale

    def _phrases(self, text: str, language: str) -> list[str]:
        found = self.comprehend.detect_key_phrases(Text=text, LanguageCode=language)["KeyPhrases"]
        kept = [str(one["Text"]).lower() for one in found if one["Score"] >= self.conf.minimum_phrase_score]
        return list(dict.fromkeys(kept))[:MAXIMUM_PHRASES]


def _judgement(sentiment: str, scores: Mapping[str, float]) -> dict[str, Any]:
    named = {name.lower(): scores.get(name) for name in SCORES}
    return {"sentiment": sentiment or "UNKNOWN", **named, "cut": False}


def _time(at: int) -> str:
    return feedback.utc(at).strftime("%Y-%m-%dT%H:%M:%SZ")
