"""Parse AWS Config's notification of a changed resource, which it sends to a rule's function.

https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import MalformedEvent
from .web_acls import RESOURCE_TYPE

PRESENT = frozenset({"OK", "ResourceDiscovered"})
# An item above 256 KB arrives as a summary without the configuration and the tags. Neither is needed.
_ITEMS = {
    "ConfigurationItemChangeNotification": "configurationItem",
    "OversizedConfigurationItemChangeNotification": "configurationItemSummary",
}


@dataclass(frozen=True)
class Change:
    """A configuration item, or its summary."""

    resource_id: str
    arn: str
    """Empty if the notification has none."""
    present: bool
    """True if the resource exists, is recorded and is in the rule's scope."""
    result_token: str


def parse(event: Mapping[str, Any]) -> Change:
    """Return the change that a notification describes. Raise MalformedEvent."""
    try:
        invoking = json.loads(event["invokingEvent"])
        item = invoking[_ITEMS[invoking["messageType"]]]
        change = Change(
            resource_id=item["resourceId"],
            arn=item.get("ARN") or "",
            present=item["configurationItemStatus"] in PRESENT and not event.get("eventLeftScope"),
            result_token=event["resultToken"],
        )
        kind = item["resourceType"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedEvent(
            f"Not a notification of AWS Config about a resource: {type(error).__name__} {error}."
        ) from error
    if kind != RESOURCE_TYPE:
        raise MalformedEvent(f"The rule evaluates {RESOURCE_TYPE}, not {kind}.")
    return change
