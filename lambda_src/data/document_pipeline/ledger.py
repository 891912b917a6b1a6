"""The audit trail in DynamoDB. Every write may be repeated: it depends on the document and the page alone.

Partition `<document>`: `document` (what is known of it, and the set of its ranges that are complete) and `page#<page>`,
the one row of a page, which the first to write it decides. A set of numbers counts: adding a number twice changes
nothing, and no transaction is needed.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

import dataclasses
import functools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from common import aws_errors

from .document import PROCESSING, RECEIVED, Document, now

_FIELDS = {field.name for field in dataclasses.fields(Document)} - {"id"}
_DOCUMENT = "document"


@dataclasses.dataclass(frozen=True)
class Page:
    """The row of a page. `status` is DONE or FAILED, `result` the endpoint's answer as JSON."""

    page: int
    status: str
    reason: str = ""
    detail: str = ""
    image: str = ""
    result: str = ""
    features: tuple[str, ...] = ()
    latency_ms: int = 0
    at: str = dataclasses.field(default_factory=now)


class Ledger:
    """The items of all documents in one table."""

    def __init__(self, client: Any, table: str, days: int = 30) -> None:
        from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

        self._client, self._table, self._days = client, table, days
        self._write, self._read = TypeSerializer().serialize, TypeDeserializer().deserialize

    def receive(self, document: Document) -> Document:
        """Store a document that was received, once. Return it as it is stored."""
        fields = {name: getattr(document, name) for name in _FIELDS}
        self._put_once(document.id, _DOCUMENT, fields)
        return self.document(document.id)

    def document(self, name: str) -> Document:
        """Return a document. Raise KeyError if there is none."""
        answer = self._client.get_item(TableName=self._table, Key=self._key(name, _DOCUMENT), ConsistentRead=True)
        if "Item" not in answer:
            raise KeyError(f"There is no document {name}: it was not received, or its items have expired.")
        return _document(self._plain(answer["Item"]))

    def classify(self, document: Document) -> None:
        """Store a document's pages and route, unless another attempt has."""
        fields = ("status", "pages", "route", "range_pages", "truncated", "classified_at")
        self._update_if(document.id, {name: getattr(document, name) for name in fields}, RECEIVED)

    def end(self, document: Document, status: str, reason: str, at: str) -> None:
        """Store how a document ended."""
        open_ = PROCESSING if document.pages else RECEIVED
        self._update_if(document.id, {"status": status, "reason": reason, "finished_at": at}, open_)

    def add(self, document: Document, page: Page) -> bool:
        """Store the row of a page. Return false if it has one: that one counts."""
        fields = {name: value for name, value in dataclasses.asdict(page).items() if value not in ("", ())}
        if "features" in fields:
            fields["features"] = list(page.features)
        return self._put_once(document.id, f"page#{page.page:06d}", fields)

    def pages(self, document: Document, pages: range) -> dict[int, Page]:
        """Return the rows of some pages that have one, by page."""
        found = self._query(document.id, f"page#{pages[0]:06d}", f"page#{pages[-1]:06d}")
        return {page.page: page for page in map(_page, found)}

    def complete(self, document: Document, number: int) -> bool:
        """Count a range as complete. Return true if all of its document's are."""
        answer = self._client.update_item(
            TableName=self._table,
            Key=self._key(document.id, _DOCUMENT),
            UpdateExpression="ADD #done :number",
            ExpressionAttributeNames={"#done": "done"},
            ExpressionAttributeValues={":number": {"NS": [str(number)]}},
            ReturnValues="ALL_NEW",
        )
        return len(answer["Attributes"]["done"]["NS"]) == document.ranges

    def done(self, document: Document) -> frozenset[int]:
        """Return the ranges that are complete."""
        answer = self._client.get_item(
            TableName=self._table, Key=self._key(document.id, _DOCUMENT), ConsistentRead=True
        )
        return frozenset(int(number) for number in answer.get("Item", {}).get("done", {}).get("NS", ()))

    def summary(self, document: Document) -> tuple[Counter[str], set[str]]:
        """Return the number of a document's pages by status, and the features that were found on them."""
        statuses: Counter[str] = Counter()
        features: set[str] = set()
        for item in self._query(document.id, "page#", "page#~", ("status", "features")):
            statuses[item["status"]] += 1
            features.update(item.get("features", ()))
        return statuses, features

    def _key(self, name: str, part: str) -> dict[str, Any]:
        return {"document": {"S": name}, "part": {"S": part}}

    def _put_once(self, name: str, part: str, fields: Mapping[str, Any]) -> bool:
        fields = {**fields, "expires_at": int(time.time()) + self._days * 86400}
        item = {field: self._write(value) for field, value in fields.items()} | self._key(name, part)
        put = functools.partial(self._client.put_item, TableName=self._table, Item=item)
        return _held(lambda: put(ConditionExpression="attribute_not_exists(part)"))

    def _update_if(self, name: str, fields: Mapping[str, Any], status: str) -> bool:
        update = functools.partial(
            self._client.update_item,
            TableName=self._table,
            Key=self._key(name, _DOCUMENT),
            UpdateExpression="SET " + ", ".join(f"#{field} = :{field}" for field in fields),
            ConditionExpression="#status = :expected",
            ExpressionAttributeNames={f"#{field}": field for field in fields},
            ExpressionAttributeValues={":expected": {"S": status}}
            | {f":{field}": self._write(value) for field, value in fields.items()},
        )
        return _held(update)

    def _query(self, name: str, first: str, last: str, fields: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
        more: dict[str, Any] = {}
        if fields:
            more["ProjectionExpression"] = ", ".join(f"#{field}" for field in fields)
        names = {"#document": "document", **{f"#{field}": field for field in fields}}
        while True:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="#document = :document AND part BETWEEN :first AND :last",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":document": {"S": name}, ":first": {"S": first}, ":last": {"S": last}},
                ConsistentRead=True,
                **more,
            )
            yield from map(self._plain, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            more["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _plain(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._read(value) for name, value in item.items()}


def _held(write: Callable[[], Any]) -> bool:
    """Return whether a write's condition was true."""
    try:
        write()
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None or failure.code != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _document(item: Mapping[str, Any]) -> Document:
    numbers = {name: int(item[name]) for name in ("size", "pages", "range_pages")}
    return Document(id=item["document"], **{name: item[name] for name in _FIELDS if name in item} | numbers)


def _page(item: Mapping[str, Any]) -> Page:
    fields = {field.name: item[field.name] for field in dataclasses.fields(Page) if field.name in item}
    fields |= {"page": int(item["page"]), "features": tuple(item.get("features", ()))}
    return Page(**fields | {"latency_ms": int(item.get("latency_ms", 0))})
