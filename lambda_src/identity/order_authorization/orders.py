"""The toy store's own back end: read, ship, re-route or cancel one order. The authorizer has already decided."""

import dataclasses
import functools
import re
from typing import Any

from common.clients import client
from common.http import HttpError, json_body
from common.settings import load

from .items import key, plain, shown
from .routes import Event, path, route

_WAREHOUSE = re.compile(r"[A-Za-z0-9_-]{1,64}")
VIEWS = {
    "": None,
    "label": ("OrderId", "StoreId", "Recipient", "Warehouse"),
    "receipt": ("OrderId", "StoreId", "Lines", "Total", "Currency"),
    "box_size": ("OrderId", "BoxSize"),
}
"""Attributes that each read route shows; None for all."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The function's environment."""

    orders_table: str


settings = functools.cache(lambda: load(Settings))


@route
def handler(event: Event) -> Any:
    """Answer by the method and the last segment of the route. Raise HttpError 400, 404 or 409."""
    method, last = event["httpMethod"], event["resource"].rpartition("/")[2]
    last = "" if last.startswith("{") else last
    order_key = key(path(event, "store-id"), path(event, "order-id"))
    match method, last:
        case "GET", _:
            return read(order_key, VIEWS[last])
        case "DELETE", _:
            return change(order_key, {"Status": "CANCELLED"}, unless=("SHIPPED",))
        case "PUT", "shipped":
            return change(order_key, {"Status": "SHIPPED"}, unless=("CANCELLED",))
        case "POST", "re_route":
            warehouse = json_body(event).get("warehouse")
            if not isinstance(warehouse, str) or not _WAREHOUSE.fullmatch(warehouse):
                raise HttpError(400, "warehouse must have 1 to 64 letters, digits, hyphens and underscores")
            return change(order_key, {"Warehouse": warehouse}, unless=("CANCELLED", "SHIPPED"))
    raise HttpError(404, "Not found")


def read(order_key: dict[str, Any], view: tuple[str, ...] | None) -> dict[str, Any]:
    """Return an order, or only the attributes of a *view*. Raise HttpError 404 if there is no such order."""
    item = client("dynamodb").get_item(TableName=settings().orders_table, Key=order_key).get("Item")
    if not item:
        raise HttpError(404, "There is no such order")
    order: dict[str, Any] = shown(plain(item))
    return order if view is None else {name: order.get(name) for name in view}


def change(order_key: dict[str, Any], values: dict[str, str], unless: tuple[str, ...]) -> dict[str, Any]:
    """Set attributes of an order and return the order. Raise HttpError 404 if it is unknown, 409 for its status."""
    names = list(values)
    api = client("dynamodb")
    try:
        changed = api.update_item(
            TableName=settings().orders_table,
            Key=order_key,
            UpdateExpression="SET " + ", ".join(f"#n{i} = :n{i}" for i in range(len(names))),
            ConditionExpression="attribute_exists(OrderId) AND NOT #s IN (" + ", ".join(f":{s}" for s in unless) + ")",
            ExpressionAttributeNames={"#s": "Status", **{f"#n{i}": name for i, name in enumerate(names)}},
            ExpressionAttributeValues={
                **{f":n{i}": {"S": values[name]} for i, name in enumerate(names)},
                **{f":{status}": {"S": status} for status in unless},
            },
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except api.exceptions.ConditionalCheckFailedException as error:
        found = error.response.get("Item")
        if not found:
            raise HttpError(404, "There is no such order") from None
        status = found.get("Status", {}).get("S", "")
        raise HttpError(409, f"The order is {status.lower()}") from None
    order: dict[str, Any] = shown(plain(changed["Attributes"]))
    return order
