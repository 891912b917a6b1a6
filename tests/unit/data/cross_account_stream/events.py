"""Batches of Kinesis as Lambda sends them, and a table that behaves like DynamoDB where it matters here."""

from __future__ import annotations

import base64
from typing import Any

from botocore.exceptions import ClientError

STREAM = "arn:aws:kinesis:eu-central-1:222233334444:stream/orders"
CONSUMER = f"{STREAM}/consumer/billing:1764316800"
FIRST = 49546986683135544286507457936321625675700192471156785154


def entry(number: int = 0, data: bytes = b"data", key: str = "key", source: str = CONSUMER) -> dict[str, Any]:
    """Return one record of an event."""
    sequence = str(FIRST + number)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": sequence,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1764316800.123 + number,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000006:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::111122223333:role/consume",
        "awsRegion": "eu-central-1",
        "eventSourceARN": source,
    }


def sequences(found: list[dict[str, Any]]) -> list[str]:
    """Return the sequence numbers of entries."""
    return [one["kinesis"]["sequenceNumber"] for one in found]


def refusal(code: str, status: int = 400) -> ClientError:
    """Return an error of DynamoDB."""
    answer: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "BatchWriteItem")


class Dynamo:
    """BatchWriteItem: 25 items, no key twice, all or nothing on a bad item.

    `busy`: how many times it leaves an item unprocessed, by sort key. `bad`: sort keys of items that it refuses.
    """

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[int] = []
        self.busy: dict[str, int] = {}
        self.bad: set[str] = set()
        self.errors: list[ClientError | None] = []

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:
        [(table, requests)] = RequestItems.items()
        items = [one["PutRequest"]["Item"] for one in requests]
        keys = [(one["stream_and_key"]["S"], one["sequence"]["S"]) for one in items]
        self.calls.append(len(items))
        if self.errors and (error := self.errors.pop(0)):
            raise error
        if not 1 <= len(items) <= 25 or len(set(keys)) < len(keys) or self.bad & {key for _, key in keys}:
            raise refusal("ValidationException")
        left = []
        for key, item, request in zip(keys, items, requests, strict=True):
            if self.busy.get(key[1], 0) > 0:
                self.busy[key[1]] -= 1
                left.append(request)
            else:
                self.items[key] = item
        return {"UnprocessedItems": {table: left} if left else {}}

    def kept(self) -> list[str]:
        """Return the sequence numbers that are kept."""
        return [sort.lstrip("0") for _, sort in self.items]
