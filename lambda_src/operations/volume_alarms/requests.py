"""What events ask for. Nothing in an event decides about an alarm but the instance that it names: EC2 is asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidRequest
from .metrics import is_instance

STATE_CHANGE = "EC2 Instance State-change Notification"


@dataclass(frozen=True)
class Request:
    """Instances of one account and Region, or everything. `remove` deletes the alarms instead."""

    account_id: str = ""
    region: str = ""
    instance: str = ""
    at: str = ""
    by_terraform: bool = False
    remove: bool = False
    removed: tuple[Mapping[str, Any], ...] = ()
    """Targets that were in Terraform's configuration before and are no longer."""
    dry_run: bool = False

    @property
    def whole(self) -> bool:
        """Return true if it is about all targets."""
        return not self.instance


def read(event: Any) -> Request:
    """Return the request of a schedule, of Terraform, of a person or of an EC2 event. Raise InvalidRequest."""
    if not isinstance(event, Mapping):
        raise InvalidRequest("The event must be a JSON object.")
    if event.get("detail-type") == STATE_CHANGE:
        return state_change(event)
    if "tf" in event:
        return _terraform(event)
    unknown = sorted(map(str, set(event) - {"scheduled_at", "dry_run"}))
    if unknown:
        raise InvalidRequest(f"The event has members that the function does not know: {', '.join(unknown)[:200]}.")
    dry_run, at = event.get("dry_run", False), event.get("scheduled_at", "")
    if not isinstance(dry_run, bool) or not isinstance(at, str):
        raise InvalidRequest("dry_run must be true or false, and scheduled_at a time such as 2026-11-20T03:00:00Z.")
    return Request(at=at, dry_run=dry_run)


def state_change(event: Mapping[str, Any]) -> Request:
    """Return the request of an EC2 event."""
    detail = event.get("detail")
    instance = detail.get("instance-id") if isinstance(detail, Mapping) else None
    if event.get("source") != "aws.ec2" or not is_instance(instance):
        raise InvalidRequest("The event names no EC2 instance.")
    return Request(account_id=str(event.get("account")), region=str(event.get("region")), instance=str(instance))


def message(record: Any) -> Request:
    """Return the request of a message of the queue. Raise InvalidRequest."""
    try:
        body = json.loads(record["body"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InvalidRequest("The message is no JSON.") from None
    if not isinstance(body, Mapping):
        raise InvalidRequest("The message is no JSON object.")
    return state_change(body)


def _terraform(event: Mapping[str, Any]) -> Request:
    tf = event["tf"]
    if not isinstance(tf, Mapping) or tf.get("action") not in ("create", "update", "delete"):
        raise InvalidRequest("tf.action must be create, update or delete.")
    before = tf.get("prev_input") or {}
    known = {json.dumps(one, sort_keys=True) for one in _targets(event)}
    removed = tuple(one for one in _targets(before) if json.dumps(one, sort_keys=True) not in known)
    return Request(by_terraform=True, remove=tf["action"] == "delete", removed=removed)


def _targets(given: Any) -> list[Mapping[str, Any]]:
    targets = given.get("targets") if isinstance(given, Mapping) else None
    return [one for one in targets or () if isinstance(one, Mapping)] if isinstance(targets, list) else []
