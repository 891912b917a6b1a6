"""Remediate SQS batches of Security Hub events: each finding and each of its resources, with one answer per finding.

Each remediation has its own function (REMEDIATION); see `remediations`. The result for a finding:

- all its resources are read back in the intended state, after this or an earlier attempt: the workflow becomes
  RESOLVED, and the note describes the state;
- the remediation does not apply, or a resource could not be remediated, or not wholly: the note gives the reason, and
  the workflow is unchanged;
- the finding is SUPPRESSED, archived or has PASSED: its resources are not changed, and the note says so;
- DRY_RUN: only the note is written, and lists the writes that would be made.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]} with the messages to retry: calls that AWS throttled,
writes that a read does not show yet, findings whose update Security Hub did not accept, and messages that are not
events or contain what is no finding. SQS delivers these again and
then moves them to the dead-letter queue; the last attempt writes the reason to the note. A note depends on the
resources, not on the attempt, and is not written again: an update is an event, which an automatic rule would match.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common import clients, observability, settings
from posture import security_hub
from posture.security_hub import RESOLVED, SUPPRESSED, Finding, Key, NotFindings, Resource, Update

from . import access, remediations
from .contract import Plan, Remediation, Target
from .errors import Failed, Refused, Stale, Transient

MALFORMED = "message is not an event of findings"
OUTCOME = "finding handled"
UNPROCESSED = "finding not updated"
UNEXPECTED = "unexpected error"
BEFORE = "resource before remediation"
RESOLVED_METRIC, FAILED_METRIC, REFUSED_METRIC = "FindingsResolved", "FindingsNotResolved", "FindingsRefused"
READS = 3
"""How often a plan is made again if the resource changes in the meantime."""
READ_BACK_SECONDS = (0.0, 1.0, 3.0)
"""Time before each read of what was written: the settings of a bucket are eventually consistent.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
"""


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    remediation: str
    account_id: str
    member_account_ids: list[Any] = field(default_factory=list)
    member_role: str = ""
    external_id: str | None = None
    dry_run: bool = False
    max_receives: int = 5

    def __post_init__(self) -> None:
        if self.remediation not in remediations.names():
            raise ValueError(f"REMEDIATION must be one of {', '.join(remediations.names())}")

    def reached(self, session_name: str) -> access.Access:
        """Return the accounts that the function can access."""
        members = frozenset(self.member_account_ids)
        return access.shared(self.account_id, members, self.member_role, self.external_id, session_name)


@dataclass
class Job:
    """A finding, and the messages that contained it."""

    finding: Finding
    messages: list[str]
    tries: int


@dataclass(frozen=True)
class Outcome:
    """The result of one attempt at a finding."""

    update: Update | None
    """The change to the finding; None to leave it as it is."""
    metric: str = ""
    """What it counts as."""
    again: bool = False
    """True if its messages must be retried."""


@dataclass(frozen=True)
class Result:
    """The result for one resource."""

    resource: str
    text: str
    metric: str = FAILED_METRIC


@dataclass(frozen=True)
class Remediator:
    """Remediates findings with one of the remediations."""

    unit: Remediation
    reached: access.Access
    seconds_left: Callable[[], float]
    dry_run: bool = False

    def remediate(self, finding: Finding) -> Outcome:
        """Remediate all resources of a finding. Return its note and its workflow.

        Raise Transient after all other resources have been remediated.
        """
        if alone := left_alone(finding):
            return Outcome(Update(_note(f"Left alone: {alone}")), REFUSED_METRIC)
        unit = self.unit
        resources = [each for each in finding.resources if each.type == unit.resource_type]
        if not unit.accepts(finding) or not resources:
            kind = f"{unit.findings} with resources of type {unit.resource_type}"
            return Outcome(Update(_note(f"Refused: this remediation is for {kind}")), REFUSED_METRIC)
        results, later = [], None
        for resource in resources:
            try:
                results.append(self._result(finding, resource))
            except Transient as error:
                later = error
        if later:
            raise later
        # The worst result of a resource is the finding's.
        worst = {result.metric for result in results}
        metric = next(each for each in (FAILED_METRIC, REFUSED_METRIC, RESOLVED_METRIC, "") if each in worst)
        return Outcome(Update(_summary(results), RESOLVED if metric == RESOLVED_METRIC else None), metric)

    def _result(self, finding: Finding, resource: Resource) -> Result:
        try:
            reached = self.reached.at(finding.account_id, resource.region)
            return self._brought(Target(finding, resource, reached, self.seconds_left))
        except Refused as error:
            return Result(resource.name, f"refused: {error}", REFUSED_METRIC)
        except Failed as error:
            return Result(resource.name, f"not remediated: {error}")

    def _brought(self, target: Target) -> Result:
        for _ in range(READS):
            plan = self.unit.plan(target)
            if self.dry_run:
                return Result(target.resource.name, f"dry run, nothing was changed: {_would(plan)}", "")
            try:
                return _applied(plan, target)
            except Stale as error:
                changed = error
        raise Transient(f"{changed}, in each of {READS} attempts")


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handle one batch. Raise SettingsError, and ClientError if findings cannot be updated at all."""
    config = settings.load(Settings)
    log = observability.begin(context, remediation=config.remediation)
    remediator = Remediator(
        remediations.get(config.remediation),
        config.reached(context.function_name),
        lambda: context.get_remaining_time_in_millis() / 1000,
        config.dry_run,
    )
    jobs, failed = by_finding(event["Records"])
    for message in failed:
        log.error(MALFORMED, extra={"message_id": message})
    updates: dict[Key, Update] = {}
    metrics: list[str] = []
    for key, job in jobs.items():
        outcome = _attempt(remediator, job, last=job.tries >= config.max_receives)
        metrics.append(outcome.metric)
        if outcome.again:
            failed |= dict.fromkeys(job.messages)
        if outcome.update:
            updates[key] = outcome.update
    changed = {key: update for key, update in updates.items() if update.changes(jobs[key].finding)}
    for key, reason in _write(changed, config).items():
        log.error(UNPROCESSED, extra={"finding_id": key.id, "reason": reason})
        failed |= dict.fromkeys(jobs[key].messages)
    for metric, number in Counter(filter(None, metrics)).items():
        if not config.dry_run:
            observability.count(metric, number)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _attempt(remediator: Remediator, job: Job, *, last: bool) -> Outcome:
    """Try one finding and catch every exception. After the last attempt, the note says why it was not remediated."""
    log, where = observability.logger(), {"finding_id": job.finding.key.id}
    try:
        outcome = remediator.remediate(job.finding)
    except Transient as error:
        log.warning(OUTCOME, extra={**where, "outcome": str(error)})
        reason = str(error)
    except Exception as error:
        # A bug, or an unexpected answer of AWS. Still handle the other findings of the batch.
        log.exception(UNEXPECTED, extra=where)
        reason = f"unexpected {type(error).__name__}"
    else:
        update = outcome.update or Update()
        log.info(OUTCOME, extra={**where, "workflow": update.workflow, "outcome": update.note})
        return outcome
    if not last:
        return Outcome(None, again=True)
    return Outcome(Update(_note(f"Not remediated after {job.tries} attempts: {reason}")), FAILED_METRIC, again=True)


