"""EC2.12: release an unused Elastic IP, in its own Region. A released address cannot be recovered."""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from common import settings

from ..contract import Plan, Remediation, Step, Target, of_control
from ..errors import Absent, Failed, Known, Refused, Stale, translated

CONTROLS = ("EC2.12",)
NOT_FOUND = "InvalidAllocationID.NotFound"
KEPT = ("AllocationId", "PublicIp", "PublicIpv4Pool", "NetworkBorderGroup", "Tags")
"""What AllocateAddress and CreateTags need to recover the address, while no other account has it."""
USES = ("AssociationId", "InstanceId", "NetworkInterfaceId")


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    exempt_tag: str = "KeepElasticIp"


def plan(target: Target) -> Plan:
    """Read once. Plan the release if the address exists and is not associated at this moment."""
    allocation = allocation_id(target)
    exempt = settings.load(Settings).exempt_tag
    ec2 = target.clients.client("ec2")
    address = _address(ec2, allocation)
    if address is None:
        return Plan((), "the address is released", lambda: "")
    if any(tag["Key"] == exempt for tag in address.get("Tags", [])):
        raise Refused(f"{allocation} is exempt by its tag {exempt}; suppress the finding")
    uses = [address[name] for name in USES if address.get(name)]
    if uses:
        raise Failed(f"{allocation} is in use now ({uses[0]}) and was not released")

    def release() -> None:
        known: Known = {"InvalidIPAddress.InUse": partial(Stale, f"{allocation} came into use"), NOT_FOUND: Absent}
        with suppress(Absent), translated(f"calling ReleaseAddress on {allocation}", known):
            ec2.release_address(AllocationId=allocation)

    def missing() -> str:
        return "the address still exists" if _address(ec2, allocation) else ""

    step = Step(f"release {address.get('PublicIp', allocation)}", release)
    before = {name: address[name] for name in KEPT if name in address}
    return Plan((step,), "the address is released", missing, before=before)


def allocation_id(target: Target) -> str:
    """Return the allocation id from the resource's ARN or details. Raise Refused if there is none, or if the address
    belongs to another account or Region.
    """
    resource = target.resource
    arn = resource.id.split(":", 5)
    if len(arn) == 6 and arn[2] == "ec2" and arn[4] not in ("", target.finding.account_id):
        raise Refused(f"{resource.id} is not of the finding's account, {target.finding.account_id}")
    if len(arn) == 6 and arn[2] == "ec2" and arn[3] not in ("", resource.region):
        raise Refused(f"{resource.id} is not in the resource's Region, {resource.region}")
    for text in (resource.id.rpartition("/")[2], str(resource.details.get("AllocationId", ""))):
        if re.fullmatch(r"eipalloc-[0-9a-f]+", text):
            return text
    raise Refused(f"{resource.id} names no allocation of an Elastic IP (eipalloc-…)")


def _address(ec2: Any, allocation: str) -> dict[str, Any] | None:
    with suppress(Absent), translated(f"calling DescribeAddresses on {allocation}", {NOT_FOUND: Absent}):
        found: list[dict[str, Any]] = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
        return found[0] if found else None
    return None


REMEDIATION = Remediation(
    findings="findings of the control EC2.12",
    accepts=lambda finding: of_control(finding, *CONTROLS),
    resource_type="AwsEc2Eip",
    plan=plan,
)
