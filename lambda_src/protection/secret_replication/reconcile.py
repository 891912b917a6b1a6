"""Scheduled comparison: compare every selected secret with its replicas, report drift, and request repairs.

Event:  {"repair": false} to report only; any other event also repairs
Answer: {"checked": pairs of secret and target, "in_sync": n, "in_flight": n, "repairs": messages sent,
         "drifted":  [{"target", "secret", "replica", "reasons", "changed"}],
         "refused":  [{"target", "secret", "replica", "error", "reason"}],
         "orphaned": [{"target", "replica", "source"}], replicas whose source no longer exists; they are kept}

Both sides are read by ListSecrets, a hundred secrets per call. Secrets that differ are sent to the queue of
`replicate`, which reads them again. A secret that changed within GRACE_SECONDS is "in flight": its event can still
arrive.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common import clients, observability, settings

from . import access
from .errors import Refused, Transient, translated
from .plan import Step, plan
from .secrets import Secret
from .targets import Target, parse

BATCH = 10  # messages per call
FILTER_VALUES = 10  # the maximum of a filter

DRIFTED, REFUSED, ORPHANED, COMPARED = (
    "replica differs from its source",
    "replica cannot be made",
    "replica without a source",
    "secrets compared",
)
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
    """Compare all secrets. Raise SettingsError, and Denied or Transient if the source or a target is unreadable."""
    log = observability.begin(context)
    config = settings.load(Settings)
    targets = config.parsed()
    reached = access.shared(context.function_name, access.READ_ONLY)
    report, repairs = compare(
        targets,
        listed(clients.client("secretsmanager"), "the source", {name for t in targets for name in t.selected()}),
        {t.name: listed(reached.client(t), f"target {t.name}", t.written()) for t in targets},
        datetime.now(UTC) - timedelta(seconds=config.grace_seconds),
    )
    for message, key in ((DRIFTED, "drifted"), (REFUSED, "refused"), (ORPHANED, "orphaned")):
        for entry in report[key]:
            log.warning(message, extra=entry)
    if event.get("repair", True) is False:
        repairs = []
    _send(config.queue_url, repairs)
    report["repairs"] = len(repairs)
    observability.count(DRIFTED_METRIC, len(report["drifted"]) + len(report["refused"]))
    observability.count(IN_SYNC_METRIC, report["in_sync"])
    observability.count(ORPHANED_METRIC, len(report["orphaned"]))
    log.info(COMPARED, extra={name: value for name, value in report.items() if isinstance(value, int)})
    return report


def compare(
    targets: list[Target], sources: list[Secret], replicas: Mapping[str, list[Secret]], settled: datetime
) -> tuple[dict[str, Any], list[str]]:
    """Return the report and the ARNs of the sources to copy again.

    `replicas` are given by target. Differences of secrets that changed after `settled` count as in flight.
    """
    report: dict[str, Any] = {"checked": 0, "in_sync": 0, "in_flight": 0, "drifted": [], "refused": [], "orphaned": []}
    repairs: dict[str, None] = {}
    known = {source.arn: source for source in sources}
    for target in targets:
        by_name = {replica.name: replica for replica in replicas[target.name]}
        for source in sources:
            if not target.named(source.name) or not target.tagged(source.tags):
                continue
            name = target.replica_name(source.name)
            where = {"target": target.name, "secret": source.name, "replica": name}
            report["checked"] += 1
            try:
                steps = plan(source, by_name.get(name), target)
            except Refused as error:
                report["refused"].append({**where, "error": type(error).__name__, "reason": str(error)})
                continue
            if not steps:
                report["in_sync"] += 1
                continue
            repairs[source.arn] = None
            if source.changed and source.changed > settled:
                report["in_flight"] += 1
            else:
                changed = source.changed.isoformat() if source.changed else None
                report["drifted"].append({**where, "reasons": _reasons(steps), "changed": changed})
        for replica in replicas[target.name]:
            source_arn = replica.source or ""
            if (source_arn not in known or known[source_arn].deleted) and _ours(source_arn, sources, target):
                report["orphaned"].append({"target": target.name, "replica": replica.name, "source": source_arn})
    return report, list(repairs)


def _ours(source_arn: str, sources: list[Secret], target: Target) -> bool:
    """Return true if this target would copy a replica's source from this account and Region if it still existed."""
    name = source_arn.split(":secret:")[-1][:-7]
    here = {tuple(source.arn.split(":")[3:5]) for source in sources}
    return target.named(name) and (not here or tuple(source_arn.split(":")[3:5]) in here)


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
