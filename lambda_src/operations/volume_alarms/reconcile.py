"""Make the alarms of all instances, or of one, what they must be.

Event:  {} or {"scheduled_at": RFC 3339, "dry_run": bool}: all instances of all targets, with a report in S3.
        An EC2 state change, directly or in messages of the queue: the instance that it names.
        {"tf": {"action"}, "targets": […]} from Terraform: as {}; `delete` deletes every alarm of this stack.
Answer: the report, or {"batchItemFailures": […]} for messages.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from common import aws_errors, clients, observability, propagation, settings
from common.pacing import Pacer
from common.roles import Clients, Roles

from . import requests
from .account import RECENT, WRITES_PER_SECOND, Account, single
from .errors import Incomplete, InvalidRequest, Unfinished
from .plan import Plan, plan, silent
from .requests import Request
from .settings import Settings, Target

DONE = "alarms reconciled"
REFUSED = "message refused"
METRICS = ("InstancesWithMetrics", "InstancesWithoutMetrics", "VolumeAlarms")
LISTED = 500
"""Most IDs or errors in one list of a report."""

_roles = Roles()
_pacers: dict[tuple[str, str], Pacer] = {}


@dataclass
class Result:
    """One target's part of the report. `error` is why it ended early."""

    name: str
    account_id: str
    region: str
    instances: Counter[str] = field(default_factory=Counter)
    without_metrics: list[str] = field(default_factory=list)
    unknown_instances: list[str] = field(default_factory=list)
    metrics_without_instance: int = 0
    drives: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    deleted: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    error: str = ""

    def document(self) -> dict[str, Any]:
        """Return the part as JSON's types. `dataclasses.asdict` spoils Counters."""
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Reconcile. Raise InvalidRequest, Incomplete or Unfinished after all that could be done is done."""
    log = observability.begin(context)
    config = settings.load(Settings)

    def remaining() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    if isinstance(event, Mapping) and isinstance(event.get("Records"), list):
        return {"batchItemFailures": messages(event["Records"], config, remaining)}
    request = requests.read(event)
    report = propagation.permitted(
        lambda: run(request, config, _roles.at, clients.client, remaining), by_terraform=request.by_terraform
    )
    log.info(DONE, extra={"totals": report["totals"]})
    return report


def messages(records: list[Any], config: Settings, remaining: Callable[[], float]) -> list[dict[str, str]]:
    """Reconcile the instances of messages, each once. Return the messages that must be delivered again."""
    log, failed = observability.logger(), []
    done: dict[Request, bool] = {}
    for record in records:
        try:
            request = requests.message(record)
            if request not in done:
                done[request] = False
                run(request, config, _roles.at, clients.client, remaining)
                done[request] = True
        except Exception as error:  # noqa: BLE001 - one message must not hold up the others; it is delivered again
            log.warning(REFUSED, extra={"error": aws_errors.name(error)})
            failed.append(record)
            continue
        if not done[request]:
            failed.append(record)
    return [{"itemIdentifier": str(one.get("messageId", ""))} for one in failed]


def run(
    request: Request,
    config: Settings,
    at: Callable[..., Clients],
    client: Callable[[str], Any],
    remaining: Callable[[], float],
) -> dict[str, Any]:
    """Reconcile each target that a request is about, and write the report of a whole run."""
    now = time_of(request)
    results, causes = [], []
    removed = [Target.of({**one, "enabled": False}) for one in request.removed]
    kept = {(t.account_id, t.region) for t in config.parsed_targets()}
    chosen = [one for one in removed if (one.account_id, one.region) not in kept] + config.parsed_targets()
    for target in chosen:
        if not request.whole and (target.account_id, target.region) != (request.account_id, request.region):
            continue
        result = Result(target.name, target.account_id, target.region)
        results.append(result)
        try:
            pacer = _pacers.setdefault((target.account_id, target.region), Pacer(WRITES_PER_SECOND))
            account = Account(at(target.region, target.role), remaining, pacer)
            if request.remove or not target.enabled:
                remove(account, config.alarm_prefix, result)
            else:
                reconcile(account, request, config, target, result)
        except Exception as error:  # noqa: BLE001 - the other targets go on; raised at the end
            result.error = explained(error)
            causes.append(error)
    report = written(request, config, client, results, now)
    finish(results, causes, by_terraform=request.by_terraform)
    return report


def time_of(request: Request) -> datetime:
    """Return the time that names the report. Raise InvalidRequest for text that is no time."""
    if not request.at:
        return datetime.now(UTC)
    try:
        return datetime.fromisoformat(request.at).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest("scheduled_at must be a time such as 2026-11-20T03:00:00Z.") from None


def reconcile(account: Account, request: Request, config: Settings, target: Target, result: Result) -> None:
    """Bring one target's alarms to what its instances, metrics and the policy ask for."""
    now, policy = datetime.now(UTC), config.policy(target)
    ids = [request.instance] if request.instance else []
    # The alarms are read before EC2: one that an event's run writes meanwhile would look like an orphan.
    alarms: dict[str, list[Any]] = {}
    for alarm in account.alarms(f"{policy.prefix}{request.instance}"):
        alarms.setdefault(alarm.instance, []).append(alarm)
    instances = {one.id: one for one in account.instances(ids)}
    found, result.metrics_without_instance = account.rows(config.namespaces, config.kinds(), request.instance, now)
    rows: dict[str, list[Any]] = {}
    for row in found:
        rows.setdefault(row.instance, []).append(row)
    quiet = [alarm for one, its in alarms.items() if one in instances for alarm in silent(its, rows.get(one, ()))]
    last = account.last_seen(quiet, now - policy.gone_after - RECENT, now) if quiet else {}
    if request.whole:
        result.unknown_instances = sorted(set(rows) - set(instances))[:LISTED]
    for one in sorted({*instances, *alarms, *ids}):
        made = plan(instances.get(one), rows.get(one, ()), alarms.get(one, ()), last, policy, now)
        _note(result, one, made)
        if not request.dry_run:
            _apply(account, made, {alarm.name: alarm for alarm in alarms.get(one, ())}, config.alarm_tags, result)
        else:
            result.alarms.update(would_put=len(made.put), would_delete=len(made.delete))


