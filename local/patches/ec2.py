"""Elastic IPs as EC2 answers about them where MiniStack does not, and the tags of a resource for IAM's conditions."""

from __future__ import annotations

from typing import Any


def install() -> None:
    """An unknown allocation is an error, an associated address is not released, `aws:ResourceTag` is known."""
    from ministack.core import iam_evaluator
    from ministack.services import ec2

    describe, release, enforce = ec2._describe_addresses, ec2._release_address, iam_evaluator.enforce

    def describe_addresses(asked: dict[str, Any]) -> Any:
        for allocation in ec2._parse_member_list(asked, "AllocationId"):
            if allocation not in ec2._addresses:
                message = f"The allocation ID '{allocation}' does not exist"
                return ec2._error("InvalidAllocationID.NotFound", message, 400)
        return describe(asked)

    def release_address(asked: dict[str, Any]) -> Any:
        address = ec2._addresses.get(ec2._p(asked, "AllocationId"))
        # As outside of a default VPC: there, EC2 would disassociate it first.
        if address and address["AssociationId"]:
            message = f"Address {address['PublicIp']} is in use."
            return ec2._error("InvalidIPAddress.InUse", message, 400)
        return release(asked)

    def enforce_with_tags(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        if service == "ec2" and ":elastic-ip/" in resource_arn:
            tags = ec2._tags.get(resource_arn.rpartition("/")[2]) or []
            known = {f"aws:resourcetag/{tag['Key']}".lower(): tag["Value"] for tag in tags}
            service_context = {**(service_context or {}), **known}
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    iam_evaluator.enforce = enforce_with_tags
    ec2._ACTION_MAP["DescribeAddresses"] = ec2._describe_addresses = describe_addresses
    ec2._ACTION_MAP["ReleaseAddress"] = ec2._release_address = release_address
