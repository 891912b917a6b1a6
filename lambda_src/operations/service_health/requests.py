"""What events ask for. Nothing in an event decides about an alarm: the resources are asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidRequest


@dataclass(frozen=True)
class Request:
    """A run. `remove` deletes everything that the function has written."""

    by_terraform: bool = False
    remove: bool = False
    dry_run: bool = False
    window: str = ""
    """A maintenance window that begins now; nothing else is done."""


def read(event: Any) -> Request:
    """Return the request of a schedule, of Terraform, of a person, or of messages with changed tags.

    Raise InvalidRequest for anything else. Messages are not read: whatever has changed, all services are looked at.
    """
    if not isinstance(event, Mapping):
        raise InvalidRequest("The event must be a JSON object.")
    if isinstance(event.get("Records"), list):
        return Request()
    if "tf" in event:
        action = event["tf"].get("action") if isinstance(event["tf"], Mapping) else None
        if action not in ("create", "update", "delete"):
            raise InvalidRequest("tf.action must be create, update or delete.")
        return Request(by_terraform=True, remove=action == "delete")
    if "window" in event:
        if len(event) > 1 or not isinstance(event["window"], str) or not event["window"]:
            raise InvalidRequest('A window is begun with {"window": "its name"} alone.')
        return Request(window=event["window"])
    unknown = sorted(map(str, set(event) - {"dry_run"}))
    if unknown:
        raise InvalidRequest(f"The event has members that the function does not know: {', '.join(unknown)[:200]}.")
    if not isinstance(event.get("dry_run", False), bool):
        raise InvalidRequest("dry_run must be true or false.")
    return Request(dry_run=bool(event.get("dry_run")))
