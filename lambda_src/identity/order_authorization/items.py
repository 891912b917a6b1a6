"""Items of the table of orders."""

from typing import Any


def key(store_id: str, order_id: str) -> dict[str, Any]:
    """Return the primary key of an order."""
    return {"StoreId": {"S": store_id}, "OrderId": {"S": order_id}}


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as Python values."""
    from boto3.dynamodb.types import TypeDeserializer

    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in item.items()}
