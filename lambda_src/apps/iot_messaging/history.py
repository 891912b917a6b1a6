"""GET /things/{thing}/messages: what a thing has published, the newest first."""

import base64
import functools
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import clients, http, observability, settings

from .things import thing_of, unavailable

MOST = 100
INDEX = "by-time"
KEYS = ("thing", "messageId", "receivedAt")


@dataclass(frozen=True)
class Settings:
    """The environment."""

    table: str


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request with {"messages": [{"id", "receivedAt", "kind", "payload"}], "next"}."""
    observability.begin(context)
    try:
        return http.answer(200, respond(event, _conf().table, clients.client("dynamodb", attempts=4), time.time()))
    except http.HttpError as refused:
        answer = http.refusal(refused)
        if refused.status == 503:
            answer["headers"]["Retry-After"] = "5"
        return answer


def respond(event: Mapping[str, Any], table: str, dynamodb: Any, now: float) -> dict[str, Any]:
    """Return a page of a thing's messages. `next` is null at the end. Raise HttpError.

    DynamoDB deletes expired items within days; they are left out until then, so that a page can be shorter than asked.
    """
    from boto3.dynamodb.types import TypeDeserializer

    thing, query = thing_of(event), event.get("queryStringParameters") or {}
    limit = query.get("limit", "25")
    if not re.fullmatch("[0-9]{1,3}", limit) or not 1 <= int(limit) <= MOST:
        raise http.HttpError(400, f"limit must be 1 to {MOST}.", "bad_request")
    start = {"ExclusiveStartKey": _start(query["next"], thing)} if "next" in query else {}
    try:
        page = dynamodb.query(
            TableName=table,
            IndexName=INDEX,
            KeyConditionExpression="thing = :thing",
            FilterExpression="expiresAt > :now",
            ExpressionAttributeValues={":thing": {"S": thing}, ":now": {"N": str(int(now))}},
            ScanIndexForward=False,
            Limit=int(limit),
            **start,
        )
    except dynamodb.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException" and start:
            raise _not_a_page() from None
        raise unavailable(error) from error
    read = TypeDeserializer().deserialize
    found = [
        {
            "id": item["messageId"]["S"],
            "receivedAt": item["receivedAt"]["S"],
            "kind": item["kind"]["S"],
            "payload": read(item["payload"]),
        }
        for item in page["Items"]
    ]
    last = page.get("LastEvaluatedKey")
    return {"messages": found, "next": _token(last) if last else None}


def _token(key: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([key[name]["S"] for name in KEYS]).encode()).decode()


def _start(token: str, thing: str) -> dict[str, Any]:
    """Return the key in a token of the same thing. Raise HttpError."""
    try:
        values = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != len(KEYS) or values[0] != thing:
        raise _not_a_page()
    if not all(isinstance(value, str) and value and value.isascii() for value in values):
        raise _not_a_page()
    return {name: {"S": value} for name, value in zip(KEYS, values, strict=True)}


def _not_a_page() -> http.HttpError:
    return http.HttpError(400, "next must be the one of the page before.", "bad_request")
