"""Two streams of another account, one with enhanced fan-out: records kept in order, a poison record parked alone."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import REGION

OWNER = "222222222222"
KEYS, ROUNDS = 6, 10
tour = True
TOO_LARGE = 400_000
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": "cross-account-stream"},
    {"kind": "error", "status": 500, "rate": 0.05, "principal": "cross-account-stream"},
    {"kind": "reset", "rate": 0.05, "principal": "cross-account-stream"},
    {"kind": "error", "status": 500, "rate": 0.05, "after": True, "principal": "cross-account-stream"},
]
# Given to the AWS CLI as --data, these 16 characters are taken for base64: 12 bytes that are not UTF-8.
SAMPLE = base64.b64decode("sampledatarecord")

test_seconds = 40

variables: dict[str, Any] = {"cross_account_stream": {"force_destroy": True, "maximum_retry_attempts": 2}}


def arn(stack: Stack, name: str) -> str:
    """Return the ARN of a stream, by its name in `streams`."""
    [mapping] = [one for one in mappings(stack) if one["UUID"] == stack.outputs["mapping_ids"][name]]
    return str(mapping["EventSourceArn"].partition("/consumer/")[0])


def mappings(stack: Stack) -> list[dict[str, Any]]:
    """Return the event source mappings of the function."""
    name = stack.outputs["function_names"]["consume"]
    found: list[dict[str, Any]] = stack.client("lambda").list_event_source_mappings(FunctionName=name)[
        "EventSourceMappings"
    ]
    return found


def put(stack: Stack, stream: str, records: list[tuple[str, bytes]]) -> None:
    """Put records (partition key, data) as the stream's owner, one after the other."""
    kinesis = stack.client("kinesis", account=OWNER)
    for first in range(0, len(records), 100):
        entries = [{"PartitionKey": key, "Data": data} for key, data in records[first : first + 100]]
        answer = kinesis.put_records(StreamARN=stream, Records=entries)
        assert answer["FailedRecordCount"] == 0, answer


def kept(stack: Stack, stream: str, key: str) -> list[bytes]:
    """Return the data of the records of a partition key in the table, in the order of their sequence numbers."""
    pages = (
        stack.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=stack.outputs["table_name"],
            KeyConditionExpression="stream_and_key = :key",
            ExpressionAttributeValues={":key": {"S": f"{OWNER}/{stream.rpartition('/')[2]}#{key}"}},
            ConsistentRead=True,
        )
    )
    return [item["data"]["B"] for page in pages for item in page["Items"]]


def parked(stack: Stack) -> list[dict[str, Any]]:
    """Return the batches in the bucket that have a record of this run."""
    s3, bucket = stack.client("s3"), stack.outputs["parked_bucket_name"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="aws/lambda/")
    found = [
        json.load(s3.get_object(Bucket=bucket, Key=listed["Key"])["Body"])
        for page in pages
        for listed in page.get("Contents", ())
    ]
    return [one for one in found if f'-{stack.token}\\"' in json.dumps(one["payload"])]


