"""Widgets in a table: created once for each key, and changed only by those who know the current state."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from common.http import HttpError

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
KEY_SECONDS = 86_400
"""For how long a repeated request gets the answer to the first one."""
WIDGETS, KEYS = "widgets", "keys"
"""Partitions of the table. One partition takes 1,000 writes a second, and keeps the widgets in order."""
FIELDS = ("name", "colour", "note", "shape")

Item = dict[str, Any]


@dataclass(frozen=True)
class Widget:
    """A widget as the API shows it, and its ETag."""

    shown: Mapping[str, Any]
    etag: str


def new_id() -> str:
    """Return an ID that sorts by the time of its making."""
    number = int(time.time() * 1000) << 80 | secrets.randbits(80)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


@dataclass
class Store:
    """The table. `dynamodb` is boto3's client."""

    dynamodb: Any
    table: str
    ids: Callable[[], str] = field(default=new_id)
    clock: Callable[[], float] = field(default=time.time)

    def create(self, caller: str, key: str, given: Mapping[str, Any]) -> Widget:
        """Store a widget, unless this caller's key has made one. Raise HttpError 422 if the key made another one.

        One transaction writes the widget and the key, so of two requests with one key one makes the widget.
        """
        now, digest = self.clock(), _digest(given)
        shown = {"id": self.ids(), **_fields(given), "createdAt": datetime.fromtimestamp(now, UTC).isoformat()}
        made = {
            "partition": KEYS,
            "id": hashlib.sha256(json.dumps([caller, key]).encode()).hexdigest(),
            "digest": digest,
            "answer": json.dumps(shown),
            "expiresAt": int(now) + KEY_SECONDS,
        }
        widget = self._item(shown, 1)
        try:
            self.dynamodb.transact_write_items(
                TransactItems=[
                    self._put(widget, "attribute_not_exists(id)"),
                    # DynamoDB deletes what has expired within days, not at once.
                    self._put(made, "attribute_not_exists(id) OR expiresAt < :now", {":now": int(now)}),
                ]
            )
        except self.dynamodb.exceptions.TransactionCanceledException as error:
            reason = error.response["CancellationReasons"][1]
            if reason.get("Code") != "ConditionalCheckFailed":
                raise
            kept = _read(reason["Item"])
            if kept["digest"] != digest:
                raise HttpError(422, "This Idempotency-Key belongs to another request.", "key_reused") from None
            return Widget(json.loads(kept["answer"]), _etag(1))
        return Widget(shown, _etag(1))

    def get(self, widget_id: str) -> Widget:
        """Return a widget. Raise HttpError 404."""
        answer = self.dynamodb.get_item(TableName=self.table, Key=_key(widget_id), ConsistentRead=True)
        if "Item" not in answer:
            raise _absent()
        return _widget(_read(answer["Item"]))

    def page(self, limit: int, after: str | None) -> tuple[list[Widget], str | None]:
        """Return the widgets after an ID, and the ID to go on from, or None at the end."""
        answer = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="#p = :p",
            ExpressionAttributeNames={"#p": "partition"},
            ExpressionAttributeValues={":p": {"S": WIDGETS}},
            Limit=limit,
            ConsistentRead=True,
            **({"ExclusiveStartKey": _key(after)} if after else {}),
        )
        last = answer.get("LastEvaluatedKey")
        return [_widget(_read(item)) for item in answer["Items"]], last["id"]["S"] if last else None

    def replace(self, widget_id: str, if_match: str, given: Mapping[str, Any]) -> Widget:
        """Replace a widget in the state that the caller names. Raise HttpError 404 or 412."""
        before = self.get(widget_id)
        if not matches(if_match, before.etag):
            raise _changed()
        revision, write = int(before.etag.strip('"')), uuid.uuid4().hex
        shown = {"id": widget_id, **_fields(given), "createdAt": before.shown["createdAt"]}
        item = self._item(shown, revision + 1, write)
        try:
            self.dynamodb.put_item(
                **self._put(item, "revision = :r", {":r": revision})["Put"],
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException as error:
            # The SDK may have sent it twice, and the first one has arrived.
            if _read(error.response.get("Item") or {}).get("write") != write:
                raise _changed() from None
        return Widget(shown, _etag(revision + 1))

    def delete(self, widget_id: str, if_match: str) -> None:
        """Delete a widget in the state that the caller names. Raise HttpError 404 or 412."""
        before = self.get(widget_id)
        if not matches(if_match, before.etag):
            raise _changed()
        try:
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=_key(widget_id),
                ConditionExpression="revision = :r",
                ExpressionAttributeValues=_written({":r": int(before.etag.strip('"'))}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException as error:
            # As above: sent twice, and the first one has deleted it.
            again = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
            if error.response.get("Item") or not again:
                raise _changed() from None

    def _item(self, shown: Mapping[str, Any], revision: int, write: str = "") -> Item:
        return {"partition": WIDGETS, **shown, "revision": revision, **({"write": write} if write else {})}

    def _put(self, item: Mapping[str, Any], condition: str, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        put: dict[str, Any] = {
            "TableName": self.table,
            "Item": _written(item),
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return {"Put": put | ({"ExpressionAttributeValues": _written(values)} if values else {})}


def matches(header: str, etag: str) -> bool:
    """Return whether If-Match or If-None-Match names an ETag. A weak one never matches a strong one."""
    return header.strip() == "*" or etag in [one.strip() for one in header.split(",")]


def _absent() -> HttpError:
    return HttpError(404, "There is no such widget.", "not_found")


def _changed() -> HttpError:
    return HttpError(412, "The widget has changed since you read it. Get it again.", "changed")


def _etag(revision: int) -> str:
    return f'"{revision}"'


def _fields(given: Mapping[str, Any]) -> Item:
    return {name: given[name] for name in FIELDS if name in given}


def _digest(given: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


def _key(widget_id: str) -> Item:
    return _written({"partition": WIDGETS, "id": widget_id})


def _widget(item: Item) -> Widget:
    shown = {name: item[name] for name in ("id", *FIELDS, "createdAt") if name in item}
    return Widget(shown, _etag(int(item["revision"])))


def _written(item: Mapping[str, Any]) -> Item:
    """Return an item as DynamoDB writes it. A number with a fraction of 0 is a whole one, as in JSON Schema."""
    from boto3.dynamodb.types import TypeSerializer

    serialize = TypeSerializer().serialize
    return {name: serialize(_exact(value)) for name, value in item.items()}


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else Decimal(str(value))
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    return [_exact(one) for one in value] if isinstance(value, list) else value


def _read(item: Mapping[str, Any]) -> Item:
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}
