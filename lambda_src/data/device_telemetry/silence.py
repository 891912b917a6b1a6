"""Devices without a recent reading, found in the table's index by their groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common import aws_errors


@dataclass(frozen=True)
class Device:
    """A silent device: its id, the time of its last reading, and whether it was reported before."""

    id: str
    last: str
    known: bool


@dataclass(frozen=True)
class Index:
    """The table, and its index of groups by the time of the last reading."""

    table: str
    name: str
    dynamodb: Any

    def silent(self, group: str, since: datetime) -> Iterator[Device]:
        """Yield the devices of a group whose last reading is before `since`, the longest silent first."""
        for page in self._pages(group, since, "<", "device_id, event_time, silent_since"):
            for item in page["Items"]:
                yield Device(item["device_id"]["S"], item["event_time"]["S"], "silent_since" in item)

    def reporting(self, group: str, since: datetime) -> int:
        """Return how many devices of a group have a reading at or after `since`."""
        return sum(page["Count"] for page in self._pages(group, since, ">=", ""))

    def mark(self, device: Device, now: datetime) -> bool:
        """Note that a device was reported. Return False if it has a reading by now, or is gone."""
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key={"device_id": {"S": device.id}},
                UpdateExpression="SET silent_since = :now",
                ConditionExpression="event_time = :last",
                ExpressionAttributeValues={
                    ":now": {"S": now.isoformat(timespec="seconds")},
                    ":last": {"S": device.last},
                },
            )
        except Exception as error:
            failure = aws_errors.read(error)
            if failure and failure.code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _pages(self, group: str, since: datetime, comparison: str, attributes: str) -> Iterator[dict[str, Any]]:
        projection = {"ProjectionExpression": attributes} if attributes else {"Select": "COUNT"}
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=self.name,
            KeyConditionExpression=f"watch_group = :group AND event_time {comparison} :since",
            ExpressionAttributeValues={
                ":group": {"S": group},
                ":since": {"S": since.isoformat(timespec="microseconds")},
            },
            **projection,
        )
        yield from pages
