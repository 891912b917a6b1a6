"""S3.2, S3.3, S3.8: make a public bucket private with its public access block; keep its policy and ACLs."""

from dataclasses import dataclass, field
from typing import Any

from common import settings

from ..buckets import Bucket, block, open_blocks, refuse_public
from ..contract import Plan, Remediation, Target, of_control

CONTROLS = ("S3.2", "S3.3", "S3.8")


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    public_buckets: list[Any] = field(default_factory=list)


def plan(target: Target) -> Plan:
    """Read once. Plan one write if any of the four settings is off."""
    bucket = Bucket(target)
    refuse_public(bucket, settings.load(Settings).public_buckets)

    def missing() -> str:
        off = open_blocks(bucket)
        return f"{', '.join(off)} off" if off else ""

    return Plan((block(bucket),) if missing() else (), "public access is blocked", missing)


REMEDIATION = Remediation(
    findings="findings of the controls S3.2, S3.3 and S3.8",
    accepts=lambda finding: of_control(finding, *CONTROLS),
    resource_type="AwsS3Bucket",
    plan=plan,
)
