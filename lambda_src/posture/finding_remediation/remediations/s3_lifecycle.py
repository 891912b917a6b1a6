"""S3.10: a lifecycle rule for the old versions of a versioned bucket, in addition to the rules that it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import settings

from ..buckets import Bucket
from ..contract import Plan, Remediation, Step, Target, of_control
from ..errors import Failed, Refused

CONTROLS = ("S3.10",)
RULE_ID = "finding-remediation-noncurrent-versions"
ABSENT = "NoSuchLifecycleConfiguration"
MOST_RULES = 1000


@dataclass(frozen=True)
class Settings:
    """The environment."""

    noncurrent_days: int = 90


def plan(target: Target) -> Plan:
    """Two reads, and one write when no rule of the whole bucket lets old versions expire."""
    bucket = Bucket(target)
    days = settings.load(Settings).noncurrent_days
    if not bucket.call("get_bucket_versioning").get("Status"):
        raise Refused("the bucket is not versioned: it has no old versions that a rule could let expire")
    read = bucket.read("get_bucket_lifecycle_configuration", ABSENT)
    rules = read.get("Rules", [])
    # What is left out goes back to its default.
    kept = {name: read[name] for name in ("TransitionDefaultMinimumObjectSize",) if name in read}

    def missing() -> str:
        now = bucket.read("get_bucket_lifecycle_configuration", ABSENT).get("Rules", [])
        lost = [rule for rule in rules if rule.get("ID") != RULE_ID and rule not in now]
        if lost:
            return "rules that the bucket had are not there any more"
        return "" if expiring(now) else "no rule lets old versions expire"

    def put() -> None:
        if len(rules) >= MOST_RULES:
            raise Failed(f"the bucket has the {MOST_RULES} lifecycle rules that it may have")
        bucket.call("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": merged(rules, days)}, **kept)

    step = Step(f"add a lifecycle rule: old versions expire after {days} days", put)
    return Plan(() if expiring(rules) else (step,), "a lifecycle rule lets old versions expire", missing)


def expiring(rules: list[Any]) -> bool:
    """Whether an enabled rule of the whole bucket lets noncurrent versions expire."""
    return any(
        rule.get("Status") == "Enabled" and "NoncurrentVersionExpiration" in rule and _whole(rule) for rule in rules
    )


def merged(rules: list[Any], days: int) -> list[Any]:
    """Return the rules with ours, which replaces one of its name. S3 refuses `Prefix` and `Filter` side by side."""
    scope: dict[str, Any] = {"Prefix": ""} if any("Prefix" in rule for rule in rules) else {"Filter": {}}
    ours = {
        "ID": RULE_ID,
        "Status": "Enabled",
        **scope,
        "NoncurrentVersionExpiration": {"NoncurrentDays": days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    return [*(rule for rule in rules if rule.get("ID") != RULE_ID), ours]


def _whole(rule: Mapping[str, Any]) -> bool:
    limits = rule.get("Filter") or {}
    return not rule.get("Prefix") and (not limits or limits == {"Prefix": ""})


REMEDIATION = Remediation(
    findings="findings of the control S3.10",
    accepts=lambda finding: of_control(finding, *CONTROLS),
    resource_type="AwsS3Bucket",
    plan=plan,
)
