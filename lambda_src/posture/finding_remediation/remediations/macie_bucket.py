"""Macie's policy findings: tag the bucket, encrypt new objects with KMS by default, block public access."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common import settings

from ..buckets import Bucket, block, open_blocks, refuse_public, tag_set, tags
from ..contract import Plan, Remediation, Step, Target, of_macie
from ..errors import Failed
from ..tagging import FINDING_TAG, tag_value

KIND = "Software and Configuration Checks"
MOST_TAGS = 50


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    public_buckets: list[Any] = field(default_factory=list)


def plan(target: Target) -> Plan:
    """Make three reads. Plan a write for each of the three settings that differs."""
    bucket = Bucket(target)
    refuse_public(bucket, settings.load(Settings).public_buckets)
    wanted = tag_value(target.finding.key.id)
    had = _tags(bucket)
    steps: list[Step] = []
    checks: list[Callable[[], str]] = []
    if had.get(FINDING_TAG) != wanted:
        if len({*had, FINDING_TAG}) > MOST_TAGS:
            raise Failed(f"the bucket already has {MOST_TAGS} tags, the maximum: {FINDING_TAG} cannot be added")
        # PutBucketTagging replaces all tags.
        merged = {**had, FINDING_TAG: wanted}
        steps.append(
            Step(
                f"tag it with {FINDING_TAG}",
                lambda: bucket.call("put_bucket_tagging", Tagging={"TagSet": tag_set(merged)}),
            )
        )
        checks.append(lambda: "" if merged.items() <= _tags(bucket).items() else "its tags differ from those written")
    if not _by_kms(bucket):
        steps.append(Step("encrypt new objects with KMS by default", lambda: _encrypt(bucket)))
        checks.append(lambda: "" if _by_kms(bucket) else "new objects are not encrypted with KMS by default")
    if open_blocks(bucket):
        steps.append(block(bucket))
        checks.append(lambda: "public access is not blocked" if open_blocks(bucket) else "")
    effect = f"tagged with {FINDING_TAG}; new objects are encrypted with KMS; public access is blocked"
    return Plan(tuple(steps), effect, lambda: next((wrong for check in checks if (wrong := check())), ""))


def _tags(bucket: Bucket) -> dict[str, str]:
    return tags(bucket.read("get_bucket_tagging", "NoSuchTagSet").get("TagSet", []))


def _by_kms(bucket: Bucket) -> bool:
    """Return whether new objects are encrypted with KMS by default. A KMS key that the owner chose is kept: S3 encrypts
    every object, so only the control over the key can improve.
    """
    answer = bucket.read("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError")
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "") for rule in rules]
    return any(algorithm.startswith("aws:kms") for algorithm in defaults)


def _encrypt(bucket: Bucket) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    bucket.call("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [rule]})


REMEDIATION = Remediation(
    findings="Macie's policy findings (Software and Configuration Checks)",
    accepts=lambda finding: of_macie(finding, KIND),
    resource_type="AwsS3Bucket",
    plan=plan,
)
