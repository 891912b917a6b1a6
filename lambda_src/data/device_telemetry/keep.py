"""A batch of any topics and partitions: keep the latest state of each device.

Answer: {"batchItemFailures": []}, or of each partition the first record that failed, from which Lambda delivers again.
When nothing of the batch was handled, the call fails instead: Lambda then splits the batch in two until the record is
alone, and parks it alone. With an answer, it would park the whole rest of the batch with it.
https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
"""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from common import aws_errors, clients, observability, settings

from . import readings, states
from .errors import Malformed, NothingHandled
from .records import Place, Record, records
from .states import State, Table

KEPT = "states kept"
FAILED = "a record failed"

PARTITION = "partition"
"""The key that names the topic and partition of a failed record, as AWS's Powertools library writes it."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The environment. A reading may be so far ahead of this function's clock."""

    table: str
    keep_days: int
    clock_skew_seconds: int


@dataclasses.dataclass
class Batch:
    """What was found in a batch."""

    states: list[State] = dataclasses.field(default_factory=list)
    markers: int = 0
    failed: dict[Place, Exception] = dataclasses.field(default_factory=dict)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Keep a batch. Raise NotAKafkaEvent, SettingsError, or NothingHandled from the first record's problem."""
    log = observability.begin(context)
    config = settings.load(Settings)
    table = Table(config.table, config.keep_days, clients.client("dynamodb", attempts=5))
    found = list(records(event))
    batch = read(found, datetime.now(UTC) + timedelta(seconds=config.clock_skew_seconds))
    malformed = len(batch.failed)
    outcome = table.keep(states.newest(batch.states))
    batch.failed |= outcome.failed or {}
    counts = {
        "RecordsRead": len(found),
        "RecordsMalformed": malformed,
        "DeletionMarkers": batch.markers,
        "StatesKept": outcome.kept,
        "StatesLate": outcome.late,
        "DevicesReturned": outcome.returned,
    }
    for name, value in counts.items():
        if value:
            observability.count(name, value)
    log.info(KEPT, extra=counts)
    for place, problem in batch.failed.items():
        said = str(problem) if isinstance(problem, Malformed) else aws_errors.name(problem)
        log.warning(FAILED, extra={"place": str(place), "problem": said})
    return answer(found, batch.failed)


def read(found: Sequence[Record], latest: datetime) -> Batch:
    """Read each record alone: one that is malformed does not hide the others."""
    batch = Batch()
    for record in found:
        if record.value is None:
            batch.markers += 1
            continue
        try:
            batch.states.append(State(readings.read(record.data(), latest), record.place))
        except Malformed as error:
            batch.failed[record.place] = error
    return batch


def answer(found: Sequence[Record], failed: Mapping[Place, Exception]) -> dict[str, Any]:
    """Return the answer to Lambda. Raise NothingHandled if each partition fails at its first record."""
    first: dict[tuple[str, int], Place] = {}
    starts: dict[tuple[str, int], Place] = {}
    for record in found:
        partition = (record.place.topic, record.place.partition)
        starts[partition] = min(record.place, starts.get(partition, record.place))
        if record.place in failed:
            first[partition] = min(record.place, first.get(partition, record.place))
    if first and first == starts:
        place = next(iter(first.values()))
        raise NothingHandled(f"Record {place}: {_said(failed[place])}.") from failed[place]
    identifiers = [{PARTITION: f"{one.topic}-{one.partition}", "offset": one.offset} for one in first.values()]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in identifiers]}


def _said(problem: Exception) -> str:
    return str(problem) if isinstance(problem, Malformed) else f"DynamoDB answered {aws_errors.name(problem)}"
