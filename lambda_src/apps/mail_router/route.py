"""Forward the mails that arrive, from a queue with two kinds of events.

- S3's "Object Created" of a mail that SES has stored: the mail is judged, its destination chosen, and it is forwarded.
- SES's reports of the forwards: accepted mails are noted; the catch-all address gets what bounced.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]}; SQS delivers these messages again, and at last moves
them to the dead-letter queue. An operator can name mails: {"keys": ["inbox/…"]}.
"""

from __future__ import annotations

import collections
import functools
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, observability, settings

from . import headers, judge, outgoing, text
from .destinations import SAMPLE_BYTES, Choice, Destinations
from .errors import Gone, NotAnEvent, Refused, Uncertain
from .records import BOUNCED, SENT, Records, identity

SETUP = "AMAZON_SES_SETUP_NOTIFICATION"
"""The object with which SES tries whether a new rule may write."""

FORWARDED, NOTICED, WITHHELD, DUPLICATE = "forwarded", "noticed", "withheld", "duplicate"
REPORTED, IGNORED, GONE = "reported", "ignored", "gone"
METRICS = {FORWARDED: "MailsForwarded", NOTICED: "MailsNoticed", WITHHELD: "MailsWithheld", GONE: "MailsGone"}

_REPORTS = {"Send": SENT, "Bounce": BOUNCED, "Reject": BOUNCED}
_THROTTLED_ATTEMPTS = 4
_PII_BYTES = 100_000
_PII_LANGUAGES = frozenset({"en", "es"})
_WHY = {
    "too_large": "it is larger than the limit of this mailbox.",
    "virus_unclear": "it could not be checked for viruses. Open it with care.",
    "long_lines": "it has lines that are too long for Amazon SES.",
    "redaction_failed": "personal data could not be removed from it.",
    "refused": "Amazon SES does not accept it, perhaps because of the type of an attachment.",
}


@dataclass(frozen=True)
class Settings:
    """The environment. `redaction` has `types`, `minimum_score` and `exempt_destinations`; {} for mails as they are."""

    bucket: str
    bucket_owner: str
    prefix: str
    region: str
    destination_table: str
    mail_table: str
    from_address: str
    catch_all_address: str
    recipients: list[str]
    marker: str
    configuration_set: str
    minimum_score: float
    maximum_bytes: int
    confirmation_seconds: int
    retention_days: int
    entity_endpoint_arn: str = ""
    redaction: dict[str, Any] = field(default_factory=dict)


@functools.cache
def _router() -> Router:
    return Router.of(settings.load(Settings))


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handle a batch of the queue, or the mails that an operator names."""
    log, router = observability.begin(context), _router()
    router.destinations.begin_batch()
    outcomes: collections.Counter[str] = collections.Counter()
    if "keys" in event:
        for key in event["keys"]:
            outcomes[router.route(str(key))] += 1
    failed = _batch(router, event.get("Records") or [], outcomes)
    for outcome, metric in METRICS.items():
        if outcomes[outcome]:
            observability.count(metric, outcomes[outcome])
    log.info("batch ended", extra={"outcomes": dict(outcomes), "failed": len(failed)})
    if "keys" in event:
        return {"outcomes": dict(outcomes)}
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def _batch(router: Router, records: list[Any], outcomes: collections.Counter[str]) -> list[str]:
    """Handle each message. Return the IDs of those that another attempt may resolve, or that cannot be read."""
    failed = []
    for record in sorted(records, key=_late):
        try:
            outcomes[_message(router, record)] += 1
        except Exception as error:  # noqa: BLE001 - the queue delivers it again, and an alarm reports its end
            observability.logger().warning("message failed", extra={"cause": aws_errors.name(error)})
            failed.append(str(record["messageId"]))
    return failed


def _late(record: Mapping[str, Any]) -> bool:
    """Return whether a message can wait: SES's reports come first, since they decide about mails of the same batch."""
    return '"aws.ses"' not in str(record.get("body"))


def _message(router: Router, record: Mapping[str, Any]) -> str:
    try:
        event = json.loads(record["body"])
        of_ses, detail = event["source"] == "aws.ses", event["detail"]
        named = str(detail["mail"]["tags"]["mail"][0] if of_ses else detail["object"]["key"])
        kind = str(detail["eventType"]) if of_ses else ""
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NotAnEvent("A message of the queue is neither a mail nor a report of SES.") from error
    return router.reported(kind, named) if of_ses else router.route(named)


