"""Elastic IPs where MiniStack answers differently from EC2, their tags for IAM, and the events of instances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from local.patches.eventbridge import emit
from local.patches.registry import Original, patch


@patch(
    "ministack.services.ec2",
    "_ACTION_MAP[DescribeAddresses]",
    because="MiniStack leaves an unknown allocation out of the answer; EC2 refuses it.",
)
def describe_addresses(original: Original, p: dict[str, Any]) -> Any:
    """Return the requested addresses."""
    for allocation in ec2._parse_member_list(p, "AllocationId"):
        if allocation not in ec2._addresses:
            message = f"The allocation ID '{allocation}' does not exist"
            return ec2._error("InvalidAllocationID.NotFound", message, 400)
    return original(p)


@patch(
    "ministack.services.ec2",
    "_ACTION_MAP[ReleaseAddress]",
    because="MiniStack releases an address that is in use.",
)
def release_address(original: Original, p: dict[str, Any]) -> Any:
    """Release an address that has no association."""
    address = ec2._addresses.get(ec2._p(p, "AllocationId"))
    # As outside of a default VPC: inside one, EC2 would disassociate the address first.
    if address and address["AssociationId"]:
        message = f"Address {address['PublicIp']} is in use."
        return ec2._error("InvalidIPAddress.InUse", message, 400)
    return original(p)


@patch("ministack.core.iam_evaluator", "enforce", because="MiniStack does not know aws:ResourceTag of an Elastic IP.")
def enforce(
    original: Original,
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Evaluate with the resource's tags as condition keys."""
    if service == "ec2" and ":elastic-ip/" in resource_arn:
        tags = ec2._tags.get(resource_arn.rpartition("/")[2]) or []
        known = {f"aws:resourcetag/{tag['Key']}".lower(): tag["Value"] for tag in tags}
        service_context = {**(service_context or {}), **known}
    return original(access_key_id, iam_action, service, region, resource_arn, service_context)


def _with_events(original: Original, p: dict[str, Any]) -> Any:
    """Answer, and send the event of each instance whose state is then another one.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
    """
    before = {key: one["State"]["Name"] for key, one in ec2._instances.items()}
    answer = original(p)
    account, region = get_account_id(), get_region()
    for instance, one in list(ec2._instances.items()):
        state = one["State"]["Name"]
        if before.get(instance) != state:
            arn = f"arn:aws:ec2:{region}:{account}:instance/{instance}"
            detail = {"instance-id": instance, "state": state}
            emit("aws.ec2", "EC2 Instance State-change Notification", detail, [arn], account, region)
    return answer


_NO_EVENTS = "MiniStack sends no `EC2 Instance State-change Notification` events."


@patch("ministack.services.ec2", "_ACTION_MAP[RunInstances]", because=_NO_EVENTS)
def run_instances(original: Original, p: dict[str, Any]) -> Any:
    """Run instances, and send their events."""
    return _with_events(original, p)


@patch("ministack.services.ec2", "_ACTION_MAP[StartInstances]", because=_NO_EVENTS)
def start_instances(original: Original, p: dict[str, Any]) -> Any:
    """Start instances, and send their events."""
    return _with_events(original, p)


@patch("ministack.services.ec2", "_ACTION_MAP[StopInstances]", because=_NO_EVENTS)
def stop_instances(original: Original, p: dict[str, Any]) -> Any:
    """Stop instances, and send their events."""
    return _with_events(original, p)


@patch("ministack.services.ec2", "_ACTION_MAP[TerminateInstances]", because=_NO_EVENTS)
def terminate_instances(original: Original, p: dict[str, Any]) -> Any:
    """Terminate instances, and send their events."""
    return _with_events(original, p)


def start_earlier(instance_id: str, hours: float) -> None:
    """Make an instance look as if it had started that many hours ago."""
    at = datetime.now(UTC) - timedelta(hours=hours)
    ec2._instances[instance_id]["LaunchTime"] = f"{at:%Y-%m-%dT%H:%M:%S.000Z}"


COMMANDS = {"start_earlier": start_earlier}
