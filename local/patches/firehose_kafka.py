"""Firehose reads topics of MSK under a role, and makes its private connection by the cluster's policy.

MiniStack's Firehose reads no topic. Records that arrive together are one object, with a line feed after each if the
stream appends it. https://docs.aws.amazon.com/firehose/latest/dev/writing-with-msk.html
https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#firehose-assume-role-msk
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
from ministack.services import firehose

from local.patches import kafka
from local.patches.registry import Original, patch
from local.permissions import role_may, service_may

TARGET, PRINCIPAL = "ministack.services.firehose", "firehose.amazonaws.com"
logger = logging.getLogger("switchyard.firehose")

WINDOW = 0.2
"""Seconds for which a stream gathers records: buffering hints are kept and not applied."""
MOST = 500

CONNECTION = (
    "kafka:CreateVpcConnection",
    "kafka:DescribeCluster",
    "kafka:DescribeClusterV2",
    "kafka:GetBootstrapBrokers",
)
CLUSTER = ("kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka-cluster:Connect")
TOPIC = ("DescribeTopic", "DescribeTopicDynamicConfiguration", "ReadData")


def _refusal(source: dict[str, Any], stream_arn: str) -> str:
    """Return why a stream cannot read its topic; empty if it can."""
    arn, account, region = source["MSKClusterARN"], get_account_id(), get_region()
    found = kafka.cluster(arn)
    if not found:
        return f"There is no cluster {arn}"
    policy = json.loads(found.policy or "{}")
    for action in CONNECTION:  # by the service itself
        if reason := service_may(PRINCIPAL, action, arn, policy, stream_arn, account, region):
            return reason
    asked = [
        *kafka.on_cluster(arn, *CLUSTER),
        kafka.BROKERS,
        *kafka.on_topic(arn, source["TopicName"], *TOPIC),
        *kafka.on_group(arn, stream_arn.rpartition("/")[2], "DescribeGroup"),
    ]
    return role_may(source["AuthenticationConfiguration"]["RoleARN"], PRINCIPAL, asked, region, account)


@patch(TARGET, "_HANDLERS[CreateDeliveryStream]", because="MiniStack's streams read no topic of MSK.")
def create_delivery_stream(original: Original, data: dict[str, Any]) -> Any:
    """Create a stream. One that may not read its topic fails, and says why."""
    answer = original(data)
    source = data.get("MSKSourceConfiguration")
    stream = firehose._streams.get(data.get("DeliveryStreamName"))
    if not source or not stream or answer[0] >= 400:
        return answer
    stream["msk_source"] = {"DeliveryStartTimestamp": stream["created_at"], **source}
    if reason := _refusal(source, stream["arn"]):
        stream["status"] = "CREATING_FAILED"
        stream["failure"] = {"Type": "UNKNOWN_ERROR", "Details": reason}
        return answer
    threading.Thread(
        target=_pump, args=(stream, get_account_id(), get_region()), name="firehose-kafka", daemon=True
    ).start()
    return answer


@patch(TARGET, "_build_description", because="MiniStack does not describe a source of MSK.")
def build_description(original: Original, stream: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a stream."""
    described: dict[str, Any] = original(stream)
    if "msk_source" in stream:
        described["Source"] = {"MSKSourceDescription": stream["msk_source"]}
    if "failure" in stream:
        described["FailureDescription"] = stream["failure"]
    return described


@patch(TARGET, "_HANDLERS[PutRecordBatch]", because="A stream that reads a source takes no records of callers.")
def put_record_batch(original: Original, data: dict[str, Any]) -> Any:
    """Put records."""
    stream = firehose._streams.get(data.get("DeliveryStreamName"))
    if stream and "msk_source" in stream:
        return error_response_json("InvalidArgumentException", "This stream reads a topic of MSK.", 400)
    return original(data)


def _pump(stream: dict[str, Any], account: str, region: str) -> None:
    """Deliver the records of a topic until the stream or the cluster is deleted."""
    source = stream["msk_source"]
    found = kafka.cluster(source["MSKClusterARN"])
    assert found
    reader = kafka.Reader(found.brokers.bootstrap, source["TopicName"], f"firehose-{stream['name']}")

    def lives() -> bool:
        return firehose._streams.get(stream["name"]) is stream and kafka.cluster(source["MSKClusterARN"]) is not None

    with request_scope(account, region):
        while lives():
            messages = reader.read(MOST, WINDOW)
            while messages and lives() and (reason := _refusal(source, stream["arn"])):
                logger.warning("Firehose %s does not read: %s", stream["name"], reason)
                time.sleep(WINDOW)
            if messages and lives():
                _deliver(stream, messages)
                reader.commit(messages)
    reader.close()


def _deliver(stream: dict[str, Any], messages: list[Any]) -> None:
    """Write messages as one record to each destination. Deletion markers have nothing to write."""
    for destination in stream["destinations"]:
        processing = destination["config"].get("ProcessingConfiguration") or {}
        appends = any(one["Type"] == "AppendDelimiterToRecord" for one in processing.get("Processors", ()))
        end = b"\n" if processing.get("Enabled") and appends else b""
        body = b"".join(one.value() + end for one in messages if one.value())
        if body:
            firehose._deliver_records_to_s3(stream, destination, [(firehose._record_id(), body)])
