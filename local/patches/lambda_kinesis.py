"""Kinesis streams to Lambda, of the function's account or of another one, as AWS runs them.

MiniStack's event source mappings of streams know neither registered consumers, partial batches, a limit of retries,
bisection nor on-failure destinations, publish no metrics, and ignore the permissions of the function's role.
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

from __future__ import annotations

import bisect
import contextvars
import dataclasses
import json
import time
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import _request_account_id, _request_region, error_response_json, json_response
from ministack.services import cloudwatch, kinesis, lambda_svc

from local.patches.lambda_mappings import function_of, give_up, handled, moment
from local.patches.registry import Original, patch
from local.permissions import role_may

LAMBDA = "ministack.services.lambda_svc"

Mapping = dict[str, Any]
Records = list[dict[str, Any]]

# https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html#kinesis-permissions, and for a consumer:
# https://docs.aws.amazon.com/streams/latest/dev/resource-based-policy-examples.html
DESCRIBES = ("DescribeStream", "DescribeStreamSummary", "ListShards")
SHARED = ("GetRecords", "GetShardIterator")
FAN_OUT = ("DescribeStreamConsumer", "SubscribeToShard")


@dataclasses.dataclass
class Place:
    """Where a mapping is in a shard: last handled sequence number, retries of the batch there, next try.

    `ends` are the ends of the batches that bisection has made, the nearest last.
    """

    after: int
    retries: int = 0
    ends: list[int] = dataclasses.field(default_factory=list)
    not_before: float = 0.0
    busy: bool = False


_places: dict[tuple[str, str], Place] = {}


def stream_of(source: str) -> str:
    """Return the ARN of the stream that a mapping reads, itself or through a registered consumer."""
    return source.partition("/consumer/")[0]


def refusal(role: str, source: str) -> str:
    """Return why a role may not read a stream or a consumer; empty if it may."""
    stream, region = stream_of(source), source.split(":")[3]
    asked = [(f"kinesis:{one}", stream) for one in DESCRIBES]
    asked += [(f"kinesis:{one}", source) for one in (SHARED if source == stream else FAN_OUT)]
    return role_may(role, "lambda.amazonaws.com", asked, region)


def _exists(source: str) -> bool:
    """Return whether there is such a stream, and such a consumer if the source is one."""
    stream = _stream(source)
    consumer = "/consumer/" not in source or any(c["ConsumerARN"] == source for _, c in kinesis._consumers.all_items())
    return stream is not None and consumer


def _stream(source: str) -> Any:
    spec = parse_arn(stream_of(source))
    found = kinesis._streams.get_scoped(spec.account_id, spec.region, spec.resource.removeprefix("stream/"))
    return found if found and found["StreamStatus"] == "ACTIVE" else None


# --- mappings ----------------------------------------------------------------------------------------------


@patch(LAMBDA, "_validate_event_source_arn", because="A registered consumer is an event source; MiniStack refuses it.")
def validate_event_source_arn(original: Original, event_source_arn: str) -> Any:
    """Return the parsed ARN of an event source, or an error."""
    if ":kinesis:" in event_source_arn and "/consumer/" in event_source_arn:
        return parse_arn(event_source_arn), None
    return original(event_source_arn)


@patch(LAMBDA, "_cross_account_stream_read_error", because="What a role may read is asked of its policies, too.")
def cross_account_stream_read_error(stream_arn: str, func_name: str, qualifier: str | None) -> Any:
    """Return nothing: `create_esm` has asked."""
    return None


_ADDED = ("MetricsConfig", "StartingPositionTimestamp")


@patch(LAMBDA, "_create_esm", because="A mapping is refused if the role may not read the stream, or if there is one.")
def create_esm(original: Original, data: dict[str, Any]) -> Any:
    """Create a mapping."""
    source = str(data.get("EventSourceArn", ""))
    if ":kinesis:" not in source:
        return original(data)
    if refused := _refused(source, data):
        return refused
    before = set(lambda_svc._esms)
    answer = original(data)
    for made in set(lambda_svc._esms) - before:
        mapping = lambda_svc._esms[made]
        mapping |= {"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1, "BatchSize": 100} | {
            name: data[name]
            for name in (*_ADDED, "BatchSize", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds")
            if name in data
        }
        for shard, content in _stream(source)["shards"].items():
            _places[made, shard] = Place(_start(mapping, content["records"]))
        return json_response(lambda_svc._esm_response(mapping), 202)
    return answer


def _refused(source: str, data: dict[str, Any]) -> Any:
    """Return the error of a mapping that cannot be, or None."""
    name, qualifier, missing = lambda_svc._resolve_existing_esm_function(data.get("FunctionName", ""))
    if missing:
        return missing
    position = data.get("StartingPosition")
    if position not in ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"):
        return lambda_svc._invalid_parameter_value("1 validation error detected: StartingPosition is required.")
    for other in lambda_svc._esms.values():
        if (other["EventSourceArn"], other["FunctionName"]) == (source, name):
            said = f"An event source mapping with event source arn ({source}) and function ({name}) already exists."
            return error_response_json("ResourceConflictException", said, 409)
    if not _exists(source):
        return lambda_svc._invalid_parameter_value(f"Stream or consumer not found: {source}")
    _, role = function_of({"FunctionName": name, "Qualifier": qualifier})
    reason = refusal(role, source)
    return lambda_svc._invalid_parameter_value(f"Cannot access stream {source}. {reason}") if reason else None


@patch(LAMBDA, "_update_esm", because="MiniStack drops the metrics that a mapping publishes.")
def update_esm(original: Original, esm_id: str, data: dict[str, Any]) -> Any:
    """Change a mapping."""
    if (mapping := lambda_svc._esms.get(esm_id)) and "MetricsConfig" in data:
        mapping["MetricsConfig"] = data["MetricsConfig"]
    return original(esm_id, data)


def _start(mapping: Mapping, records: Records) -> int:
    """Return the sequence number after which a mapping begins in a shard."""
    position = mapping.get("StartingPosition")
    if position == "AT_TIMESTAMP":
        since = float(mapping["StartingPositionTimestamp"])
        records = [one for one in records if one["ApproximateArrivalTimestamp"] < since]
    return 0 if position == "TRIM_HORIZON" or not records else int(records[-1]["SequenceNumber"])


# --- reading -----------------------------------------------------------------------------------------------


@patch(LAMBDA, "_poll_kinesis", because="MiniStack has no partial batches, bisection, consumers or end of retries.")
def poll() -> bool:
    """Pass once over all mappings of streams, and return whether any progressed. Each shard's batch has a thread."""
    got_on = [contextvars.copy_context().run(_poll_one, *found) for found in lambda_svc._iter_all_esms()]
    return any(got_on)