@dataclass(frozen=True)
class _Mail:
    """A mail as far as it was read. `body` is None if the mail is too large."""

    key: str
    size: int
    fields: list[headers.Field]
    beginning: bytes
    body: bytes | None


@dataclass(frozen=True)
class Router:
    """Routes one mail at a time."""

    s3: Any
    ses: Any
    comprehend: Any
    destinations: Destinations
    records: Records
    sender: outgoing.Sender
    conf: Settings

    @classmethod
    def of(cls, conf: Settings) -> Router:
        """Return a router with the function's clients."""
        recipients = tuple(conf.recipients)
        comprehend, dynamodb = clients.client("comprehend", 4), clients.client("dynamodb")
        return cls(
            clients.client("s3"),
            clients.client("sesv2", 1),  # a lost answer must not be taken for a mail that was not sent
            comprehend,
            Destinations(
                comprehend,
                dynamodb,
                conf.destination_table,
                conf.catch_all_address,
                recipients,
                conf.minimum_score,
                conf.entity_endpoint_arn,
            ),
            Records(dynamodb, conf.mail_table, conf.confirmation_seconds, conf.retention_days),
            outgoing.Sender(conf.from_address, conf.marker, recipients),
            conf,
        )

    def route(self, key: str, bounced_from: str = "") -> str:
        """Forward a mail, once. Return the outcome. Raise if another attempt can help.

        `bounced_from` is the ID of a forward that its destination did not take: the catch-all address gets the mail.
        """
        if not key.startswith(self.conf.prefix) or key.endswith(SETUP):
            return IGNORED
        try:
            mail = self._read(key)
        except Gone:
            observability.logger().error("mail gone", extra={"key": key})
            return GONE
        found = judge.judge(mail.fields, self.conf.marker, self.sender.recipients)
        if found.withheld:
            self._log("mail withheld", mail, reason=found.withheld, verdicts=found.verdicts)
            return WITHHELD
        content = text.read(mail.beginning)
        choice = self.destinations.choose(content.sample(SAMPLE_BYTES), self._doubt(found, content, bounced_from))
        mail_id = f"{bounced_from}-bounced" if bounced_from else identity(key, mail.fields, mail.body)
        if not self.records.claim(mail_id, key, choice.to):
            return DUPLICATE
        why = self._obstacle(mail, choice, found)
        raw = None if why else self._outgoing(mail, content, choice, found)
        return self._deliver(mail_id, mail, choice, found, raw, why or "redaction_failed")

    def reported(self, event_type: str, mail_id: str) -> str:
        """Note what SES reports of a forward."""
        state = _REPORTS.get(event_type)
        item = self.records.report(mail_id, state) if state else {}
        if state != BOUNCED or not item:
            return REPORTED
        key = item["objectKey"]["S"]
        observability.logger().error("forward bounced", extra={"key": key, "mailId": mail_id})
        last = item["destination"]["SS"] == [self.conf.catch_all_address]
        outcome = REPORTED if last else self.route(key, mail_id)
        if outcome != DUPLICATE:
            observability.count("ForwardsBounced", 1)
        return outcome

    def _doubt(self, found: judge.Judgement, content: text.Content, bounced_from: str) -> str:
        return "bounced" if bounced_from else found.doubt or content.problem

    def _read(self, key: str) -> _Mail:
        """Return a mail, or the beginning of one that is too large. Raise Gone."""
        options = {"Bucket": self.conf.bucket, "Key": key, "ExpectedBucketOwner": self.conf.bucket_owner}
        try:
            answer = self.s3.get_object(**options)
            size = int(answer["ContentLength"])
            whole = size <= self.conf.maximum_bytes
            raw = answer["Body"].read() if whole else answer["Body"].read(text.READ_BYTES)
            answer["Body"].close()
        except Exception as error:
            if aws_errors.kind(error) is aws_errors.Kind.GONE:
                raise Gone(key) from error
            raise
        fields, body = headers.split(raw)
        return _Mail(key, size, fields, raw[: text.READ_BYTES], body if whole else None)

    def _redacts(self, choice: Choice) -> bool:
        """Return whether personal data must be removed: one receiver who may not see it is enough."""
        exempt = {address.lower() for address in self.conf.redaction.get("exempt_destinations", [])}
        return bool(self.conf.redaction) and not exempt.issuperset(address.lower() for address in choice.to)

    def _obstacle(self, mail: _Mail, choice: Choice, found: judge.Judgement) -> str:
        """Return why only a notice can be sent, or ""."""
        if found.notice:
            return found.notice
        if mail.body is None:
            return "too_large"
        return "long_lines" if not self._redacts(choice) and outgoing.too_long(mail.body) else ""

    def _outgoing(self, mail: _Mail, content: text.Content, choice: Choice, found: judge.Judgement) -> bytes | None:
        """Return the mail that goes out; None if it must be redacted and cannot be."""
        if not self._redacts(choice):
            return outgoing.forward(self.sender, mail.fields, mail.body or b"", choice.to, found.verdicts)
        clear = self._without_personal_data(content, choice.language)
        if clear is None:
            return None
        return outgoing.redacted(self.sender, mail.fields, self._place(mail), choice.to, clear, found.verdicts)

    def _without_personal_data(self, content: text.Content, language: str) -> tuple[str, str, list[str]] | None:
        code = language.partition("-")[0]
        if content.problem or code not in _PII_LANGUAGES:
            return None
        whole = text.cut(f"{content.subject}\n{content.text}", _PII_BYTES)
        try:
            found = self.comprehend.detect_pii_entities(Text=whole, LanguageCode=code)["Entities"]
        except Exception as error:
            if aws_errors.read(error) is None:
                raise
            observability.logger().warning("redaction failed", extra={"code": aws_errors.name(error)})
            return None
        wanted = self.conf.redaction
        subject, _, body = outgoing.redact(whole, found, wanted["types"], wanted["minimum_score"]).partition("\n")
        return subject, body, content.attachments

    def _deliver(
        self, mail_id: str, mail: _Mail, choice: Choice, found: judge.Judgement, raw: bytes | None, why: str
    ) -> str:
        """Send a mail, or else a notice about it. Raise if neither is accepted."""
        if raw is not None:
            if self._accepted(mail_id, raw, choice):
                self._log("mail forwarded", mail, reason=choice.reason, language=choice.language)
                return FORWARDED
            why = "refused"
        place, named, about = self._place(mail), not self._redacts(choice), _WHY[why]
        notice = outgoing.notice(self.sender, mail.fields, place, choice.to, about, found.verdicts, named=named)
        if not self._accepted(mail_id, notice, choice):
            self.records.release(mail_id)
            raise Refused(mail.key)
        self._log("notice sent", mail, reason=why, language=choice.language)
        return NOTICED

    def _accepted(self, mail_id: str, raw: bytes, choice: Choice) -> bool:
        """Send. Return False if SES refuses this mail for good. Raise Uncertain if it may have accepted it."""
        try:
            self._send(mail_id, raw, choice)
        except Exception as error:
            failure = aws_errors.read(error)
            if failure is None:
                raise
            if failure.kind is aws_errors.Kind.UNAVAILABLE:
                raise Uncertain(mail_id) from error
            if failure.code in ("MessageRejected", "BadRequestException"):
                observability.logger().error("SES refused", extra={"code": failure.code, "mailId": mail_id})
                return False
            self.records.release(mail_id)
            raise
        return True

    def _send(self, mail_id: str, raw: bytes, choice: Choice) -> None:
        for attempt in range(_THROTTLED_ATTEMPTS):
            try:
                self.ses.send_email(
                    FromEmailAddress=self.sender.address,
                    Destination={"ToAddresses": choice.to},
                    Content={"Raw": {"Data": raw}},
                    ConfigurationSetName=self.conf.configuration_set,
                    EmailTags=[{"Name": "mail", "Value": mail_id}],
                )
            except Exception as error:
                if aws_errors.kind(error) is not aws_errors.Kind.THROTTLED or attempt + 1 == _THROTTLED_ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, 0.5 * 2**attempt))  # noqa: S311 - jitter
            else:
                return

    def _place(self, mail: _Mail) -> outgoing.Place:
        return outgoing.Place(self.conf.bucket, mail.key, self.conf.region, mail.size)

    def _log(self, message: str, mail: _Mail, **more: str) -> None:
        observability.logger().info(message, extra={"key": mail.key, "bytes": mail.size, **more})
