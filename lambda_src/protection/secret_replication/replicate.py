"""Handle SQS batches of secret events (see `events`): compare and copy each secret once per batch.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]} with the messages whose secret a later attempt can copy,
and the messages that name no secret. SQS retries them, then moves them to the dead-letter queue. A refusal that only a
user can end is reported and counted, and not retried: the hourly comparison reports it until it ends.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import clients, observability, settings

from . import access, events
from .errors import Refused, ReplicationError, Transient
from .sync import sync
from .targets import Target, parse

REPLICATED = "secret replicated"
FAILED = "secret not replicated"
MALFORMED = "message names no secret"
COPIED_METRIC, REFUSED_METRIC = "SecretsReplicated", "ReplicationsRefused"


@dataclass(frozen=True)
class Settings:
    """The environment."""

    targets: list[Any]

    def parsed(self) -> list[Target]:
        """Return the parsed targets."""
        return parse(self.targets)

    def __post_init__(self) -> None:
        self.parsed()


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Copy the secrets of one batch. Raise SettingsError."""
    log = observability.begin(context)
    targets = settings.load(Settings).parsed()
    reached = access.shared(context.function_name)
    failed: list[str] = []
    copied = refused = 0
    for secret_id, messages in by_secret(event["Records"]).items():
        if secret_id is None:
            log.error(MALFORMED, extra={"message_ids": messages})
            failed += messages
            continue
        done, errors = _sync(secret_id, targets, reached)
        for error in errors:
            log.error(FAILED, extra={"secret_id": secret_id, "error": type(error).__name__, "reason": str(error)})
        if any(done.values()):
            copied += 1
            log.info(REPLICATED, extra={"secret_id": secret_id, "steps": done})
        refused += any(isinstance(error, Refused) for error in errors)
        failed += messages if any(error.retried for error in errors) else []
    if copied:
        observability.count(COPIED_METRIC, copied)
    if refused:
        observability.count(REFUSED_METRIC, refused)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def by_secret(records: list[Mapping[str, Any]]) -> dict[str | None, list[str]]:
    """Return message IDs by the secret that the messages name (None: no secret), in the order of arrival."""
    grouped: dict[str | None, list[str]] = {}
    for record in records:
        grouped.setdefault(events.secret_id(record["body"]), []).append(record["messageId"])
    return grouped


def _sync(
    secret_id: str, targets: list[Target], reached: access.Access
) -> tuple[dict[str, int], list[ReplicationError]]:
    """Call `sync`, and return unexpected errors too: an error of one secret must not affect the rest of the batch."""
    try:
        return sync(secret_id, targets, clients.client("secretsmanager"), reached.client)
    except ReplicationError as error:
        return {}, [error]
    except Exception as error:  # noqa: BLE001 - reported, and SQS retries the message
        # Report the place, not the message: botocore quotes invalid parameters, and one of them is the value.
        where = "; ".join(
            f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)
        )
        return {}, [Transient(f"Unexpected {type(error).__name__} at {where}.")]
