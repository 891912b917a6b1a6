"""Elastic IPs where MiniStack answers differently from EC2, and the tags of a resource for IAM's conditions."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

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
