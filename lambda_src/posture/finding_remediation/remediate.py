"""SQS batches of Security Hub events: each finding is remediated, each of its resources by itself, and answered once.

One function for each remediation (REMEDIATION); see `remediations`. What becomes of a finding:

- all its resources are as they should be, by this try or one before: workflow RESOLVED, and the note says what is so;
- it is not a case for this remediation, or a resource could not be remediated: the note says why, and the workflow
  stays as it is;
- it is SUPPRESSED: its resources are left alone, and the note says so;
- DRY_RUN: nothing but the note, which says what would be done.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]} with the messages that a later try can do better: what
AWS throttled, findings that Security Hub did not take, and events that are none. SQS tries these again and then keeps
them in the dead-letter queue; the last try leaves the reason in the note. A note depends on what is so, not on the
try, and is not written where it is already: an update is an event of its own, which an automatic rule would match.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common import clients, observability, settings
from posture import security_hub
from posture.security_hub import RESOLVED, SUPPRESSED, Finding, Key, NotFindings, Update

from . import access, remediations
from .contract import Plan, Remediation, Target
from .errors import Failed, Refused, Stale, Transient

MALFORMED = "message is no event of findings"
OUTCOME = "finding handled"
UNPROCESSED = "finding not updated"
UNEXPECTED = "unexpected error"
RESOLVED_METRIC, FAILED_METRIC = "FindingsResolved", "FindingsNotResolved"
READS = 3
"""How often a plan is made anew when something changed under it."""


@dataclass(frozen=True)
class Settings:
    """The environment."""

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


@dataclass(frozen=True)
class Outcome:
    """What became of one resource."""

    resource: str
    text: str
    done: bool = False


@dataclass
class Job:
    """A finding, and the messages that brought it."""

    finding: Finding
    messages: list[str]
    tries: int


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles one batch. Raises SettingsError, and ClientError when findings cannot be updated at all."""
    config = settings.load(Settings)
    log = observability.begin(context, remediation=config.remediation)
    reached = access.shared(
        config.account_id,
        frozenset(config.member_account_ids),
        config.member_role,
        config.external_id,
        context.function_name,
    )
    unit = remediations.get(config.remediation)
    jobs, failed = by_finding(event["Records"])
    for message in failed:
        log.error(MALFORMED, extra={"message_id": message})
    updates: dict[Key, Update] = {}
    resolved = unresolved = 0
    for key, job in jobs.items():
        update: Update | None = None
        last = job.tries >= config.max_receives

        def client(service: str, region: str, account: str = job.finding.account_id) -> Any:
            return reached.client(service, account, region)

        try:
            update = remediate(
                unit, job.finding, client, config.dry_run, lambda: context.get_remaining_time_in_millis() / 1000
            )
        except Transient as error:
            log.warning(OUTCOME, extra={"finding_id": key.id, "outcome": str(error)})
            failed |= dict.fromkeys(job.messages)
            update = Update(_note(f"Not remediated after {job.tries} tries: {error}")) if last else None
        except Exception as error:
            # A bug, or an answer of AWS that nobody expected: the other findings of the batch get theirs.
            log.exception(UNEXPECTED, extra={"finding_id": key.id})
            failed |= dict.fromkeys(job.messages)
            name = type(error).__name__
            update = Update(_note(f"Not remediated after {job.tries} tries: unexpected {name}")) if last else None
        if update is None:
            continue
        resolved += update.workflow == RESOLVED
        unresolved += update.workflow is None and not config.dry_run
        log.info(OUTCOME, extra={"finding_id": key.id, "workflow": update.workflow, "outcome": update.note})
        if update.changes(job.finding):
            updates[key] = update
    hub = clients.client("securityhub") if updates else None
    for key, reason in security_hub.update(hub, updates, f"finding_remediation/{config.remediation}").items():
        log.error(UNPROCESSED, extra={"finding_id": key.id, "reason": reason})
        failed |= dict.fromkeys(jobs[key].messages)
    if resolved:
        observability.count(RESOLVED_METRIC, resolved)
    if unresolved:
        observability.count(FAILED_METRIC, unresolved)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def by_finding(records: list[Mapping[str, Any]]) -> tuple[dict[Key, Job], dict[str, None]]:
    """The findings, each once as the last of its events shows it, and the ids of messages that hold none."""
    jobs: dict[Key, Job] = {}
    malformed: dict[str, None] = {}
    for record in records:
        message = record["messageId"]
        tries = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        try:
            listed = security_hub.parse(record["body"])
        except NotFindings:
            malformed[message] = None
            continue
        for finding in listed:
            known = jobs.get(finding.key)
            messages = [*known.messages, message] if known else [message]
            jobs[finding.key] = Job(finding, messages, max(tries, known.tries if known else 0))
    return jobs, malformed


def remediate(
    unit: Remediation, finding: Finding, client: Any, dry_run: bool = False, seconds_left: Any = None
) -> Update:
    """Remediates all resources of a finding; what its note and its workflow are to be.

    `client(service, region)` gives the clients of the finding's account. Raises Transient, when all resources that
    can be remediated now are.
    """
    if finding.workflow == SUPPRESSED:
        return Update(_note("Left alone: the finding is suppressed. Set its workflow to NEW to have it remediated"))
    resources = [each for each in finding.resources if each.type == unit.resource_type]
    if not unit.accepts(finding) or not resources:
        return Update(_note(f"Refused: this remediation is for {unit.findings}, of resources {unit.resource_type}"))
    outcomes, later = [], None
    for resource in resources:
        more = {"seconds_left": seconds_left} if seconds_left else {}

        def of_region(service: str, region: str = resource.region) -> Any:
            return client(service, region)

        target = Target(finding, resource, of_region, **more)
        try:
            outcomes.append(_outcome(unit, target, dry_run))
        except Transient as error:
            later = error
    if later:
        raise later
    return Update(_told(outcomes), RESOLVED if all(outcome.done for outcome in outcomes) and not dry_run else None)


def _outcome(unit: Remediation, target: Target, dry_run: bool) -> Outcome:
    name = target.resource.name
    try:
        for _ in range(READS):
            plan = unit.plan(target)
            if dry_run:
                steps = " and ".join(step.text for step in plan.steps)
                would = f"it would {steps}" if steps else f"nothing to do, {plan.effect}"
                return Outcome(name, f"dry run, nothing was changed: {would}")
            try:
                return Outcome(name, _applied(plan), done=True)
            except Stale as error:
                changed = error
        raise Transient(f"{changed}, again and again")
    except Refused as error:
        return Outcome(name, f"refused: {error}")
    except Failed as error:
        return Outcome(name, f"not remediated: {error}")


def _applied(plan: Plan) -> str:
    for step in plan.steps:
        step.do()
    if plan.steps and (wrong := plan.missing()):
        raise Failed(f"written, but read back: {wrong}")
    return "; ".join(filter(None, [f"remediated: {plan.effect}", plan.remark()]))


def _told(outcomes: list[Outcome]) -> str:
    if len(outcomes) == 1:  # without its name, so that findings with equal notes share a call
        return _note(outcomes[0].text)
    return "; ".join(f"{outcome.resource}: {outcome.text}" for outcome in outcomes) + "."


def _note(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
