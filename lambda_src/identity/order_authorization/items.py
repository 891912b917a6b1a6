"""Items of the table."""

import base64
from typing import Any


def key(store_id: str, order_id: str) -> dict[str, Any]:
    """Return the primary key of an order of the toy store."""
    return {"StoreId": {"S": store_id}, "OrderId": {"S": order_id}}


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as Python values."""
    from boto3.dynamodb.types import TypeDeserializer

    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in item.items()}


def shown(value: Any) -> Any:
    """Return a value of an item for JSON: sets as sorted lists, binary values as base64."""
    from boto3.dynamodb.types import Binary

    match value:
        case dict():
            return {name: shown(inner) for name, inner in value.items()}
        case list():
            return [shown(inner) for inner in value]
        case set() | frozenset():
            return sorted((shown(inner) for inner in value), key=str)
        case Binary():
            held: Any = value  # boto3's type stubs lack `value`
            return base64.b64encode(held.value).decode()
    return value
