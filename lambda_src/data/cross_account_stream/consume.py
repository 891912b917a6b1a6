"""A batch of one shard: keep its records, in their order.

Answer: {"batchItemFailures": []}, or the sequence number of the first record that failed, from which Lambda
delivers again. When that is the first of the batch, the call fails instead: Lambda then splits the batch in two until
the record is alone, and parks it alone. With an answer, it would park the whole rest of the batch with it.
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from common import aws_errors, clients, observability, settings

from . import records
from .errors import Unreadable
from .records import Record
from .table import Outcome, Table

KEPT = "records kept"
FAILED = "a record failed"

Keep = Callable[[Sequence[Record]], Outcome]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The environment."""

    table: str
    keep_days: int


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Keep a batch. Raise NotAStreamEvent, SettingsError, or the problem of the first record."""
    log = observability.begin(context)
    config = settings.load(Settings)
    table = Table(config.table, config.keep_days, clients.client("dynamodb", attempts=5))
    found = records.entries(event)
    outcome = run(found, table.keep)
    observability.count("RecordsKept", outcome.kept)
    log.info(KEPT, extra={"records": len(found), "kept": outcome.kept})
    if outcome.problem:
        log.warning(FAILED, extra={"position": outcome.kept, "problem": aws_errors.name(outcome.problem)})
    return answer(found, outcome)


def run(found: Sequence[Any], keep: Keep) -> Outcome:
    """Keep the entries before the first that is unreadable."""
    readable: list[Record] = []
    problem: Exception | None = None
    for entry in found:
        try:
            readable.append(Record.of(entry))
        except Unreadable as error:
            problem = error
            break
    outcome = keep(readable)
    return outcome if outcome.problem else Outcome(outcome.kept, problem)


def answer(found: Sequence[Any], outcome: Outcome) -> dict[str, Any]:
    """Return the answer to Lambda. Raise the problem if Lambda must split the batch."""
    if not outcome.problem:
        return {"batchItemFailures": []}
    sequence = records.sequence_of(found[outcome.kept])
    if outcome.kept == 0 or not sequence:
        raise outcome.problem
    return {"batchItemFailures": [{"itemIdentifier": sequence}]}
