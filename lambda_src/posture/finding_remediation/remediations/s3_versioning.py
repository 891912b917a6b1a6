"""S3.14: turn on a bucket's versioning."""

from dataclasses import dataclass

from common import settings

from ..buckets import Bucket, refuse_exempt
from ..contract import Plan, Remediation, Step, Target, of_control

CONTROLS = ("S3.14",)


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    exempt_bucket_tag: str = ""


def plan(target: Target) -> Plan:
    """Read once. Plan one write if versioning is off or suspended."""
    bucket = Bucket(target)
    refuse_exempt(bucket, settings.load(Settings).exempt_bucket_tag)

    def status() -> str:
        return str(bucket.call("get_bucket_versioning").get("Status", "off"))

    def missing() -> str:
        now = status()
        return "" if now == "Enabled" else f"versioning is {now.lower()}"

    was = status()
    on = Step(
        "turn versioning on",
        lambda: bucket.call("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"}),
    )
    steps = () if was == "Enabled" else (on,)
    return Plan(steps, "versioning is on", missing, before={"versioning": was})


REMEDIATION = Remediation(
    findings="findings of the control S3.14",
    accepts=lambda finding: of_control(finding, *CONTROLS),
    resource_type="AwsS3Bucket",
    plan=plan,
)