def invoke(stack: Stack, event: Any) -> dict[str, Any]:
    """Call the function. Return its answer, or {"errorType", "errorMessage"} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"]["consume"], Payload=json.dumps(event)
    )
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


@contextlib.contextmanager
def without_policy(stack: Stack, resource: str) -> Iterator[None]:
    """Within the block, a stream or a consumer has no resource policy."""
    kinesis = stack.client("kinesis", account=OWNER)
    policy = kinesis.get_resource_policy(ResourceARN=resource)["Policy"]
    kinesis.delete_resource_policy(ResourceARN=resource)
    try:
        yield
    finally:
        kinesis.put_resource_policy(ResourceARN=resource, Policy=policy)


def refused(stack: Stack, stream: str, key: str) -> list[bytes]:
    """Put a record that the mapping may not read. Return what is kept of it when the mapping has said so."""
    put(stack, stream, [(key, b"later")])

    def told() -> bool:
        said = [one["LastProcessingResult"] for one in mappings(stack) if one["EventSourceArn"].startswith(stream)]
        return bool(said[0].startswith("PROBLEM: arn:"))  # who may not do what; another one is of a call that failed

    wait_until("the refusal", told, seconds=15)
    return kept(stack, stream, key)


def wait_for(stack: Stack, stream: str, keys: list[str], count: int) -> None:
    """Wait until the table has so many records of each key."""
    wait_until(f"records of {stream}", lambda: all(len(kept(stack, stream, key)) >= count for key in keys), every=0.5)


def alarm_state(stack: Stack, name: str) -> str:
    """Return the state of an alarm, by the end of its name."""
    [full] = [one for one in stack.outputs["alarm_names"] if one.endswith(f"cross-account-stream-{name}")]
    return str(stack.client("cloudwatch").describe_alarms(AlarmNames=[full])["MetricAlarms"][0]["StateValue"])


def run(stack: Stack, report: Report) -> None:
    """Put records under faults, with one that can never be kept; take the owner's policies away and give them back."""
    orders, clicks = arn(stack, "orders"), arn(stack, "clicks")
    report.sent = f"{KEYS * ROUNDS} records of {KEYS} keys and a poison record to 2 streams\nof another account; faults"
    keys = [f"key-{number}-{stack.token}" for number in range(KEYS)]
    poison, sample = f"poison-{stack.token}", f"samplepartitionkey3-{stack.token}"
    series = [(key, f"{number}".encode()) for number in range(ROUNDS) for key in keys]
    series.insert(len(series) // 2, (poison, b"x" * TOO_LARGE))
    with stack.faults(*FAULTS, seed=5):
        for stream in (orders, clicks):
            put(stack, stream, [*series, (sample, SAMPLE)])
        for stream in (orders, clicks):
            wait_for(stack, stream, keys, ROUNDS)
            wait_for(stack, stream, [sample], 1)
        wait_until("the parked records", lambda: len(parked(stack)) >= 2)
    in_order = [f"{number}".encode() for number in range(ROUNDS)]
    for name, stream in (("enhanced fan-out", orders), ("shared throughput", clicks)):
        found = [kept(stack, stream, key) for key in keys]
        report.check(f"{name}: each record once, in the order of its key", found, [in_order] * KEYS)
        report.check(f"{name}: data that is no text", kept(stack, stream, sample), [SAMPLE])
        report.check(f"{name}: the poison record is not kept", kept(stack, stream, poison), [])
    report.check(
        "each poison record is parked alone", [one["KinesisBatchInfo"]["batchSize"] for one in parked(stack)], [1, 1]
    )
    payload = json.loads(parked(stack)[0]["payload"])
    [record] = payload["Records"]
    report.check("with its data", len(base64.b64decode(record["kinesis"]["data"])), TOO_LARGE)
    report.check("which raises an alarm", alarm_state(stack, "orders-parked"), "ALARM")
    report.check("and is refused again when it is tried again", invoke(stack, payload)["errorType"], "TooLarge")
    record["kinesis"] |= {"data": "bWVuZGVk", "partitionKey": f"mended-{stack.token}"}
    answers = [invoke(stack, payload) for _ in range(2)]
    report.check("a mended one is kept, once", answers, [{"batchItemFailures": []}] * 2)
    stream_of = record["eventSourceARN"].partition("/consumer/")[0]
    report.check("under its own number", kept(stack, stream_of, f"mended-{stack.token}"), [b"mended"])
    consumer = next(m["EventSourceArn"] for m in mappings(stack) if "/consumer/" in m["EventSourceArn"])
    for what, stream, resource in (
        ("the policy of the stream with fan-out", orders, orders),
        ("the policy of its consumer", orders, consumer),
        ("the policy of the other stream", clicks, clicks),
    ):
        key = f"{what}-{stack.token}"
        with without_policy(stack, resource):
            report.check(f"without {what} nothing is read", refused(stack, stream, key), [])
        wait_for(stack, stream, [key], 1)
    listed = stack.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="IteratorAge",
        Dimensions=[{"Name": "FunctionName", "Value": stack.outputs["function_names"]["consume"]}],
        StartTime=time.time() - 3600,
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=["Maximum"],
    )
    report.check("the age of the records is published", len(listed["Datapoints"]) > 0)
    report.check("what is no batch is refused", invoke(stack, {})["errorType"], "NotAStreamEvent")
    report.check("both streams are in the other account", {orders.split(":")[4], clicks.split(":")[4]}, {OWNER})
    report.check("and in this Region", orders.split(":")[3], REGION)
