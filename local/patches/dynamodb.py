"""DynamoDB's time to live as AWS runs it, and IAM on a stream's records.

MiniStack's time to live deletes without a stream record.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
"""

from __future__ import annotations

import contextvars
import inspect
import json
import threading
import time
from typing import Any

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import dynamodb, dynamodb_streams

from local.patches.registry import Original, patch

USER_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

_by_ttl: contextvars.ContextVar[bool] = contextvars.ContextVar("switchyard_ttl", default=False)


def expire(table: str, at: float | None = None) -> int:
    """Run time to live on `table` now, as if it were `at` (Unix seconds). Return the number of deleted items.

    AWS takes up to days. Raise ValueError for a table that has no time to live.
    """
    moment = time.time() if at is None else at
    expired = 0
    for (account, region, name), setting in list(dynamodb._ttl_settings.all_items()):
        if name != table or setting.get("TimeToLiveStatus") != "ENABLED":
            continue
        attribute = setting["AttributeName"]
        with dynamodb._lock:
            found = dynamodb._tables.get_scoped(account, region, name)
            rows = [(pk, sk, row) for pk, by_sk in found["items"].items() for sk, row in by_sk.items()]
            due = [(pk, sk) for pk, sk, row in rows if _expired(row.get(attribute), moment)]
            for pk, sk in due:
                contextvars.copy_context().run(_remove, found, pk, sk)
        expired += len(due)
        return expired
    raise ValueError(f"table {table} has no time to live")


COMMANDS = {"expire": expire}


def _expired(value: Any, moment: float) -> bool:
    """Return whether a value is a number that has passed, and by less than five years."""
    try:
        return bool(moment - 5 * 365 * 86_400 < float(value["N"]) <= moment)
    except (KeyError, TypeError, ValueError):
        return False


def _remove(table: dict[str, Any], pk: Any, sk: Any) -> None:
    _, _, _, region, account, name = table["TableArn"].split(":", 5)
    set_request_account_id(account)
    set_request_region(region)
    _by_ttl.set(True)
    old = inspect.unwrap(dynamodb._remove_item)(table, pk, sk)  # MiniStack's own
    if old is not None:
        dynamodb._emit_stream_event(name.removeprefix("table/"), "REMOVE", old, None)


@patch("ministack.services.dynamodb", "_build_change_record", because="Records of expiry do not name the service.")
def build_change_record(original: Original, *rest: Any) -> dict[str, Any]:
    """Return a stream record. That of an expired item has time to live's identity."""
    record: dict[str, Any] = original(*rest)
    return {**record, "userIdentity": dict(USER_IDENTITY)} if _by_ttl.get() else record


@patch(
    "ministack.services.dynamodb", "_remove_item", because="MiniStack's time to live deletes without a stream record."
)
def remove_item(original: Original, table: dict[str, Any], pk_val: Any, sk_val: Any) -> Any:
    """Remove an item. One that MiniStack's own time to live finds, once a minute, gets its stream record."""
    if threading.current_thread().name == "dynamodb-ttl-reaper":
        return contextvars.copy_context().run(_remove, table, pk_val, sk_val)
    return original(table, pk_val, sk_val)


@patch(
    "ministack.core.iam_actions",
    "extract_resource_arn",
    because='MiniStack asks IAM about "*" for GetRecords, whose iterator is that of one stream.',
)
def extract_resource_arn(
    original: Original,
    service: str,
    method: str,
    path: str,
    headers: Any,
    body: bytes,
    query_params: Any,
    region: str,
    account_id: str,
) -> str:
    """Return the ARN that IAM is asked about: of records their stream."""
    if headers.get("x-amz-target", "").startswith("DynamoDBStreams_") and b"ShardIterator" in body:
        iterator = dynamodb_streams._decode_iterator(str(json.loads(body).get("ShardIterator")))
        if iterator and iterator.get("arn"):
            return str(iterator["arn"])
    return str(original(service, method, path, headers, body, query_params, region, account_id))
