"""Configuration items of the real resources in the emulated services.

Members and their case are those of https://github.com/awslabs/aws-config-resource-schema; the form of an item in a
rule's event is that of https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import json
import re
from typing import Any

Key = tuple[str, str]
"""(resource type, resource id)"""
Item = dict[str, Any]
"""A configuration item as a rule's event carries it."""

BUCKET, SECRET, WEB_ACL = "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::WAFv2::WebACL"
RECORDED = (BUCKET, SECRET, WEB_ACL)
"""The resource types that can be recorded here."""
LARGEST = 256 * 1024
"""Maximum size of an item in bytes. An oversized notification announces a larger one without the item."""
DAY, HOUR = 86_400.0, 3_600.0
RATE = re.compile(r"rate\((\d+) (day|hour)s?\)")


@dataclasses.dataclass(frozen=True)
class Resource:
    """One emulated resource. `created` is in Unix seconds."""

    type: str
    id: str
    name: str
    arn: str
    created: float
    configuration: dict[str, Any]
    supplementary: dict[str, Any]
    tags: dict[str, str]
    relationships: list[dict[str, str]] = dataclasses.field(default_factory=list)

    @property
    def key(self) -> Key:
        """Return what identifies the resource in its account and Region."""
        return self.type, self.id

    @functools.cached_property
    def digest(self) -> str:
        """Return a digest, which differs if configuration or tags do."""
        content = json.dumps([self.configuration, self.supplementary, self.tags], sort_keys=True)
        return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()


def tags_of(given: Any) -> dict[str, str]:
    """Return a resource's tags as a dict, from a dict or from AWS's list of Key and Value."""
    if isinstance(given, dict):
        return {str(key): str(value) for key, value in given.items()}
    return {tag["Key"]: tag.get("Value", "") for tag in given or []}


def rotation_seconds(rules: dict[str, Any] | None) -> float | None:
    """Return the seconds between rotations of a secret, or None without a schedule or with a cron expression."""
    rules = rules or {}
    if days := rules.get("AutomaticallyAfterDays"):
        return float(days) * DAY
    if rate := RATE.fullmatch(str(rules.get("ScheduleExpression", "")).strip()):
        return int(rate[1]) * (DAY if rate[2] == "day" else HOUR)
    return None


def next_rotation(secret: dict[str, Any]) -> float | None:
    """Return when (Unix seconds) a secret must have rotated by its schedule, or None if it has none."""
    every = rotation_seconds(secret.get("RotationRules")) if secret.get("RotationEnabled") else None
    since = secret.get("LastRotatedDate") or secret.get("_RotationConfigured") or secret.get("CreatedDate") or 0
    return None if every is None else float(since) + every


def timestamp(seconds: float) -> str:
    """Return Unix seconds in the format of times in Config's events."""
    text = datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def seconds(text: str) -> float:
    """Return the reverse of `timestamp`."""
    return datetime.datetime.fromisoformat(text).timestamp()


def item(resource: Resource, status: str, captured: float, account: str, region: str) -> Item:
    """Return the configuration item of a resource as it is now; that of a deleted one has no configuration."""
    deleted = status == "ResourceDeleted"
    return {
        "relatedEvents": [],
        "relationships": [] if deleted else resource.relationships,
        "configuration": None if deleted else resource.configuration,
        "supplementaryConfiguration": {} if deleted else resource.supplementary,
        "tags": {} if deleted else resource.tags,
        "configurationItemVersion": "1.3",
        "configurationItemCaptureTime": timestamp(captured),
        "configurationStateId": int(captured * 1000),
        "awsAccountId": account,
        "configurationItemStatus": status,
        "resourceType": resource.type,
        "resourceId": resource.id,
        "resourceName": resource.name,
        "ARN": resource.arn,
        "awsRegion": region,
        "availabilityZone": "Not Applicable",
        "configurationStateMd5Hash": resource.digest,
        "resourceCreationTime": None if deleted else timestamp(resource.created),
    }


def difference(old: Item | None, new: Item) -> dict[str, Any] | None:
    """Return the `configurationItemDiff`: members that changed, by `Configuration.<name>` or `Tags.<key>`."""
    if old is None:
        return {"changedProperties": {}, "changeType": "CREATE"}
    parts = {
        "Configuration": "configuration",
        "SupplementaryConfiguration": "supplementaryConfiguration",
        "Tags": "tags",
    }
    changed: dict[str, Any] = {}
    for label, part in parts.items():
        before, after = old[part] or {}, new[part] or {}
        for name in sorted({*before, *after}):
            was, is_now = before.get(name), after.get(name)
            if was != is_now:
                kind = "CREATE" if name not in before else "DELETE" if name not in after else "UPDATE"
                changed[f"{label}.{name}"] = {"previousValue": was, "updatedValue": is_now, "changeType": kind}
    kind = "DELETE" if new["configurationItemStatus"] == "ResourceDeleted" else "UPDATE"
    return {"changedProperties": changed, "changeType": kind}


def described(one: Item, *, base: bool = False) -> dict[str, Any]:
    """Return an item as the API shows it: other names, times as numbers, configuration as text."""
    created = one["resourceCreationTime"]
    answer = {
        "version": one["configurationItemVersion"],
        "accountId": one["awsAccountId"],
        "configurationItemCaptureTime": seconds(one["configurationItemCaptureTime"]),
        "configurationItemStatus": one["configurationItemStatus"],
        "configurationStateId": str(one["configurationStateId"]),
        "arn": one["ARN"],
        "resourceType": one["resourceType"],
        "resourceId": one["resourceId"],
        "resourceName": one["resourceName"],
        "awsRegion": one["awsRegion"],
        "availabilityZone": one["availabilityZone"],
        "resourceCreationTime": created and seconds(created),
        "configuration": one["configuration"] and json.dumps(one["configuration"]),
        "supplementaryConfiguration": {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in one["supplementaryConfiguration"].items()
        },
        "recordingFrequency": "CONTINUOUS",
    }
    if not base:
        answer |= {
            "configurationItemMD5Hash": one["configurationStateMd5Hash"],
            "tags": one["tags"],
            "relatedEvents": [],
            "relationships": one["relationships"],
        }
    return {name: value for name, value in answer.items() if value is not None}


def notification(one: Item, old: Item | None, now: float, bucket_location: str = "") -> tuple[str, dict[str, Any]]:
    """Return (message type, `invokingEvent`) for an item; oversized if it has more than `LARGEST` bytes."""
    common = {"notificationCreationTime": timestamp(now)}
    difference_to = difference(old, one)
    if len(json.dumps(one)) <= LARGEST:
        kind = "ConfigurationItemChangeNotification"
        event = {"configurationItemDiff": difference_to, "configurationItem": one, "recordVersion": "1.3"}
        return kind, {**event, **common, "messageType": kind}
    kind = "OversizedConfigurationItemChangeNotification"
    left_out = {"relatedEvents", "relationships", "configuration", "supplementaryConfiguration", "tags"}
    summary = {name: value for name, value in one.items() if name not in left_out}
    delivery = {"s3BucketLocation": bucket_location or None, "errorCode": None, "errorMessage": None}
    return kind, {
        "configurationItemSummary": {"changeType": (difference_to or {}).get("changeType"), **summary},
        "s3DeliverySummary": delivery,
        "recordVersion": "1.0",
        **common,
        "messageType": kind,
    }
