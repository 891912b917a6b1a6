"""Scheduled comparison: compare every selected secret with its replicas, report drift, and request repairs.

Event:  {"repair": false} to report only; any other event also repairs
Answer: {"checked": pairs of secret and target, each of which is counted once in the next eight:
         "in_sync": n, "in_flight": n, "paused": n, "repairs": messages sent,
         "drifted":    [{"target", "secret", "replica", "reasons", "changed"}],
         "refused":    [{"target", "secret", "replica", "error", "reason"}],
         "incomplete": [{"target", "secret", "replica", "reason"}], replicas with room for only some of the tags,
         "skipped":    [{"target", "secret", "replica", "reason"}], secrets that need no replica now,
         "promoted":   [{"target", "secret", "replica", "changed"}], replicas that do not follow their source,
         "orphaned":   [{"target", "replica", "source", "reason"}], replicas that no source updates; they are kept,
         "unreadable": [{"target", "error", "reason"}], targets that could not be compared}

Both sides are read by ListSecrets, a hundred secrets per call. Secrets that differ are sent to the queue of
`replicate`, which reads them again. A secret that changed within GRACE_SECONDS is "in flight": its event can still
arrive. Versions are compared by ID, because Secrets Manager never changes the value of a version.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common import clients, observability, settings

from . import access
from .errors import Refused, ReplicationError, Transient, translated
from .plan import Step, copied_tags, excluded, plan
from .secrets import CURRENT, Secret, place
from .targets import Target, parse

BATCH = 10  # messages per call
FILTER_VALUES = 10  # the maximum of a filter

COMPARED = "secrets compared"
WARNINGS = {
    "drifted": "replica differs from its source",
    "refused": "replica cannot be made",
    "incomplete": "replica lacks tags",
    "skipped": "secret needs no replica now",
    "promoted": "replica is promoted and does not follow its source",
    "orphaned": "replica without a source",
    "unreadable": "target cannot be compared",
}
DRIFTED_METRIC, IN_SYNC_METRIC, ORPHANED_METRIC = "SecretsDrifted", "SecretsInSync", "ReplicasOrphaned"


@dataclass(frozen=True)
class Settings:
    """The environment."""

    targets: list[Any]
    queue_url: str
    grace_seconds: int = 1800

    def parsed(self) -> list[Target]:
        """Return the parsed targets."""
        return parse(self.targets)

    def __post_init__(self) -> None:
        self.parsed()


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Compare all secrets. Raise SettingsError, and Denied or Transient if the source is unreadable.

    A target that is unreadable does not affect the others. Its error is raised in the end, unless only a report is
    requested.
    """
    log = observability.begin(context)
    config = settings.load(Settings)
    targets = config.parsed()
    sources = listed(clients.client("secretsmanager"), "the source", {name for t in targets for name in t.selected()})
    replicas, unreadable = _replicas(targets, access.shared(context.function_name, access.READ_ONLY))
    settled = datetime.now(UTC) - timedelta(seconds=config.grace_seconds)
    report, repairs = compare(targets, sources, replicas, settled)
    report["unreadable"] = [
        {"target": name, "error": type(error).__name__, "reason": str(error)} for name, error in unreadable.items()
    ]
    for key, message in WARNINGS.items():
        for entry in report[key]:
            log.warning(message, extra=entry)
    repair = event.get("repair", True) is not False
    if not repair:
        repairs = []
    report["repairs"] = len(repairs)
    observability.count(DRIFTED_METRIC, len(report["drifted"]) + len(report["refused"]))
    observability.count(IN_SYNC_METRIC, report["in_sync"])
    observability.count(ORPHANED_METRIC, len(report["orphaned"]))
    _send(config.queue_url, repairs)
    log.info(COMPARED, extra={name: value if isinstance(value, int) else len(value) for name, value in report.items()})
    if repair and unreadable:
        raise next(iter(unreadable.values()))
    return report


def _replicas(
    targets: list[Target], reached: access.Access
) -> tuple[dict[str, list[Secret]], dict[str, ReplicationError]]:
    """Return the secrets of each target that is not paused, and the errors of the targets that are unreadable."""
    found: dict[str, list[Secret]] = {}
    unreadable: dict[str, ReplicationError] = {}
    for target in targets:
        if not target.paused:
            try:
                found[target.name] = listed(reached.client(target), f"target {target.name}", target.written())
            except (Refused, Transient) as error:
                unreadable[target.name] = error
    return found, unreadable


