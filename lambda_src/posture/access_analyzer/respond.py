"""Handle SQS batches of Access Analyzer events: read each finding, shut off its access if set, send one notice.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]} with the messages to retry, and those that are not
events of findings. SQS delivers them again and then moves them to the dead-letter queue.
"""

import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common import clients, observability, settings

from . import notices
from .decisions import Exempt, Plan, ShutOff, plan
from .errors import AnalyzerError, Busy, NotAFinding, ShutOffFailed
from .findings import RESOLVED, Finding, finding_id, parse
from .ledger import Claim, Ledger
from .shut_off import Switch

TOLD = "finding reported"
KNOWN = "finding already reported"
GONE = "finding deleted"
FAILED = "finding not handled"
TOLD_METRIC, SHUT_OFF_METRIC, FAILED_METRIC = "FindingsTold", "AccessShutOff", "ShutOffsFailed"
PATIENCE_SECONDS = 15.0
"""How long a call waits for another call that works on the same finding, before it leaves the message to SQS."""


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    analyzer_arn: str
    account_id: str
    region: str
    partition: str
    table_name: str
    topic_arn: str
    statuses: list[Any]
    keep_days: int
    shut_off: dict[str, Any] | None = None
    exempt: dict[str, Any] = field(default_factory=dict)
    evidence_bucket: str | None = None

    def switches(self) -> ShutOff | None:
        """Return what may be shut off; None for nothing."""
        if self.shut_off is None:
            return None
        return ShutOff(**{**self.shut_off, "bucket_names": tuple(self.shut_off["bucket_names"])})

    def exempted(self) -> Exempt:
        """Return what is left alone."""
        return Exempt(**{name: tuple(values) for name, values in self.exempt.items()})

    def __post_init__(self) -> None:
        try:
            self.switches(), self.exempted()
        except (KeyError, TypeError) as error:
            raise ValueError(str(error)) from error


class Responder:
    """Handles findings of one analyzer."""

    def __init__(self, environment: Settings, remaining_milliseconds: int) -> None:
        self.environment = environment
        self.remaining = remaining_milliseconds
        self.analyzer = clients.client("accessanalyzer")
        keep = environment.keep_days * 86_400
        self.ledger = Ledger(clients.client("dynamodb"), environment.table_name, keep)
        self.told = self.shut = self.failed = 0

    def deal_with(self, found: str) -> str:
        """Handle one finding, by id. Return the result. Raise AnalyzerError and the errors of AWS."""
        try:
            finding = self._read(found)
        except self.analyzer.exceptions.ResourceNotFoundException:
            return GONE
        result = KNOWN
        while claim := self._claim(finding):
            try:
                self._finish(claim, finding)
            except Exception:
                self.ledger.release(claim)
                raise
            result = TOLD
            if not claim.resumed or claim.finding == finding:
                break
        return result

    def _read(self, found: str) -> Finding:
        answer = self.analyzer.get_finding(analyzerArn=self.environment.analyzer_arn, id=found)
        return parse(answer["finding"])

    def _claim(self, finding: Finding) -> Claim | None:
        owner, deadline = str(uuid.uuid4()), time.monotonic() + PATIENCE_SECONDS
        while True:
            now = time.time_ns() // 1_000_000
            try:
                return self.ledger.claim(finding, owner, now, now + self.remaining)
            except Busy:
                if time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.2, 1.0))  # noqa: S311 - only spreads calls

    def _finish(self, claim: Claim, current: Finding) -> None:
        """Shut access off and send the notice. For an outdated version, report only what an earlier attempt did."""
        environment, finding = self.environment, claim.finding
        intended = Plan()
        if claim.done is None and current.same_access(finding):
            intended = plan(
                finding, environment.switches(), environment.exempted(), environment.account_id, environment.region
            )
        done, reasons = list(claim.done or ()), list(intended.reasons)
        if claim.resumed and claim.done is None and not current.same_access(finding):
            reasons.append("An attempt was interrupted, and the finding has changed since.")
        if not intended.empty:
            if environment.shut_off and environment.shut_off.get("dry_run"):
                reasons += [f"Dry run: {text}" for text in _told_steps(intended)]
            else:
                done = self._carry_out(claim, intended)
        if done:  # Perhaps by an earlier attempt. Scan now, not within half an hour.
            self.analyzer.start_resource_scan(analyzerArn=environment.analyzer_arn, resourceArn=finding.resource)
        # If no notice was sent of the access, such as archived access, its end causes none.
        news = finding.status in environment.statuses and (finding.status != RESOLVED or claim.announced)
        if news or done:
            self._publish(finding, done, reasons)
        self.ledger.told(claim, announced=bool(news or done))

    def _carry_out(self, claim: Claim, intended: Plan) -> list[str]:
        environment, finding = self.environment, claim.finding
        s3, control = clients.client("s3"), clients.client("s3control")
        switch = Switch(s3, control, environment.account_id, environment.evidence_bucket)
        try:
            done = switch.carry_out(intended, finding)
        except ShutOffFailed as error:
            self.failed += 1
            if not claim.warned and finding.status in environment.statuses:
                self._publish(finding, [], [f"{error} The function retries.", *intended.reasons])
                self.ledger.warned(claim)
            raise
        self.ledger.done(claim, done)
        self.shut += 1
        return done

    def _publish(self, finding: Finding, done: list[str], reasons: list[str]) -> None:
        environment = self.environment
        clients.client("sns").publish(
            TopicArn=environment.topic_arn,
            Subject=notices.subject(finding),
            Message=notices.message(finding, environment.region, environment.partition, done, reasons),
        )
        self.told += 1


def _told_steps(intended: Plan) -> list[str]:
    steps = [f"Block Public Access of {intended.block_bucket} would be turned on."] if intended.block_bucket else []
    return steps + [f"The policy of {arn} would be removed." for arn in intended.remove_policies]


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handle one batch. Raise SettingsError."""
    log = observability.begin(context)
    environment = settings.load(Settings)
    responder = Responder(environment, context.get_remaining_time_in_millis())
    grouped, malformed = by_finding(event["Records"], environment.analyzer_arn)
    for message_id, reason in malformed.items():
        log.error(FAILED, extra={"message_id": message_id, "reason": reason})
    failed = list(malformed)
    for found, messages in grouped.items():
        try:
            log.info(responder.deal_with(found), extra={"finding_id": found})
        except Exception as error:  # Logged and retried. It must not affect the others.
            reason = str(error) if isinstance(error, AnalyzerError) else ""
            log.exception(FAILED, extra={"finding_id": found, "error": type(error).__name__, "reason": reason})
            failed += messages
    for name, value in (
        (TOLD_METRIC, responder.told),
        (SHUT_OFF_METRIC, responder.shut),
        (FAILED_METRIC, responder.failed),
    ):
        if value:
            observability.count(name, value)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def by_finding(records: list[Mapping[str, Any]], analyzer_arn: str) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return the message ids by finding, and for messages without a finding the reason, by message id."""
    grouped: dict[str, list[str]] = {}
    malformed: dict[str, str] = {}
    for record in records:
        try:
            found = finding_id(record["body"], analyzer_arn)
        except NotAFinding as error:
            malformed[record["messageId"]] = str(error)
            continue
        if found:
            grouped.setdefault(found, []).append(record["messageId"])
    return grouped, malformed
