"""S3.10: add a lifecycle rule for the noncurrent versions of a versioned bucket to its existing rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import settings

from ..buckets import Bucket, refuse_exempt
from ..contract import Plan, Remediation, Step, Target, of_control
from ..errors import Failed, Refused

CONTROLS = ("S3.10",)
RULE_ID = "finding-remediation-noncurrent-versions"
ABSENT = "NoSuchLifecycleConfiguration"
MOST_RULES = 1000


@dataclass(frozen=True)
class Settings:
    """The settings from the environment."""

    noncurrent_days: int = 90
    exempt_bucket_tag: str = ""


def plan(target: Target) -> Plan:
    """Read twice. Plan one write if no rule for the whole bucket expires noncurrent versions."""
    bucket, config = Bucket(target), settings.load(Settings)
    days = config.noncurrent_days
    refuse_exempt(bucket, config.exempt_bucket_tag)
    if not bucket.call("get_bucket_versioning").get("Status"):
        raise Refused("the bucket is not versioned: it has no noncurrent versions to expire")
    read = bucket.read("get_bucket_lifecycle_configuration", ABSENT)
    rules = read.get("Rules", [])
    # A setting that the request leaves out returns to its default.
    kept = {name: read[name] for name in ("TransitionDefaultMinimumObjectSize",) if name in read}

    def missing() -> str:
        now = bucket.read("get_bucket_lifecycle_configuration", ABSENT).get("Rules", [])
        lost = [rule for rule in rules if rule.get("ID") != RULE_ID and rule not in now]
        if lost:
            return "earlier rules of the bucket are missing"
        return "" if expiring(now) else "no rule expires noncurrent versions"

    def put() -> None:
        if len(rules) >= MOST_RULES:
            raise Failed(f"the bucket already has {MOST_RULES} lifecycle rules, the maximum")
        bucket.call("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": merged(rules, days)}, **kept)

    step = Step(f"add a lifecycle rule that expires noncurrent versions after {days} days", put)
    steps = () if expiring(rules) else (step,)
    # Rules can be long: those that stay need no record.
    before = {
        "lifecycle_rules": [rule.get("ID", "") for rule in rules],
        "replaced": [rule for rule in rules if rule.get("ID") == RULE_ID],
    }
    return Plan(steps, "a lifecycle rule expires noncurrent versions", missing, before=before)


def expiring(rules: list[Any]) -> bool:
    """Return whether an enabled rule for the whole bucket expires noncurrent versions."""
    return any(
        rule.get("Status") == "Enabled" and "NoncurrentVersionExpiration" in rule and _whole(rule) for rule in rules
    )


def merged(rules: list[Any], days: int) -> list[Any]:
    """Return the rules with ours, which replaces one of the same name. S3 refuses a mix of `Prefix` and `Filter`."""
    scope: dict[str, Any] = {"Prefix": ""} if any("Prefix" in rule for rule in rules) else {"Filter": {}}
    ours = {
        "ID": RULE_ID,
        "Status": "Enabled",
        **scope,
        "NoncurrentVersionExpiration": {"NoncurrentDays": days},
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
