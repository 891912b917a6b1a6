"""The domain that the API authorizes: items in containers, such as orders in stores, and their Cedar names.

Values that do not fit are never sent to Verified Permissions, which would refuse the whole batch for one of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Entity = dict[str, str]
"""{"entityType": ..., "entityId": ...}"""

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # no characters with a meaning in an ARN or a path
GROUP_LENGTH = 128  # Cognito's limit; with the pool's id, it fits into an entity id of 200 characters
TEXT_LENGTH = 1024


class Unreadable(Exception):
    """An item has an id or an attribute that policies cannot use, so nothing is decided on it."""


@dataclass(frozen=True)
class Domain:
    """Names of a domain: entity types, keys of the items' table, and attributes that policies use.

    `attributes` maps a Cedar attribute to {"from": the table's attribute, "type": Group, String, Long, Boolean or
    StringSet}.
    """

    namespace: str
    container: str
    item: str
    container_key: str
    item_key: str
    container_parameter: str
    scope_header: str
    attributes: dict[str, dict[str, str]]

    def attribute_values(self, item: Mapping[str, Any], user_pool_id: str) -> dict[str, Any]:
        """Return the attributes of an item (as Python values) that policies use. Absent and empty ones are left out.

        Raise Unreadable for a value of another type: without it, a `forbid` that depends on it would not apply.
        """
        found = {}
        for name, source in self.attributes.items():
            value = item.get(source["from"])
            if value is not None and value != "":
                found[name] = self._value(source["type"], value, user_pool_id)
        return found

    def _value(self, kind: str, value: Any, user_pool_id: str) -> dict[str, Any]:
        match kind, value:
            case "Group", str() if len(value) <= GROUP_LENGTH:
                group = {"entityType": f"{self.namespace}::Group", "entityId": f"{user_pool_id}|{value}"}
                return {"entityIdentifier": group}
            case "String", str() if len(value) <= TEXT_LENGTH:
                return {"string": value}
            case "Boolean", bool():
                return {"boolean": value}
            case "Long", Decimal() if value == value.to_integral_value() and -(2**63) <= value < 2**63:
                return {"long": int(value)}
            case "StringSet", set() | list() if all(isinstance(v, str) and len(v) <= TEXT_LENGTH for v in value):
                return {"set": [{"string": text} for text in sorted(value)]}
        raise Unreadable(f"an attribute is no {kind}")
