"""Handle SQS batches of findings: read each finding, shut off its access if set, and send one notice.

A batch with many notices becomes a digest: the first findings of an analyzer, or of a sweep, arrive together.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]} with the messages to retry, and those that are not
events of findings. SQS delivers them again and then moves them to the dead-letter queue.
"""

import random
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, observability, settings

from . import notices
from .decisions import Exempt, Plan, ShutOff, plan
from .errors import AnalyzerError, Busy, NotAFinding, ShutOffFailed
from .findings import ACTIVE, ARCHIVED, RESOLVED, Finding, finding_id, parse
from .ledger import Claim, Ledger
from .notices import Report
from .shut_off import State, Switch

TOLD = "finding reported"
KNOWN = "finding already reported"
RECORDED = "finding recorded"
GONE = "finding deleted"
FAILED = "finding not handled"
UNSCANNED = "scan not started"
LATER = "findings left to the next call"
TOLD_METRIC, SHUT_OFF_METRIC, FAILED_METRIC = "FindingsTold", "AccessShutOff", "ShutOffsFailed"
PATIENCE_SECONDS = 15.0
"""How long a call waits for another call that works on the same finding, before it leaves the message to SQS."""
RESERVE_MILLISECONDS = 30_000
"""The time that a call keeps for sending its notices; findings that it has not begun by then are left to SQS."""
DAY_MILLISECONDS = 86_400_000
QUIET = "quiet"
"""Begins the mark of findings that the settings do not report."""


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

    def wants(self, finding: Finding) -> bool:
        """Return whether findings of this status are reported."""
        return finding.status in self.statuses

    def mark_of(self, finding: Finding) -> str:
        """Return what the settings intend for a finding: whether it is reported, and the steps."""
        return f"{'tell' if self.wants(finding) else QUIET} {self.plan_of(finding).mark}".rstrip()

    def plan_of(self, finding: Finding) -> Plan:
        """Return the plan for a finding."""
        return plan(finding, self.switches(), self.exempted(), self.account_id, self.region)

    def __post_init__(self) -> None:
        try:
            self.switches(), self.exempted()
        except (KeyError, TypeError) as error:
            raise ValueError(str(error)) from error


@dataclass(frozen=True)
class Letter:
    """A notice to send. `failed`: it reports a failure, and the version stays open."""

    claim: Claim
    report: Report
    failed: bool = False


@dataclass
class Outcome:
    """The results of a plan's steps, in sentences."""

    done: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    """What an interrupted attempt began; whether it was done can no longer be read."""
    not_needed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unsure: bool = False
    """True if access was left because it is not the access that was found."""
    errors: list[Exception] = field(default_factory=list)

    def report(self, finding: Finding) -> Report:
        """Return what is reported of a finding."""
        return Report(finding, tuple(self.done), tuple(self.begun), tuple(self.not_needed), tuple(self.left))


