"""The rule's function: store what a device published, or keep it in the queue of refused messages.

AWS IoT calls it asynchronously, once for each message, and Lambda tries twice again. A message is stored once, however
often it arrives.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import clients, observability, settings

from . import readings


@dataclass(frozen=True)
class Settings:
    """The environment. TOPIC_ROOT: first level of the topics. RULE: name of the rule, for reports of refusals."""

    table: str
    refused_queue_url: str
    topic_root: str
    rule: str
    retention_days: int
    maximum_bytes: int


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """Return {"outcome": "stored", "duplicate" or "refused"}. Raise NotARuleEvent, or boto3's error for a retry."""
    log, conf = observability.begin(context), _conf()
    publish = readings.received(event)
    try:
        message = readings.read(publish, conf.topic_root, conf.maximum_bytes)
        outcome = put(clients.client("dynamodb"), conf.table, readings.item(message, conf.retention_days))
    except readings.Refused as reason:
        report = readings.refusal(publish, conf.rule, conf.table, str(reason))
        clients.client("sqs").send_message(QueueUrl=conf.refused_queue_url, MessageBody=json.dumps(report))
        outcome = "refused"
    log.info("message handled", extra={"outcome": outcome, "topic": publish.topic, "traceId": publish.trace_id})
    return {"outcome": outcome}


def put(dynamodb: Any, table: str, item: Mapping[str, Any]) -> str:
    """Store an item unless it is there. Return "stored" or "duplicate". Raise Refused if DynamoDB refuses the item."""
    try:
        dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(thing)")
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return "duplicate"
    except dynamodb.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            raise readings.Refused("DynamoDB refuses the message.") from error
        raise
    return "stored"