def compare(
    targets: list[Target], sources: list[Secret], replicas: Mapping[str, list[Secret]], settled: datetime
) -> tuple[dict[str, Any], list[str]]:
    """Return the report and the ARNs of the sources to copy again.

    `replicas` are given by target; a target without them is not compared. Differences of secrets that changed after
    `settled` count as in flight.
    """
    report: dict[str, Any] = {"checked": 0, "in_sync": 0, "in_flight": 0, "paused": 0, "repairs": 0}
    report |= {name: [] for name in WARNINGS}
    repairs: dict[str, None] = {}
    for target in targets:
        selected = [source for source in sources if target.selects(source.name, source.tags)]
        if target.paused:
            report["checked"] += len(selected)
            report["paused"] += len(selected)
        if target.name not in replicas:
            continue
        report["checked"] += len(selected)
        by_name = {replica.name: replica for replica in replicas[target.name]}
        for source in selected:
            name = target.replica_name(source.name)
            kind, more = _compared(source, by_name.get(name), target, settled)
            if kind in ("drifted", "in_flight"):
                repairs[source.arn] = None
            if kind in WARNINGS:
                report[kind].append({"target": target.name, "secret": source.name, "replica": name, **more})
            else:
                report[kind] += 1
    report["orphaned"] = _orphaned(targets, sources, replicas)
    return report, list(repairs)


def _compared(source: Secret, replica: Secret | None, target: Target, settled: datetime) -> tuple[str, dict[str, Any]]:
    """Return the key of the report for one pair, and what an entry says in addition to the names."""
    if replica and replica.promoted is not None:
        return "promoted", {"changed": replica.labels.get(CURRENT) != replica.promoted}
    if reason := excluded(source, replica, target):
        return "skipped", {"reason": reason}
    try:
        steps = plan(source, replica, target)
    except Refused as error:
        return "refused", {"error": type(error).__name__, "reason": str(error)}
    if steps and source.changed and source.changed > settled:
        return "in_flight", {}
    if steps:
        changed = source.changed.isoformat() if source.changed else None
        return "drifted", {"reasons": _reasons(steps), "changed": changed}
    if left_out := copied_tags(source)[1]:
        return "incomplete", {"reason": f"A secret has at most 50 tags. Not copied: {', '.join(left_out)}."}
    return "in_sync", {}


def _orphaned(
    targets: list[Target], sources: list[Secret], replicas: Mapping[str, list[Secret]]
) -> list[dict[str, str]]:
    """Return the replicas that no source updates, because it was deleted or no target selects it any longer."""
    known = {source.arn: source for source in sources}
    kept = {
        (target.place(source.place[1]), target.replica_name(source.name), source.arn)
        for target in targets
        for source in sources
        if target.selects(source.name, source.tags)
    }
    found: dict[str, dict[str, str]] = {}  # by ARN: several targets can list the same replica
    for target in targets:
        for replica in replicas.get(target.name, []):
            source = known.get(replica.source or "")
            if source is None or source.deleted:
                if not _ours(replica.source or "", sources, target):
                    continue
                reason = "Its source was deleted."
            elif (replica.place, replica.name, source.arn) in kept:
                continue
            else:
                reason = f"No target selects {source.name} for this name any longer."
            entry = {"target": target.name, "replica": replica.name, "source": replica.source or "", "reason": reason}
            found.setdefault(replica.arn, entry)
    return list(found.values())


def _ours(source_arn: str, sources: list[Secret], target: Target) -> bool:
    """Return true if this target would copy a replica's source from this account and Region if it still existed."""
    name = source_arn.split(":secret:")[-1][:-7]
    here = {source.place for source in sources}
    return target.named(name) and (not here or place(source_arn) in here)


def _reasons(steps: list[Step]) -> list[str]:
    names = {"Create": "missing", "Put": "value", "Move": "labels", "Describe": "description"}
    return sorted({names.get(type(step).__name__, "tags") for step in steps})


def listed(client: Any, where: str, beginnings: set[str]) -> list[Secret]:
    """Return the secrets whose names have one of these beginnings, including secrets that await deletion.

    If there are too many beginnings for a filter, or one is empty, return all secrets.
    """
    paging: dict[str, Any] = {"MaxResults": 100, "IncludePlannedDeletion": True}
    if len(beginnings) <= FILTER_VALUES and "" not in beginnings:
        paging["Filters"] = [{"Key": "name", "Values": sorted(beginnings)}]
    found: list[Secret] = []
    while paging:
        with translated(f"listing the secrets at {where}"):
            page = client.list_secrets(**paging)
        found += map(Secret.of, page["SecretList"])
        token = page.get("NextToken")
        paging = {**paging, "NextToken": token} if token else {}
    return found


def _send(queue_url: str, secret_ids: list[str]) -> None:
    sqs = clients.client("sqs")
    for first in range(0, len(secret_ids), BATCH):
        entries = [
            {"Id": str(index), "MessageBody": json.dumps({"repair": secret_id})}
            for index, secret_id in enumerate(secret_ids[first : first + BATCH])
        ]
        with translated("sending repairs to the queue"):
            answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        if answer.get("Failed"):  # the call itself succeeds
            raise Transient(f"{len(answer['Failed'])} repairs could not be queued: {answer['Failed'][0].get('Code')}.")
