"""Macie's policy findings: tag the bucket, encrypt new objects with KMS by default, block public access.

These settings end the condition of three of Macie's six types. The others are about a grant to a named account, a
replication rule and a CloudFront distribution, which they do not end: such findings are refused and stay open.
https://docs.aws.amazon.com/macie/latest/user/findings-types.html
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common import settings
from posture.security_hub import Finding

from ..buckets import Bucket, block, blocks, exempt, open_blocks, refuse_public, tag_set, tags_of
from ..contract import Plan, Remediation, Step, Target, of_macie
from ..tagging import FINDING_TAG, tag_value

KIND = "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-"
ENDED = ("S3BlockPublicAccessDisabled", "S3BucketEncryptionDisabled", "S3BucketPublic")
"""The types, after KIND, whose condition is gone when the plan's settings are read back."""
MOST_TAGS = 50


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    public_buckets: list[Any] = field(default_factory=list)
    exempt_bucket_tag: str = ""


def accepts(finding: Finding) -> bool:
    """Return whether Macie created the finding and the plan ends all that it is about."""
    return of_macie(finding) and {f"{KIND}{name}" for name in ENDED} >= set(finding.types) > set()


def plan(target: Target) -> Plan:
    """Make three reads. Plan a write for each of the three settings that differs."""
    bucket, config = Bucket(target), settings.load(Settings)
    refuse_public(bucket, config.public_buckets)
    wanted = tag_value(target.finding.key.id)
    had = tags_of(bucket)
    if config.exempt_bucket_tag in had:
        raise exempt(bucket, config.exempt_bucket_tag)
    steps: list[Step] = []
    checks: list[Callable[[], str]] = []
    # First what closes the hole: a bucket that cannot be tagged must not stay public.
    blocked = blocks(bucket)
    if not all(blocked.values()):
        steps.append(block(bucket))
        checks.append(lambda: "public access is not blocked" if open_blocks(bucket) else "")
    encryption = _encryption(bucket)
    if not _by_kms(encryption):
        steps.append(Step("encrypt new objects with KMS by default", lambda: _encrypt(bucket)))
        checks.append(
            lambda: "" if _by_kms(_encryption(bucket)) else "new objects are not encrypted with KMS by default"
        )
    fits = len({*had, FINDING_TAG}) <= MOST_TAGS
    if fits and had.get(FINDING_TAG) != wanted:
        # PutBucketTagging replaces all tags.
        merged = {**had, FINDING_TAG: wanted}
        steps.append(
            Step(
                f"tag it with {FINDING_TAG}",
                lambda: bucket.call("put_bucket_tagging", Tagging={"TagSet": tag_set(merged)}),
            )
        )
        checks.append(lambda: "" if merged.items() <= tags_of(bucket).items() else "its tags differ from those written")
    tagged = f"tagged with {FINDING_TAG}" if fits else f"not tagged, because it has {MOST_TAGS} tags already"
    effect = f"public access is blocked; new objects are encrypted with KMS; {tagged}"
    before = {"had_tag": FINDING_TAG in had, "encryption": encryption, "public_access_block": blocked}

    def missing() -> str:
        return next((wrong for check in checks if (wrong := check())), "")

    return Plan(tuple(steps), effect, missing, before=before)


def _encryption(bucket: Bucket) -> list[Any]:
    """Return the rules of the bucket's default encryption."""
    answer = bucket.read("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError")
    return list(answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", []))


def _by_kms(rules: list[Any]) -> bool:
    """Return whether new objects are encrypted with KMS by default. A KMS key that the owner chose is kept: S3 encrypts
    every object, so only the control over the key can improve.
    """
    defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "") for rule in rules]
    return any(algorithm.startswith("aws:kms") for algorithm in defaults)


def _encrypt(bucket: Bucket) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    bucket.call("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [rule]})


REMEDIATION = Remediation(
    findings=f"Macie's policy findings {', '.join(ENDED)} (it ends no grant to an account, replication or CloudFront)",
    accepts=accepts,
    resource_type="AwsS3Bucket",
    plan=plan,
)
