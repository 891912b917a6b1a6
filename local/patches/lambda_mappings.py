"""What event source mappings have in common: function and role, partial batch responses, on-failure destinations.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import time
import uuid
from typing import Any

from ministack.services import cloudwatch, lambda_svc

from local.permissions import client, role_session

logger = logging.getLogger("switchyard.mappings")

Mapping = dict[str, Any]


def function_of(mapping: Mapping) -> tuple[Any, str]:
    """Return the function of a mapping, and its role; nothing and an empty string if there is none."""
    function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    return function, str(((function or {}).get("config") or function or {}).get("Role", ""))


def named(mapping: Mapping, result: dict[str, Any]) -> list[Any]:
    """Return the failed items that a function's answer names; none if the mapping does not ask for them."""
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return []
    answered = result.get("body")
    answered = json.loads(answered or "null") if isinstance(answered, (str, bytes)) else answered
    return (answered.get("batchItemFailures") if isinstance(answered, dict) else None) or []


def handled(mapping: Mapping, sequences: list[str], result: dict[str, Any]) -> int | None:
    """Return how many records of a shard, from the first, a function has handled; None if the whole batch failed.

    An identifier that is not of the batch, empty or missing is a failure of the whole batch.
    """
    if result.get("error"):
        return None
    try:
        failed = [sequences.index(failure["itemIdentifier"]) for failure in named(mapping, result)]
    except (KeyError, TypeError, ValueError):
        return None
    return min(failed, default=len(sequences))


def moment(seconds: float, timespec: str = "milliseconds") -> str:
    """Return a time as the records have it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def give_up(
    mapping: Mapping,
    role: str,
    calls: int,
    result: dict[str, Any],
    about: dict[str, Any],
    payload: str,
    shard: str = "",
) -> bool:
    """Send the on-failure record of a batch with the role's permissions, and return whether that was possible.

    `about` is the part that describes the batch, by its name. Lambda drops what it cannot send.
    """
    target = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    if not target:
        logger.warning("A batch of %s lost: there is no on-failure destination", mapping["UUID"])
        return False
    record = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": mapping.get("FunctionArn", ""),
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": calls,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled" if result.get("error") else None,
        },
        "version": "1.0",
        "timestamp": moment(time.time()),
        **about,
    }
    try:
        _send(mapping, role, target, record, payload, shard)
    except Exception as error:
        logger.warning("A batch of %s lost: %s", mapping["UUID"], error)
        name = {"FunctionName": mapping["FunctionName"]}
        cloudwatch.record_metric("AWS/Lambda", "DestinationDeliveryFailures", 1, "Count", name)
        return False
    return True


def _send(mapping: Mapping, role: str, target: str, record: dict[str, Any], payload: str, shard: str) -> None:
    """Send a record to a queue or topic, or write it to a bucket, with what the function was given."""
    service, region, account, name = target.split(":", 5)[2:]
    region = region or mapping["EventSourceArn"].split(":")[3]  # a bucket's ARN has none
    api = client(service, region, role_session(role, "lambda-poller", "lambda.amazonaws.com"))
    if service == "sqs":
        api.send_message(QueueUrl=f"{os.environ['AWS_ENDPOINT_URL']}/{account}/{name}", MessageBody=json.dumps(record))
    elif service == "sns":
        api.publish(TopicArn=target, Message=json.dumps(record))
    else:
        api.head_bucket(Bucket=name)  # Lambda looks for it first: s3:ListBucket
        day = time.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S", time.gmtime())
        folder = "/".join(filter(None, ("aws/lambda", mapping["UUID"], shard)))
        body = json.dumps({**record, "payload": payload}).encode()
        api.put_object(Bucket=name, Key=f"{folder}/{day}-{uuid.uuid4()}", Body=body)
