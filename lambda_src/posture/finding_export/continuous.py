"""Export SQS batches of "Security Hub Findings - Imported" events (EventBridge to SQS), one object per batch.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]} lists the malformed messages, which SQS delivers
again and then moves to the dead-letter queue. If the object cannot be put, the whole batch fails.

The key and the bytes depend on the messages alone, so a batch that is delivered again overwrites its object. A
new delivery may group the messages differently, so queries identify findings by Id and UpdatedAt.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from common import clients, observability, settings

from .objects import Compressor, Destination, record
from .timestamps import canonical, parse

RUN_ID = "continuous"
BATCH_EXPORTED = "batch exported"
MALFORMED = "message is not an event of imported findings"
METRIC = "FindingsExported"


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    bucket: str
    prefix: str = "findings/"
    bucket_owner: str | None = None
    kms_key_arn: str | None = None


class Message(NamedTuple):
    """An event: the id of its SQS message, its time, and its findings (at least one)."""

    id: str
    time: datetime
    findings: list[dict[str, Any]]


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Export one batch. Raise DestinationDenied, DestinationMissing, Transient, SettingsError."""
    log = observability.begin(context)
    config = settings.load(Settings)
    destination = Destination(
        clients.client("s3"), config.bucket, config.prefix, config.bucket_owner, config.kms_key_arn
    )
    messages, malformed = split(event["Records"])
    for message_id in malformed:
        log.error(MALFORMED, extra={"message_id": message_id})
    if messages:
        destination.put(key(config.prefix, messages), body(messages))
        exported = sum(len(message.findings) for message in messages)
        log.info(BATCH_EXPORTED, extra={"messages": len(messages), "findings": exported})
        observability.count(METRIC, exported)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in malformed]}


def split(records: list[dict[str, Any]]) -> tuple[list[Message], list[str]]:
    """Return the messages in the order of their ids, and the ids of the malformed ones."""
    messages, malformed = [], []
    for entry in records:
        message = _message(entry)
        if message:
            messages.append(message)
        else:
            malformed.append(entry["messageId"])
    return sorted(messages, key=lambda message: message.id), malformed


def key(prefix: str, messages: list[Message]) -> str:
    """Return the object's key, made of ids and event times alone. The partition is the day of the earliest event."""
    digest = hashlib.sha256("\n".join(message.id for message in messages).encode()).hexdigest()[:16]
    return f"{prefix}dt={min(message.time for message in messages):%Y-%m-%d}/{RUN_ID}-{digest}.ndjson.gz"


def body(messages: list[Message]) -> bytearray:
    """Return the object's bytes: all findings, each with its event's time as ExportedAt."""
    compressor = Compressor()
    for message in messages:
        for finding in message.findings:
            compressor.add(record(finding, RUN_ID, canonical(message.time)))
    return compressor.finish()


def _message(entry: Mapping[str, Any]) -> Message | None:
    try:
        event = json.loads(entry["body"])
        time, findings = parse(event["time"]), event["detail"]["findings"]
    except (KeyError, TypeError, ValueError):
        return None
    if time is None or not isinstance(findings, list) or not findings:
        return None
    if not all(isinstance(finding, dict) for finding in findings):
        return None
    return Message(entry["messageId"], time, findings)