def _poll_one(account: str, region: str, mapping: Mapping) -> bool:
    source = mapping.get("EventSourceArn", "")
    if ":kinesis:" not in source or not mapping.get("Enabled", True):
        return False
    _request_account_id.set(account)
    _request_region.set(region)
    function, role = function_of(mapping)
    if not function or not _exists(source):
        return False
    got_on = False
    shards: dict[str, Any] = _stream(source)["shards"]
    for shard, content in shards.items():
        place = _places.setdefault((mapping["UUID"], shard), Place(0))  # a shard of later: all of it
        taken = _batch(place, content["records"], mapping["BatchSize"])
        if place.busy or not taken or time.time() < place.not_before:
            continue
        if reason := refusal(role, source):
            mapping["LastProcessingResult"] = f"PROBLEM: {reason}"
            place.not_before = time.time() + 0.5
            continue
        got_on = True
        _begin(_Batch(mapping, function, role, shard, place, taken))
    return got_on


def _batch(place: Place, records: Records, size: int) -> Records:
    """Return the next records of a shard, up to the end that bisection has set."""

    def number(record: dict[str, Any]) -> int:
        return int(record["SequenceNumber"])

    first = bisect.bisect_right(records, place.after, key=number)
    last = bisect.bisect_right(records, place.ends[-1], key=number) if place.ends else first + size
    return records[first:last]


