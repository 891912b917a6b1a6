"""DynamoDB's streams to Lambda, as AWS runs them.

MiniStack's event source mappings of streams know neither partial batch responses nor retries with an end, and read
and report failures without the function's permissions.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

import contextvars
import dataclasses
import json
import time
from typing import Any

from ministack.core.responses import _request_account_id, _request_region
from ministack.services import dynamodb, lambda_svc

from local.patches.lambda_mappings import function_of, give_up, handled, moment
from local.patches.registry import patch
from local.permissions import role_may

SHARD = "shardId-00000000000000000000-00000000"
"""The one shard of each table's stream."""


@dataclasses.dataclass
class Shard:
    """The place of a mapping in its stream: position, retries of the batch there, size it is cut to, next try."""

    position: int
    retries: int = 0
    size: int | None = None
    not_before: float = 0.0


_shards: dict[str, Shard] = {}


@patch(
    "ministack.services.lambda_svc",
    "_poll_dynamodb_streams",
    because="MiniStack has no partial batches and no limit of retries, and ignores the function's permissions.",
)
def poll() -> bool:
    """Pass once over all mappings of streams, and return whether any progressed. Each batch runs on its own thread."""
    got_on = [contextvars.copy_context().run(_poll_one, *found) for found in lambda_svc._iter_all_esms()]
    return any(got_on)


def _poll_one(account: str, region: str, mapping: dict[str, Any]) -> bool:
    arn = mapping.get("EventSourceArn", "")
    if ":dynamodb:" not in arn or not mapping.get("Enabled", True):
        return False
    _request_account_id.set(account)
    _request_region.set(region)
    name = arn.split("/")[1]
    table = dynamodb._tables.get(name)
    function, role = function_of(mapping)
    if not function or not table or table.get("LatestStreamArn") != arn:
        return False
    start, end = dynamodb.stream_start_position(name), dynamodb.stream_end_position(name)
    begin = start if mapping.get("StartingPosition") == "TRIM_HORIZON" else end
    shard = _shards.setdefault(mapping["UUID"], Shard(begin))
    if lambda_svc._esm_inflight.get(mapping["UUID"]):
        return False
    shard.position = max(shard.position, start)
    if shard.position >= end or time.time() < shard.not_before:
        return False
    if refused := role_may(role, "lambda.amazonaws.com", [("dynamodb:GetRecords", arn)], region):
        mapping["LastProcessingResult"] = f"PROBLEM: {refused}"
        shard.not_before = time.time() + 1
        return False
    with dynamodb._lock:  # all that one run of time to live deleted, or none of it
        taken = dynamodb.stream_records_since(name, shard.position, shard.size or mapping.get("BatchSize", 100))
    batch = lambda_svc._apply_filter_criteria(taken, mapping)

    def run() -> None:
        result = lambda_svc._execute_function(function, {"Records": batch})
        _settle(mapping, shard, taken, batch, result, role)

    if batch:
        lambda_svc._dispatch_esm_batch(mapping["UUID"], run)
    else:
        _settle(mapping, shard, taken, batch, {}, role)
    return True


def _settle(
    mapping: dict[str, Any], shard: Shard, taken: list[Any], batch: list[Any], result: dict[str, Any], role: str
) -> None:
    """Move on past the handled records. Give up a batch without retries left."""
    sequences = [record["dynamodb"]["SequenceNumber"] for record in taken]
    found = handled(mapping, sequences, result)
    failed, done = found != len(taken), found or 0
    shard.position += done
    mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if failed else "OK"
    if done or not failed:
        shard.retries, shard.size, shard.not_before = 0, None, 0.0
    if not failed:
        return
    left, limit = len(taken) - done, mapping.get("MaximumRetryAttempts", -1)
    if shard.retries < limit or limit == -1:
        shard.retries += 1
        shard.not_before = time.time() + min(0.2 * 2**shard.retries, 5)
        if mapping.get("BisectBatchOnFunctionError") and left > 1 and not done:
            shard.size = max(1, left // 2)
        return
    _give_up(mapping, shard, [record for record in taken[done:] if record in batch], result, role)
    shard.position += left
    shard.retries, shard.size = 0, None


def _give_up(mapping: dict[str, Any], shard: Shard, batch: list[Any], result: dict[str, Any], role: str) -> None:
    """Send the on-failure record of the records that the function was given."""
    if not batch:
        return
    times = [record["dynamodb"]["ApproximateCreationDateTime"] for record in (batch[0], batch[-1])]
    about = {
        "shardId": SHARD,
        "startSequenceNumber": batch[0]["dynamodb"]["SequenceNumber"],
        "endSequenceNumber": batch[-1]["dynamodb"]["SequenceNumber"],
        "approximateArrivalOfFirstRecord": moment(times[0], "seconds"),
        "approximateArrivalOfLastRecord": moment(times[1], "seconds"),
        "batchSize": len(batch),
        "streamArn": mapping["EventSourceArn"],
    }
    payload = json.dumps({"Records": batch})
    give_up(mapping, role, shard.retries + 1, result, {"DDBStreamBatchInfo": about}, payload, SHARD)
