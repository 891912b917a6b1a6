"""Schedule: report the devices that fell silent.

Event:  anything.
Answer: the report without its names. A device is named once: its next reading makes it a new case.
"""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from common import aws_errors, clients, observability, settings

from .errors import NothingRead
from .silence import Device, Index
from .states import GROUPS

WATCHED = "devices watched"
SHOWN = 50
"""Devices that a notice names; the report has all."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The environment. MOST limits the devices that one run names: the next run goes on."""

    table: str
    index: str
    silent_minutes: int
    topic_arn: str
    bucket: str
    bucket_owner: str
    report_key: str
    most: int


@dataclasses.dataclass
class Found:
    """What a run has seen: `unread` has the groups that could not be read, with the reason."""

    reporting: int = 0
    silent: int = 0
    new: list[Device] = dataclasses.field(default_factory=list)
    waiting: int = 0
    unread: dict[str, str] = dataclasses.field(default_factory=dict)

    def take(self, device: Device, most: int) -> None:
        """Count a silent device."""
        self.silent += 1
        if not device.known and len(self.new) < most:
            self.new.append(device)
        elif not device.known:
            self.waiting += 1


def handler(_event: Any, context: Any) -> dict[str, Any]:
    """Write the report and notify of what is new. Raise NothingRead, SettingsError, or AWS's error."""
    log, config = observability.begin(context), settings.load(Settings)
    now = datetime.now(UTC)
    index = Index(config.table, config.index, clients.client("dynamodb"))
    found = look(index, now - timedelta(minutes=config.silent_minutes), config.most)
    report = summary(found, now, config.silent_minutes)
    clients.client("s3").put_object(
        Bucket=config.bucket,
        Key=config.report_key,
        Body=json.dumps({**report, "newly_silent": [_row(one) for one in found.new]}, indent=2).encode(),
        ContentType="application/json",
        ExpectedBucketOwner=config.bucket_owner,
    )
    for name, value in (("DevicesSilent", found.silent), ("DeviceGroupsUnread", len(found.unread))):
        observability.count(name, value)
    log.info(WATCHED, extra=report)
    if found.new:
        # Before the marks: a run that ends here is tried again, and the notice comes twice rather than never.
        clients.client("sns").publish(TopicArn=config.topic_arn, **notice(found, config.silent_minutes))
    for device in found.new:
        index.mark(device, now)
    if len(found.unread) == GROUPS:
        raise NothingRead(f"No group of devices could be read: {', '.join(sorted(set(found.unread.values())))}.")
    return report


def look(index: Index, since: datetime, most: int) -> Found:
    """Look at each group. One that cannot be read becomes a row of the report."""
    found = Found()
    for group in (f"{number:02}" for number in range(GROUPS)):
        try:
            for device in index.silent(group, since):
                found.take(device, most)
            found.reporting += index.reporting(group, since)
        except Exception as error:
            if not aws_errors.read(error):
                raise
            found.unread[group] = aws_errors.name(error)
    return found


def summary(found: Found, now: datetime, silent_minutes: int) -> dict[str, Any]:
    """Return the report without its names."""
    return {
        "taken_at": now.isoformat(timespec="seconds"),
        "silent_after_minutes": silent_minutes,
        "devices": found.reporting + found.silent,
        "reporting": found.reporting,
        "silent": found.silent,
        "new": len(found.new),
        "new_for_next_run": found.waiting,
        "groups": GROUPS,
        "groups_unread": found.unread,
    }


def notice(found: Found, silent_minutes: int) -> dict[str, str]:
    """Return the message of SNS."""
    total = found.reporting + found.silent
    lines = [f"{len(found.new) + found.waiting} devices have sent nothing for {silent_minutes} minutes or more:", ""]
    lines += [f"{one.id}, last reading {one.last}" for one in found.new[:SHOWN]]
    more = len(found.new) + found.waiting - SHOWN
    lines += [f"and {more} more: see the report"] if more > 0 else []
    lines += ["", f"In all {found.silent} of {total} devices are silent."]
    if found.silent == total:
        lines.append("No device sends: the cause can be the pipeline. Look at the mapping and its alarms first.")
    return {"Subject": f"Silent devices: {len(found.new) + found.waiting} new", "Message": "\n".join(lines)}


def _row(device: Device) -> dict[str, str]:
    return {"device_id": device.id, "last_reading": device.last}