@dataclasses.dataclass
class _Batch:
    """Records of one shard on their way to a function."""

    mapping: Mapping
    function: Any
    role: str
    shard: str
    place: Place
    taken: Records

    @property
    def event(self) -> dict[str, Any]:
        """Return what the function gets.

        https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html#services-kinesis-event-example
        """
        source = self.mapping["EventSourceArn"]
        return {
            "Records": [
                {
                    "kinesis": {
                        "kinesisSchemaVersion": "1.0",
                        "partitionKey": one["PartitionKey"],
                        "sequenceNumber": one["SequenceNumber"],
                        "data": one["Data"],
                        "approximateArrivalTimestamp": one["ApproximateArrivalTimestamp"],
                    },
                    "eventSource": "aws:kinesis",
                    "eventVersion": "1.0",
                    "eventID": f"{self.shard}:{one['SequenceNumber']}",
                    "eventName": "aws:kinesis:record",
                    "invokeIdentityArn": self.role,
                    "awsRegion": source.split(":")[3],
                    "eventSourceARN": source,
                }
                for one in self.taken
            ]
        }

    def count(self, name: str, value: int) -> None:
        """Publish a metric of the mapping, if it does that.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics
        """
        if "EventCount" in (self.mapping.get("MetricsConfig") or {}).get("Metrics", ()):
            dimensions = {"EventSourceMappingUUID": self.mapping["UUID"]}
            cloudwatch.record_metric("AWS/Lambda", name, value, "Count", dimensions)


def _begin(batch: _Batch) -> None:
    """Call the function with a batch, on a thread."""
    batch.place.busy = True
    age = max(0.0, time.time() - batch.taken[-1]["ApproximateArrivalTimestamp"])
    name = {"FunctionName": batch.mapping["FunctionName"]}
    cloudwatch.record_metric("AWS/Lambda", "IteratorAge", round(age * 1000), "Milliseconds", name)
    batch.count("PolledEventCount", len(batch.taken))
    batch.count("InvokedEventCount", len(batch.taken))

    def run() -> None:
        try:
            _settle(batch, lambda_svc._execute_function(batch.function, batch.event))
        finally:
            batch.place.busy = False

    lambda_svc._dispatch_esm_batch(batch.mapping["UUID"], run)


def _settle(batch: _Batch, result: dict[str, Any]) -> None:
    """Move on past the handled records. Split the rest, try it again, or give it up."""
    place, mapping = batch.place, batch.mapping
    numbers = [int(one["SequenceNumber"]) for one in batch.taken]
    done = handled(mapping, [one["SequenceNumber"] for one in batch.taken], result)
    mapping["LastProcessingResult"] = "OK" if done == len(numbers) else "PROBLEM: Function call failed"
    if done:
        _advance(place, numbers[done - 1])
    if done == len(numbers):
        return
    batch.count("FailedInvokeEventCount", len(numbers) - (done or 0))
    bisects, limit = mapping.get("BisectBatchOnFunctionError"), mapping.get("MaximumRetryAttempts", -1)
    left = numbers[done or 0 :]
    place.not_before = time.time() + min(0.1 * 2**place.retries, 5)
    if bisects and (done or (done is None and len(left) > 1)):
        # "Splitting a batch does not count towards the retry quota"; a partial answer is where it is split.
        if not place.ends:
            place.ends.append(left[-1])
        if done is None:
            place.ends.append(left[len(left) // 2 - 1])
    elif limit == -1 or place.retries < limit:
        place.retries += 1
    else:
        _give_up(batch, batch.taken[done or 0 :], result)
        _advance(place, left[-1])


def _advance(place: Place, number: int) -> None:
    """Set the checkpoint, and leave the parts that end there."""
    place.after, place.retries, place.not_before = number, 0, 0.0
    while place.ends and place.ends[-1] <= number:
        place.ends.pop()


def _give_up(batch: _Batch, records: Records, result: dict[str, Any]) -> None:
    """Send the on-failure record of the records."""
    about = {
        "shardId": batch.shard,
        "startSequenceNumber": records[0]["SequenceNumber"],
        "endSequenceNumber": records[-1]["SequenceNumber"],
        "approximateArrivalOfFirstRecord": moment(records[0]["ApproximateArrivalTimestamp"]),
        "approximateArrivalOfLastRecord": moment(records[-1]["ApproximateArrivalTimestamp"]),
        "batchSize": len(records),
        "streamArn": batch.mapping["EventSourceArn"],
    }
    payload = json.dumps(dataclasses.replace(batch, taken=records).event)
    calls = batch.place.retries + 1
    sent = give_up(batch.mapping, batch.role, calls, result, {"KinesisBatchInfo": about}, payload, batch.shard)
    batch.count("OnFailureDestinationDeliveredEventCount" if sent else "DroppedEventCount", len(records))
