"""Registered consumers of Kinesis: MiniStack's are active at once, and a stream that has some is deleted."""

from __future__ import annotations

import time
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import kinesis

from local.patches.registry import Original, patch

KINESIS = "ministack.services.kinesis"
REGISTERING = 1.0
"""Seconds for which a consumer is CREATING."""

_registered: dict[str, float] = {}


def registering(consumer_arn: str) -> bool:
    """Return whether a consumer is not active yet."""
    return time.monotonic() < _registered.get(consumer_arn, 0.0) + REGISTERING


@patch(KINESIS, "_register_consumer", because="A consumer is CREATING at first; MiniStack's is ACTIVE at once.")
def register_consumer(original: Original, data: dict[str, Any]) -> Any:
    """Register a consumer. https://docs.aws.amazon.com/kinesis/latest/APIReference/API_RegisterStreamConsumer.html."""
    before = set(kinesis._consumers)
    answer = original(data)
    for arn in set(kinesis._consumers) - before:
        _registered[arn] = time.monotonic()
        kinesis._consumers[arn]["ConsumerStatus"] = "CREATING"
    return answer


@patch(KINESIS, "_describe_stream_consumer", because="A consumer is CREATING at first; MiniStack's is ACTIVE at once.")
def describe_stream_consumer(original: Original, data: dict[str, Any]) -> Any:
    """Describe a consumer."""
    for consumer in kinesis._consumers.values():
        consumer["ConsumerStatus"] = "CREATING" if registering(consumer["ConsumerARN"]) else "ACTIVE"
    return original(data)


@patch(KINESIS, "_put_resource_policy", because="A policy for a consumer that is not ACTIVE is refused.")
def put_resource_policy(original: Original, data: dict[str, Any]) -> Any:
    """Attach a policy. https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutResourcePolicy.html."""
    arn = str(data.get("ResourceARN"))
    if registering(arn):
        return error_response_json("ResourceInUseException", f"Consumer {arn} is CREATING.", 400)
    return original(data)


@patch(KINESIS, "_delete_stream", because="A stream with consumers is deleted only if the request says so.")
def delete_stream(original: Original, data: dict[str, Any]) -> Any:
    """Delete a stream. https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DeleteStream.html."""
    name, stream = kinesis._resolve_stream(data)
    consumers = [c for c in kinesis._consumers.values() if stream and c["StreamARN"] == stream["StreamARN"]]
    if consumers and not data.get("EnforceConsumerDeletion"):
        return error_response_json("ResourceInUseException", f"Stream {name} has {len(consumers)} consumers.", 400)
    return original(data)
