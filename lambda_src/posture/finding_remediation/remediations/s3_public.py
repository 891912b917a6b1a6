"""S3.2, S3.3, S3.8: make a public bucket private with its public access block; keep its policy and ACLs."""

from dataclasses import dataclass, field
from typing import Any

from common import settings

from ..buckets import Bucket, block, blocks, open_blocks, refuse_exempt, refuse_public
from ..contract import Plan, Remediation, Target, of_control

CONTROLS = ("S3.2", "S3.3", "S3.8")


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    public_buckets: list[Any] = field(default_factory=list)
    exempt_bucket_tag: str = ""


def plan(target: Target) -> Plan:
    """Read once. Plan one write if any of the four settings is off."""
    bucket, config = Bucket(target), settings.load(Settings)
    refuse_public(bucket, config.public_buckets)
    refuse_exempt(bucket, config.exempt_bucket_tag)
    before = blocks(bucket)

    def missing() -> str:
        off = open_blocks(bucket)
        return f"{', '.join(off)} off" if off else ""

    steps = () if all(before.values()) else (block(bucket),)
    return Plan(steps, "public access is blocked", missing, before={"public_access_block": before})


REMEDIATION = Remediation(
    findings="findings of the controls S3.2, S3.3 and S3.8",
    accepts=lambda finding: of_control(finding, *CONTROLS),
    resource_type="AwsS3Bucket",
    plan=plan,
)
