"""List the items of a container (the orders of a store) that the caller may see, with one decision call for 30."""

import dataclasses
import functools
from typing import Any

from common import aws_errors
from common.clients import client
from common.http import HttpError
from common.observability import count, logger
from common.settings import load

from .decisions import BATCH, Store, decide
from .domain import Domain, Unreadable
from .items import plain, shown
from .routes import Event, key_of, limit, path, query, route, route_of, token_of
from .tokens import Refused, bearer

PAGE = 3 * BATCH
KEY_BYTES = 1024  # DynamoDB's limit for a sort key


@dataclasses.dataclass(frozen=True)
class Settings:
    """The function's environment; `lists`: the action that decides on each item, by route."""

    client_ids: list[str]
    domain: dict[str, Any]
    items_table: str
    lists: dict[str, str]
    policy_store_id: str
    user_pool_id: str


settings = functools.cache(lambda: load(Settings))


@route
def handler(event: Event) -> dict[str, Any]:
    """Return `{"orders": [...], "next": token or null}`, sorted by id; the list has the name of the route.

    `limit` (1 to 90) is how many items are checked. A page may hold fewer, or none, and still have a `next`.
    `unreadable`, if present, is how many items were left out since policies cannot use their id or attributes.
    """
    from botocore.exceptions import ClientError

    config = settings()
    store = Store(config.policy_store_id, config.user_pool_id, Domain(**config.domain))
    container_id = path(event, store.domain.container_parameter)
    token = next((v for name, v in (event.get("headers") or {}).items() if name.lower() == "authorization"), "")
    page = _page(config.items_table, store.domain, container_id, limit(event, PAGE), query(event, "next"))
    items = [plain(item) for item in page["Items"]]
    try:
        action = config.lists[route_of(event)]
        permitted, unreadable = may_see(store, bearer(token), container_id, items, action)
    except Refused:
        raise HttpError(401, "Unauthorized") from None
    except ClientError as error:
        if aws_errors.kind(error) is aws_errors.Kind.THROTTLED:
            raise HttpError(429, "Too many requests: try again later.") from error
        raise
    following = page.get("LastEvaluatedKey")
    return {
        event["resource"].rpartition("/")[2]: [shown(item) for item in permitted],
        "next": token_of({"Id": following[store.domain.item_key]["S"]}) if following else None,
        **({"unreadable": unreadable} if unreadable else {}),
    }


def may_see(
    store: Store, token: str, container_id: str, items: list[dict[str, Any]], action: str
) -> tuple[list[dict[str, Any]], int]:
    """Return the *items* on which the token's user may perform *action*, and how many could not be decided on.

    Raise Refused if the token is not valid.
    """
    readable, entities = [], []
    for item in items:
        try:
            entities.append(store.details(container_id, item[store.domain.item_key], item))
        except Unreadable as error:
            logger().warning("Item not listed", extra={"reason": str(error)})
        else:
            readable.append(item)
    unreadable = len(items) - len(readable)
    if unreadable:
        count("ItemsUnreadable", unreadable)
    if not readable:
        return [], unreadable
    requests = [store.request(action, entity["identifier"]) for entity in entities]
    allowed = decide(store, token, requests, entities).allowed
    return [item for item, yes in zip(readable, allowed, strict=True) if yes], unreadable


def _page(table: str, domain: Domain, container_id: str, most: int, start: str | None) -> dict[str, Any]:
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "#container = :container",
        "ExpressionAttributeNames": {"#container": domain.container_key},
        "ExpressionAttributeValues": {":container": {"S": container_id}},
        "Limit": most,
    }
    if start:
        last = {domain.container_key: {"S": container_id}, domain.item_key: {"S": key_of(start, "Id", KEY_BYTES)}}
        request["ExclusiveStartKey"] = last
    page: dict[str, Any] = client("dynamodb").query(**request)
    return page
