"""List the orders of a store that the caller may see, with one decision call for each 30 orders."""

import dataclasses
import functools
from typing import Any

from common.clients import client
from common.http import HttpError
from common.settings import load

from .decisions import BATCH, Store, decide
from .items import key, plain
from .routes import Event, key_of, limit, path, query, route, token_of
from .tokens import Refused, bearer

PAGE = 3 * BATCH


@dataclasses.dataclass(frozen=True)
class Settings:
    """The function's environment."""

    client_ids: list[str]
    namespace: str
    orders_table: str
    policy_store_id: str
    user_pool_id: str


settings = functools.cache(lambda: load(Settings))


@route
def handler(event: Event) -> dict[str, Any]:
    """Return `{"orders": [...], "next": token or null}`, sorted by order id.

    `limit` (1 to 90) is how many orders are checked. A page may hold fewer, or none, and still have a `next`.
    """
    config, store_id = settings(), path(event, "store-id")
    token = next((v for name, v in (event.get("headers") or {}).items() if name.lower() == "authorization"), "")
    start = query(event, "next")
    page = _page(config.orders_table, store_id, limit(event, PAGE), start)
    orders = [plain(item) for item in page["Items"]]

    store = Store(config.policy_store_id, config.user_pool_id, config.namespace)
    try:
        permitted = may_get(store, bearer(token), store_id, orders)
    except Refused:
        raise HttpError(401, "Unauthorized") from None
    following = page.get("LastEvaluatedKey")
    return {
        "orders": permitted,
        "next": token_of({"OrderId": following["OrderId"]["S"]}) if following else None,
    }


def may_get(store: Store, token: str, store_id: str, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those of *orders* that the token's user may get. Raise Refused if the token is not valid."""
    if not orders:
        return []
    requests = [store.request("GetOrder", store.order(store_id, order["OrderId"])) for order in orders]
    entities = [store.order_details(store_id, order["OrderId"], order.get("Department")) for order in orders]
    allowed = decide(store, token, requests, entities).allowed
    return [order for order, yes in zip(orders, allowed, strict=True) if yes]


def _page(table: str, store_id: str, most: int, start: str | None) -> dict[str, Any]:
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "StoreId = :store",
        "ExpressionAttributeValues": {":store": {"S": store_id}},
        "Limit": most,
    }
    if start:
        request["ExclusiveStartKey"] = key(store_id, key_of(start, {"OrderId"})["OrderId"])
    page: dict[str, Any] = client("dynamodb").query(**request)
    return page