def _write(updates: Mapping[Key, Update], config: Settings) -> dict[Key, str]:
    """Update the findings. Return the reason, by finding, for those that Security Hub did not accept."""
    if not updates:
        return {}
    return security_hub.update(clients.client("securityhub"), updates, f"finding_remediation/{config.remediation}")


def by_finding(records: list[Mapping[str, Any]]) -> tuple[dict[Key, Job], dict[str, None]]:
    """Return the findings, each once as its last event shows it, and the ids of messages that hold none."""
    jobs: dict[Key, Job] = {}
    malformed: dict[str, None] = {}
    for record in records:
        message = record["messageId"]
        tries = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        try:
            listed, odd = security_hub.read(record["body"])
        except NotFindings:
            malformed[message] = None
            continue
        if odd:  # The message is delivered again, and then kept in the dead-letter queue. Its other findings go on.
            malformed[message] = None
        for finding in listed:
            known = jobs.get(finding.key)
            messages = [*known.messages, message] if known else [message]
            jobs[finding.key] = Job(finding, messages, max(tries, known.tries if known else 0))
    return jobs, malformed


def left_alone(finding: Finding) -> str:
    """Return why the resources of a finding must not be changed, or ""."""
    if finding.workflow == SUPPRESSED:
        return "the finding is suppressed. Set its workflow to NEW to have it remediated"
    if finding.record_state == "ARCHIVED":
        return "the finding is archived: what it reported is over"
    if finding.compliance == "PASSED":
        return "the finding has passed: the resource is as its control wants it"
    return ""


def _would(plan: Plan) -> str:
    steps = " and ".join(step.text for step in plan.steps)
    return f"it would {steps}" if steps else "; ".join(filter(None, [f"nothing to do, {plan.effect}", plan.open()]))


def _applied(plan: Plan, target: Target) -> Result:
    name = target.resource.name
    if plan.steps:
        # Before the first write: a later attempt reads the new state.
        record = {"finding_id": target.finding.key.id, "resource_id": target.resource.id, "before": plan.before}
        observability.logger().info(BEFORE, extra={**record, "steps": [step.text for step in plan.steps]})
    for step in plan.steps:
        step.do()
    if plan.steps:
        _read_back(plan)
    if left := plan.open():
        return Result(name, f"remediated in part: {plan.effect}; {left}")
    return Result(name, f"remediated: {plan.effect}", RESOLVED_METRIC)


def _read_back(plan: Plan) -> None:
    """Read until nothing is missing. Raise Transient if something is in the end."""
    wrong = ""
    for seconds in READ_BACK_SECONDS:
        time.sleep(seconds)
        if not (wrong := plan.missing()):
            return
    raise Transient(f"the change was written, but when read back {wrong}")


def _summary(results: list[Result]) -> str:
    if len(results) == 1:  # Without the name, so that findings with equal notes share a call.
        return _note(results[0].text)
    return "; ".join(f"{result.resource}: {result.text}" for result in results) + "."


def _note(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