def _note(result: Result, one: str, made: Plan) -> None:
    result.instances[made.coverage] += 1
    if made.coverage == "without_metrics" and len(result.without_metrics) < LISTED:
        result.without_metrics.append(one)
    result.drives += made.drives
    result.skipped.update(made.skipped)
    result.alarms.update(unchanged=made.unchanged, kept=made.kept)


def _apply(account: Account, made: Plan, present: Mapping[str, Any], tags: Mapping[str, str], result: Result) -> None:
    for alarm in made.put:
        try:
            account.put(alarm, present.get(alarm.name), tags)
            result.alarms["put"] += 1
        except Exception as error:
            if not single(error):
                raise
            _failed(result, {alarm.name: aws_errors.name(error)})
    if made.delete:
        failed = account.delete(list(made.delete))
        result.deleted.update(reason for name, reason in made.delete.items() if name not in failed)
        _failed(result, failed)


def _failed(result: Result, failed: Mapping[str, str]) -> None:
    result.alarms["failed"] += len(failed)
    for name, code in failed.items():
        if len(result.failed) < LISTED:
            result.failed[name] = code


def remove(account: Account, prefix: str, result: Result) -> None:
    """Delete every alarm of this stack, also those that a run at the same time still writes."""
    for _ in range(3):
        names = [alarm.name for alarm in account.alarms(prefix) if alarm.name not in result.failed]
        if not names:
            return
        failed = account.delete(names)
        result.deleted["removed"] += len(names) - len(failed)
        _failed(result, failed)


def explained(error: BaseException) -> str:
    """Return why a target failed: AWS's code with the operation, or the error's own message."""
    failure = aws_errors.read(error)
    if failure is None:
        return str(error) or type(error).__name__
    return f"{failure.code} at {getattr(error, 'operation_name', 'a call without an answer')}"


def written(
    request: Request, config: Settings, client: Callable[[str], Any], results: list[Result], now: datetime
) -> dict[str, Any]:
    """Return the report; that of a scheduled run is also kept in S3 and counted in metrics."""
    totals: dict[str, Any] = {
        "targets": len(results),
        "targets_with_errors": sum(bool(one.error) for one in results),
        "instances": _sum(one.instances for one in results),
        "drives": sum(one.drives for one in results),
        "alarms": _sum(one.alarms for one in results),
        "deleted": _sum(one.deleted for one in results),
        "unknown_instances": sum(len(one.unknown_instances) for one in results),
    }
    report: dict[str, Any] = {"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "totals": totals}
    report["targets"] = [one.document() for one in results]
    if request.whole and not request.remove and not request.by_terraform and not request.dry_run:
        report["key"] = f"{config.report_prefix}dt={now:%Y-%m-%d}/volume-alarms-{now:%Y%m%dT%H%M%SZ}.json"
        client("s3").put_object(
            Bucket=config.bucket,
            Key=report["key"],
            Body=json.dumps(report, indent=1).encode(),
            ContentType="application/json",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=config.kms_key_arn,
            ExpectedBucketOwner=config.bucket_owner,
        )
        counted = totals["instances"].get("with_metrics", 0), totals["instances"].get("without_metrics", 0)
        written_or_there = totals["alarms"].get("put", 0) + totals["alarms"].get("unchanged", 0)
        for name, value in zip(METRICS, (*counted, written_or_there), strict=True):
            observability.count(name, value)
    return report


def _sum(counters: Any) -> dict[str, int]:
    return dict(sum(counters, Counter()))


def finish(results: list[Result], causes: list[Exception], *, by_terraform: bool) -> None:
    """Raise Unfinished or Incomplete for what failed. Terraform need not wait for the schedule to write the rest."""
    late = [one for one in causes if isinstance(one, Unfinished)]
    other = [one for one in causes if not isinstance(one, Unfinished)]
    named = [f"{one.name}: {one.error}" for one in results if one.error]
    named += [f"{one.name}: {one.alarms['failed']} alarms refused ({', '.join(sorted(set(one.failed.values())))})"
              for one in results if one.failed]  # fmt: skip
    if other or any(one.failed for one in results):
        raise Incomplete("; ".join(named)[:2000]) from (other[0] if other else None)
    if late and not by_terraform:
        raise Unfinished("; ".join(named)[:2000])