class Responder:
    """Handles findings of one analyzer. `outbox` has the notices that `send` sends."""

    def __init__(self, environment: Settings, remaining_milliseconds: int) -> None:
        self.environment = environment
        self.remaining = remaining_milliseconds
        self.analyzer = clients.client("accessanalyzer")
        keep = environment.keep_days * 86_400
        self.ledger = Ledger(clients.client("dynamodb"), environment.table_name, keep)
        self.told = self.shut = self.failed = 0
        self.outbox: list[Letter] = []

    def deal_with(self, found: str) -> str:
        """Handle one finding, by id. Return the result. Raise AnalyzerError and the errors of AWS."""
        try:
            finding = self._read(found)
        except self.analyzer.exceptions.ResourceNotFoundException:
            self.ledger.forget(found, _now())
            return GONE
        result = KNOWN
        while claim := self._claim(finding):
            try:
                letter = self._finish(claim, finding)
                if letter and claim.finding != finding:
                    self._publish_now(letter)
                elif letter:
                    self.outbox.append(letter)
            except Exception:
                if not any(letter.claim is claim for letter in self.outbox):
                    self.ledger.release(claim)
                raise
            result = TOLD if letter else RECORDED
            if claim.finding == finding:
                break
        return result

    def send(self) -> dict[str, Exception]:
        """Send the notices of the outbox. Return the errors of those that were not sent, by finding."""
        errors: dict[str, Exception] = {}
        for letters in notices.parcels(self.outbox):
            try:
                errors |= self._publish(letters)
            except Exception as error:  # noqa: BLE001 - the caller reports it; it must not affect the others
                for letter in letters:
                    self.ledger.release(letter.claim)
                    errors[letter.claim.finding.id] = error
        self.outbox = []
        return errors

    def _read(self, found: str) -> Finding:
        answer = self.analyzer.get_finding(analyzerArn=self.environment.analyzer_arn, id=found)
        return parse(answer["finding"])

    def _claim(self, finding: Finding) -> Claim | None:
        owner, deadline = str(uuid.uuid4()), time.monotonic() + PATIENCE_SECONDS
        mark, acts = self.environment.mark_of(finding), self.environment.plan_of(finding).acts
        while True:
            now = _now()
            day = str(now // DAY_MILLISECONDS) if acts else ""
            try:
                return self.ledger.claim(finding, owner, now, now + self.remaining, mark, day)
            except Busy:
                if time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.2, 1.0))  # noqa: S311 - only spreads calls

    def _finish(self, claim: Claim, current: Finding) -> Letter | None:
        """Shut access off. Return the notice to send; without one, the version is recorded as handled.

        Of an outdated version, only what an earlier attempt did is reported.
        """
        finding, intended, outcome = claim.finding, Plan(), Outcome()
        if current.same_access(finding):
            intended = self.environment.plan_of(finding)
        elif claim.resumed:
            self._look_back(claim, outcome)
        if intended.acts:
            self._carry_out(claim, intended, outcome)
        outcome.left = [*intended.reasons, *outcome.left]
        if intended.dry_run:
            outcome.left += [f"Dry run: {text}" for text in _told_steps(intended)]
        if outcome.errors:
            self._fail(claim, outcome)
        if intended.acts or outcome.done or outcome.begun:
            outcome.left += self._scan(finding)
        self.shut += bool(outcome.done)
        # Left a day ago, and left again: the access has stayed open.
        self.failed += outcome.unsure and claim.repeated
        if self._news(claim, intended, outcome):
            return Letter(claim, outcome.report(finding))
        self.ledger.told(claim, announced=finding.status == ACTIVE)
        return None

    def _news(self, claim: Claim, intended: Plan, outcome: Outcome) -> bool:
        """Return whether a version causes a notice."""
        finding = claim.finding
        if outcome.done or outcome.begun:
            return True
        if not self.environment.wants(finding):
            return False
        if claim.same_version and not claim.plan_before.startswith(QUIET):
            # Reported before. Under other settings, new steps are news; on another day, only what was done is.
            return not intended.empty and not claim.repeated
        if finding.status != RESOLVED or claim.announced:
            return True
        # Of access that was never active, such as archived access, the end is no news.
        return ACTIVE not in self.environment.statuses and not claim.before.startswith(ARCHIVED)

    def _carry_out(self, claim: Claim, intended: Plan, outcome: Outcome) -> None:
        """Take the steps of a plan. A step that fails does not keep the others from being taken."""
        for step in self._switch().steps(intended, claim.finding):

            def begin(said: str, key: str = step.key) -> None:
                self.ledger.began(claim, key, said)

            try:
                state, said = step.take(begin)
            except Exception as error:  # noqa: BLE001 - `_fail` raises it; the other steps are taken
                outcome.errors.append(error)
                continue
            if state is State.NOT_NEEDED and step.key in claim.steps:  # An earlier attempt did it.
                state, said = State.DONE, claim.steps[step.key]
            kept = {State.DONE: outcome.done, State.NOT_NEEDED: outcome.not_needed, State.LEFT: outcome.left}[state]
            kept.append(said)
            outcome.unsure |= state is State.LEFT

    def _look_back(self, claim: Claim, outcome: Outcome) -> None:
        """Find out what an interrupted attempt at an outdated version did. Change nothing."""
        for key, said in claim.steps.items():
            (outcome.done if self._holds(key) else outcome.begun).append(said)
        if outcome.begun or not outcome.done:
            outcome.left = ["An attempt was interrupted, and the finding has changed since."]

    def _holds(self, key: str) -> bool:
        try:
            return self._switch().holds(key)
        except Exception as error:
            # Settings that shut off nothing any more do not let the role read it either.
            if aws_errors.kind(error) is not aws_errors.Kind.DENIED:
                raise
            return False

    def _switch(self) -> Switch:
        s3, control = clients.client("s3"), clients.client("s3control")
        return Switch(s3, control, self.environment.account_id, self.environment.evidence_bucket)

    def _fail(self, claim: Claim, outcome: Outcome) -> None:
        """Report what was refused, once, with what was changed nevertheless. Raise the first error."""
        refused = [error for error in outcome.errors if isinstance(error, ShutOffFailed)]
        self.failed += bool(refused)
        wanted = self.environment.wants(claim.finding) or outcome.done
        if refused and wanted and not claim.warned:
            outcome.left = [*(f"{error} The function retries." for error in refused), *outcome.left]
            self.outbox.append(Letter(claim, outcome.report(claim.finding), failed=True))
        raise (refused or outcome.errors)[0]

    def _scan(self, finding: Finding) -> list[str]:
        """Have the resource analyzed now. A refusal changes nothing that was done: return the reason for the notice."""
        try:
            self.analyzer.start_resource_scan(analyzerArn=self.environment.analyzer_arn, resourceArn=finding.resource)
        except Exception as error:
            if aws_errors.read(error) is None:
                raise
            code = aws_errors.name(error)
            observability.logger().warning(UNSCANNED, extra={"finding_id": finding.id, "error": code})
            return [f"A new scan could not be started ({code}): Access Analyzer analyzes the bucket by itself, later."]
        return []

    def _publish(self, letters: Sequence[Letter]) -> dict[str, Exception]:
        """Send one notice and mark its findings. Return the errors of those that could not be marked, by finding."""
        environment = self.environment
        where = environment.region, environment.partition
        reports = [letter.report for letter in letters]
        subject, message = notices.digest(reports, *where) if len(letters) > 1 else notices.single(reports[0], *where)
        clients.client("sns").publish(TopicArn=environment.topic_arn, Subject=subject, Message=message)
        self.told += len(letters)
        errors: dict[str, Exception] = {}
        for letter in letters:
            try:
                self._mark(letter)
            except Exception as error:  # noqa: BLE001 - the caller reports it; the others are marked, or sent again
                self.ledger.release(letter.claim)
                errors[letter.claim.finding.id] = error
        return errors

    def _publish_now(self, letter: Letter) -> None:
        """Send one notice before the others: the finding's next version can be claimed once this one is reported."""
        for error in self._publish([letter]).values():
            raise error

    def _mark(self, letter: Letter) -> None:
        if letter.failed:
            self.ledger.warned(letter.claim)
            self.ledger.release(letter.claim)
        else:
            self.ledger.told(letter.claim, announced=True)


def _now() -> int:
    return time.time_ns() // 1_000_000


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
    for number, (found, messages) in enumerate(grouped.items()):
        if context.get_remaining_time_in_millis() < RESERVE_MILLISECONDS:
            late = list(grouped.values())[number:]
            log.warning(LATER, extra={"findings": len(late)})
            failed += [message for left in late for message in left]
            break
        try:
            log.info(responder.deal_with(found), extra={"finding_id": found})
        except Exception as error:  # Logged and retried. It must not affect the others.
            log.exception(FAILED, extra={"finding_id": found, **_reason(error)})
            failed += messages
    for found, unsent in responder.send().items():
        log.error(FAILED, exc_info=unsent, extra={"finding_id": found, **_reason(unsent)})
        failed += [message for message in grouped[found] if message not in failed]
    for name, value in (
        (TOLD_METRIC, responder.told),
        (SHUT_OFF_METRIC, responder.shut),
        (FAILED_METRIC, responder.failed),
    ):
        if value:
            observability.count(name, value)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _reason(error: Exception) -> dict[str, str]:
    return {"error": aws_errors.name(error), "reason": str(error) if isinstance(error, AnalyzerError) else ""}


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
        grouped.setdefault(found, []).append(record["messageId"])
    return grouped, malformed
