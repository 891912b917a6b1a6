"""Batches of Kafka as Lambda sends them, and a table that behaves like DynamoDB where it matters here."""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

AT = datetime(2026, 11, 29, 8, 0, 0, tzinfo=UTC)
FIRST: dict[str, Any] = {
    "model": "EVG2000",
    "deviceid": "dvc1000",
    "interface": "eth4.1",
    "interfacestatus": "connected",
    "cpuusage": "61",
    "memoryusage": "1200",
    "event_time": "2026-11-29 08:00:00",
}
SECOND: dict[str, Any] = {
    "version": 2,
    "device_id": "dvc1000",
    "event_time": "2026-11-29T09:00:00+01:00",
    "interface_status": "down",
    "cpu_usage": 61.25,
    "readings": {"signal_dbm": -60, "firmware": "1.2", "charging": True},
}


def entry(offset: int, value: Any = None, partition: int = 0, topic: str = "mytopic") -> dict[str, Any]:
    """Return a record: of a message, of bytes, or a deletion marker."""
    data = json.dumps(value).encode() if isinstance(value, dict) else value
    found = {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": 1764403200000,
        "timestampType": "CREATE_TIME",
        "key": "ZHZjMTAwMA==",
        "headers": [],
    }
    return found | ({} if data is None else {"value": base64.b64encode(data).decode()})


def batch(*entries: dict[str, Any]) -> dict[str, Any]:
    """Return an event: records by topic and partition."""
    records: dict[str, list[dict[str, Any]]] = {}
    for one in entries:
        records.setdefault(f"{one['topic']}-{one['partition']}", []).append(one)
    return {"eventSource": "aws:kafka", "eventSourceArn": "arn", "bootstrapServers": "b:9098", "records": records}


def refusal(code: str) -> ClientError:
    """Return an error of DynamoDB."""
    return ClientError({"Error": {"Code": code, "Message": code}}, "PutItem")


class Dynamo:
    """PutItem, UpdateItem and Query as `states` and `silence` call them.

    `errors`: what calls for a device or a group answer instead. `page`: items of a page.
    """

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.errors: dict[str, ClientError] = {}
        self.page = 100
        self._lock = threading.Lock()

    def put_item(self, *, Item: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Write an item, unless a later one is there."""
        assert more["ConditionExpression"] == "attribute_not_exists(device_id) OR last_order < :order"
        device, order = Item["device_id"]["S"], more["ExpressionAttributeValues"][":order"]["S"]
        with self._lock:
            self.calls["put_item"] += 1
            if device in self.errors:
                raise self.errors[device]
            before = self.items.get(device)
            if before and before["last_order"]["S"] >= order:
                raise refusal("ConditionalCheckFailedException")
            self.items[device] = Item
            return {"Attributes": before} if before else {}

    def update_item(self, *, Key: dict[str, Any], **more: Any) -> None:
        """Mark a device, if its reading is still the last."""
        assert more["ConditionExpression"] == "event_time = :last"
        self.calls["update_item"] += 1
        values, item = more["ExpressionAttributeValues"], self.items.get(Key["device_id"]["S"])
        if not item or item["event_time"] != values[":last"]:
            raise refusal("ConditionalCheckFailedException")
        item["silent_since"] = values[":now"]

    def get_paginator(self, operation: str) -> Any:
        """Return this as its paginator."""
        assert operation == "query"
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages of a group before or since a time."""
        values, before = (
            asked["ExpressionAttributeValues"],
            "event_time <" in asked["KeyConditionExpression"].replace(">=", ""),
        )
        group, since = values[":group"], values[":since"]["S"]
        if group["S"] in self.errors:
            raise self.errors[group["S"]]
        found = sorted(
            (one for one in self.items.values() if one["watch_group"] == group), key=lambda one: one["event_time"]["S"]
        )
        found = [one for one in found if (one["event_time"]["S"] < since) is before]
        for start in range(0, max(len(found), 1), self.page):
            self.calls["query"] += 1
            page = found[start : start + self.page]
            yield {"Count": len(page), **({} if asked.get("Select") == "COUNT" else {"Items": page})}
