"""Judge whether a web ACL logs as required. The rule and the remediation share this judgment."""

from dataclasses import dataclass, field
from typing import Any

from . import configurations
from .web_acls import WebAcl

COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE = "COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"
SCOPES = frozenset({"REGIONAL", "CLOUDFRONT"})


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The requirements on web ACLs, from the environment of both functions."""

    destination_arn: str
    scopes: list[str]
    correct_destination: bool = False
    exempt_arns: list[str] = field(default_factory=list)
    exempt_tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.scopes or set(self.scopes) - SCOPES:
            raise ValueError(f"SCOPES must name some of {', '.join(sorted(SCOPES))}")


@dataclass(frozen=True)
class Verdict:
    """Compliance in AWS Config's terms, and the reason."""

    compliance: str
    reason: str
    configuration: configurations.Configuration | None = None
    """The configuration that was read; None if there is none or it was not read."""


GONE = Verdict(NOT_APPLICABLE, "The web ACL does not exist.")


def judge(acl: WebAcl, policy: Policy, wafv2: Any) -> Verdict:
    """Return the verdict after one read, and one more (of the tags) with exempt tags. Raise WAF's errors, but treat "no
    logging" as a verdict.
    """
    if acl.scope not in policy.scopes:
        return Verdict(NOT_APPLICABLE, f"Web ACLs of scope {acl.scope} are not covered.")
    if acl.arn in policy.exempt_arns:
        return Verdict(NOT_APPLICABLE, "The web ACL is exempt by its ARN.")
    if policy.exempt_tags:
        try:
            tag = _exempting_tag(acl, policy.exempt_tags, wafv2)
        except wafv2.exceptions.WAFNonexistentItemException:
            return GONE
        if tag:
            return Verdict(NOT_APPLICABLE, f"The web ACL is exempt by its tag {tag}.")
    found = configurations.read(wafv2, acl.arn)
    if found is None:
        return Verdict(NON_COMPLIANT, "The web ACL does not log.")
    if not policy.correct_destination or configurations.goes_to(found, policy.destination_arn):
        return Verdict(COMPLIANT, "The web ACL logs.", found)
    if found.get("ManagedByFirewallManager"):
        return Verdict(COMPLIANT, "The web ACL logs elsewhere, which only Firewall Manager can change.", found)
    return Verdict(NON_COMPLIANT, "The web ACL logs elsewhere.", found)


def _exempting_tag(acl: WebAcl, exempting: dict[str, str], wafv2: Any) -> str | None:
    """Return the tag that exempts the web ACL. Read it from WAF: AWS Config's copy may be older, a summary has none."""
    more: dict[str, str] = {}
    while True:
        page = wafv2.list_tags_for_resource(ResourceARN=acl.arn, Limit=100, **more)
        for tag in page["TagInfoForResource"]["TagList"]:
            if exempting.get(tag["Key"]) == tag["Value"]:
                return f"{tag['Key']}={tag['Value']}"
        if not page.get("NextMarker"):
            return None
        more = {"NextMarker": page["NextMarker"]}
