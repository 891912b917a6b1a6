"""S3.14: turn on a bucket's versioning."""

from ..buckets import Bucket
from ..contract import Plan, Remediation, Step, Target, of_control

CONTROLS = ("S3.14",)


def plan(target: Target) -> Plan:
    """Read once. Plan one write if versioning is off or suspended."""
    bucket = Bucket(target)

    def missing() -> str:
        status = bucket.call("get_bucket_versioning").get("Status", "off")
        return "" if status == "Enabled" else f"versioning is {status.lower()}"

    on = Step(
        "turn versioning on",
        lambda: bucket.call("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"}),
    )
    return Plan((on,) if missing() else (), "versioning is on", missing)


REMEDIATION = Remediation(
    findings="findings of the control S3.14",
    accepts=lambda finding: of_control(finding, *CONTROLS),
    resource_type="AwsS3Bucket",
    plan=plan,
)
