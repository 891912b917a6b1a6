"""SQS batches of events (EventBridge to SQS): one object for each batch and day, never one for each event.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]} lists the messages that are no events; SQS delivers them
again and then moves them to the dead-letter queue. If an object cannot be written, the whole batch fails.

The log has one line for each record, which the CloudWatch dashboard counts. No line has a message of a commit or the
name of a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common import clients, observability, settings

from .errors import NotAnEvent
from .objects import Store
from .records import Record, of_event, unique

WRITTEN, RECORD, MALFORMED = "batch written", "record", "message is not an event"


@dataclass(frozen=True)
class Settings:
    """The environment. `incident_alarms` has the pipeline of each alarm."""

    bucket: str
    bucket_owner: str
    kms_key_arn: str
    incident_alarms: dict[str, str] = field(default_factory=dict)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Write one batch. Raise SettingsError, or AWS's error after all retries."""
    log = observability.begin(context)
    using = settings.load(Settings)
    store = Store(clients.client("s3"), using.bucket, using.bucket_owner, using.kms_key_arn)
    records: list[Record] = []
    refused: dict[str, str] = {}
    for message in event["Records"]:
        try:
            records.append(of_event(_json(message["body"]), using.incident_alarms))
        except NotAnEvent as error:
            refused[message["messageId"]] = str(error)
    for message_id, reason in refused.items():
        log.error(MALFORMED, extra={"message_id": message_id, "reason": reason})
    keys = store.put(records, "events")
    for record in unique(records):
        log.info(
            RECORD,
            extra={
                "level_of": record.level,
                "account": record.account,
                "pipeline": record.pipeline,
                "execution": record.execution,
                "stage": record.stage,
                "action": record.action,
                "state": record.state,
                "attempt": record.attempt,
                "at": record.time,
            },
        )
    log.info(WRITTEN, extra={"messages": len(event["Records"]), "records": len(records), "objects": len(keys)})
    observability.count("EventsRecorded", len(records))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in refused]}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotAnEvent("The message is not JSON.") from None
